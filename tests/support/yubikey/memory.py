"""What a virtual YubiKey keeps when it has no power: PINs, tries, keys, objects."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)

from tests.support.yubikey.algorithms import Private
from tests.support.yubikey.tlv import NO_REFERENCE, Status

FACTORY_PIN, FACTORY_PUK = "123456", "12345678"
FACTORY_MANAGEMENT_KEY = bytes.fromhex("0102030405060708" * 3)
GENERATED, IMPORTED = 1, 2


@dataclass
class Tries:
    """How often a PIN may be wrong, and how often it still may."""

    total: int = 3
    left: int = 3


@dataclass
class StoredKey:
    """A private key in a slot with its policies."""

    algorithm: int
    der: str
    pin_policy: int
    touch_policy: int
    origin: int

    @property
    def private(self) -> Private:
        """The key itself."""
        key: Private = load_der_private_key(bytes.fromhex(self.der), None)  # type: ignore[assignment]
        return key


@dataclass
class Memory:
    """All of it. Slots are named by two hexadecimal digits, objects by six."""

    pin: str = FACTORY_PIN
    puk: str = FACTORY_PUK
    pin_tries: Tries = field(default_factory=Tries)
    puk_tries: Tries = field(default_factory=Tries)
    keys: dict[str, StoredKey] = field(default_factory=dict)
    objects: dict[str, str] = field(default_factory=dict)
    management_algorithm: int = 0x03
    management_key: str = FACTORY_MANAGEMENT_KEY.hex()
    management_touch: int = 1
    file: str = ""

    @classmethod
    def read(cls, file: Path) -> "Memory":
        """Read what was written."""
        found = json.loads(file.read_text())
        keys = {slot: StoredKey(**key) for slot, key in found.pop("keys").items()}
        pin_tries, puk_tries = Tries(**found.pop("pin_tries")), Tries(**found.pop("puk_tries"))
        return cls(keys=keys, pin_tries=pin_tries, puk_tries=puk_tries, **found)

    def write(self) -> None:
        """Keep it, if anywhere."""
        if self.file:
            Path(self.file).write_text(json.dumps(asdict(self)))

    def key(self, slot: int) -> StoredKey:
        """Give the key in a slot."""
        try:
            return self.keys[f"{slot:02x}"]
        except KeyError:
            raise Status(NO_REFERENCE) from None

    def keep(
        self, slot: int, algorithm: int, key: Private, policies: tuple[int, int], origin: int
    ) -> None:
        """Put a key into a slot; policies of 0 are the slot's defaults."""
        der = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        pin = policies[0] or {0x9C: 3, 0x9E: 1}.get(slot, 2)
        self.keys[f"{slot:02x}"] = StoredKey(algorithm, der.hex(), pin, policies[1] or 1, origin)
        self.write()
