"""A certificate with its key, as a client shows it."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from appliance.formats import pem
from appliance.formats.keyfile import dump_private_key, load_private_key, public_key_of_der
from appliance.formats.keys import PrivateKey
from appliance.issuance.parsed import ParsedCertificate, parse
from appliance.model.errors import FormatError, HearthError


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """A chain in DER, the leaf first, and the key of the leaf."""

    chain: tuple[bytes, ...]
    key: PrivateKey

    @property
    def leaf(self) -> ParsedCertificate:
        """The certificate itself. Raises FormatError."""
        return parse(self.chain[0])

    def is_valid(self, now: datetime) -> bool:
        """Tell if the leaf's dates hold."""
        validity = self.leaf.validity
        return validity.not_before <= now <= validity.not_after

    def renewed(self, chain: tuple[bytes, ...]) -> "Identity":
        """Give the same key with a new chain. Raises FormatError when they do not fit."""
        return identity(chain, self.key)


def identity(chain: tuple[bytes, ...], key: PrivateKey) -> Identity:
    """Put a chain and its key together. Raises FormatError when they do not belong together."""
    made = Identity(chain=chain, key=key)
    if public_key_of_der(made.leaf.public_key_info) != key.public_key():
        raise FormatError("the certificate and the private key do not belong together")
    return made


def load_identity(certificate: bytes, read_key: Callable[[], PrivateKey]) -> Identity:
    """Read a chain of PEM certificates and its key. Raises FormatError."""
    return identity(tuple(pem.certificates(certificate)), read_key())


def written(shown: Identity, certificate_file: str, key_file: str) -> tuple[bytes, bytes, bytes]:
    """Write the chain, the key, and the identity.json that names their files."""
    chain = "".join(pem.encode("CERTIFICATE", der) for der in shown.chain)
    entry = {"type": "mTLS", "crt": certificate_file, "key": key_file}
    text = json.dumps(entry, indent=3, ensure_ascii=False) + "\n"
    return chain.encode(), dump_private_key(shown.key, None), text.encode()


def default_identity(file: Path, now: datetime) -> Identity | None:
    """Give the client certificate that identity.json names, when it is usable; else none.

    As with step, an identity that is broken or out of date is as good as none.
    """
    try:
        entry = json.loads(file.read_bytes())
        if str(entry["type"]).lower() != "mtls":
            return None
        key = Path(entry["key"]).read_bytes()
        found = load_identity(Path(entry["crt"]).read_bytes(), lambda: load_private_key(key, None))
    except (OSError, ValueError, KeyError, TypeError, HearthError):
        return None
    return found if found.is_valid(now) else None
