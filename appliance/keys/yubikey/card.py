"""One YubiKey, connected: what its PIV application does for us. The calls block.

Faults of the connection are CardFault, from `pcsc`; what the card refuses for want of a PIN, a
touch or the management key is NotSatisfied; everything else is of our own family.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from yubikit.core import BadResponseError, CommandError, InvalidPinError, NotSupportedError, Tlv
from yubikit.core.smartcard import AID, SW, ApduError, SmartCardConnection, SmartCardProtocol
from yubikit.piv import (
    DEFAULT_MANAGEMENT_KEY,
    KEY_TYPE,
    OBJECT_ID,
    PIN_POLICY,
    SLOT,
    TOUCH_POLICY,
    PivSession,
)

from appliance.formats.keys import PublicKey, checked_public
from appliance.keys.pins import Tries
from appliance.model.errors import Broken, Forbidden, FormatError, NotFound, NotSupported
from appliance.model.secret import Password
from appliance.ports.credentials import Credential
from appliance.ports.keys import WrongPin

_AUTHENTICATE: Final = 0x87
_VERIFY: Final = 0x20
_PIN: Final = 0x80
_OTP_SERIAL: Final = (0x01, 0x10)  # instruction and parameter
_USUAL_TRIES: Final = 3  # where the card tells only how many are left
_FACTORY_PIN: Final = "123456"
_FACTORY_PUK: Final = "12345678"
_LARGEST_PLAIN: Final = 2800  # octets of a certificate that is not compressed


class NotSatisfied(Exception):
    """The card wants its PIN, a touch or its management key first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotKey:
    """A key in a slot. Cards before 5.3 do not tell policies: both are then None."""

    type: KEY_TYPE
    public_key: PublicKey
    pin: PIN_POLICY | None
    touch: TOUCH_POLICY | None
    generated: bool | None

    @property
    def waits_for_touch(self) -> bool:
        """Say whether signing may wait for a finger."""
        return self.touch in (TOUCH_POLICY.ALWAYS, TOUCH_POLICY.CACHED)


@final
class OpenCard:
    """The PIV application of one YubiKey."""

    def __init__(self, connection: SmartCardConnection) -> None:
        """Select PIV and ask who it is. Raises NotSupported for a card without PIV."""
        self._connection = connection
        with _translated():
            self._piv = PivSession(connection)
            self.serial = self._read_serial()
        self.firmware = str(self._piv.version)
        self._keys: dict[SLOT, SlotKey] = {}

    def close(self) -> None:
        """Let it go; it forgets the PIN."""
        self._connection.close()

    def _read_serial(self) -> str:
        try:
            return str(self._piv.get_serial())
        except NotSupportedError:  # before 5.0.3 only the OTP application tells
            protocol = SmartCardProtocol(self._connection)
            protocol.select(AID.OTP)
            instruction, parameter = _OTP_SERIAL
            serial = int.from_bytes(protocol.send_apdu(0, instruction, parameter, 0))
            self._piv = PivSession(self._connection)
            return str(serial)

    # ---- PIN

    def tries(self) -> Tries:
        """Read how often the PIN may still be wrong; costs no try."""
        with _translated():
            try:
                counts = self._piv.get_pin_metadata()
            except NotSupportedError:
                if self.is_verified():
                    return Tries(full=True)
                left = self._piv.get_pin_attempts()
                return Tries(full=left >= _USUAL_TRIES, left=left, blocked=not left)
        left = counts.attempts_remaining
        return Tries(full=left == counts.total_attempts, left=left, blocked=not left)

    def is_verified(self) -> bool:
        """Say whether the card remembers the PIN; costs no try."""
        with _translated():
            try:
                self._piv.protocol.send_apdu(0, _VERIFY, 0, _PIN)
            except ApduError:
                return False
        return True

    def verify(self, pin: Password) -> None:
        """Give the PIN. Raises WrongPin, which cost a try, and Forbidden for what can be no PIN."""
        try:
            text = pin.reveal().decode()
        except UnicodeDecodeError:
            text = ""
        if not 6 <= len(text.encode()) <= 8:
            raise Forbidden("a YubiKey's PIN has six to eight characters; this one was not tried")
        with _translated():
            try:
                self._piv.verify_pin(text)
            except InvalidPinError as error:
                raise WrongPin(
                    f"the YubiKey refused the PIN; tries left: {error.attempts_remaining}",
                    tries_left=error.attempts_remaining,
                ) from error

    # ---- keys

    def key(self, slot: SLOT) -> SlotKey:
        """Describe the key in a slot. Raises NotFound."""
        if slot not in self._keys:
            with _translated(absent=f"the YubiKey has no key in slot {slot:02x}"):
                self._keys[slot] = self._described(slot)
        return self._keys[slot]

    def _described(self, slot: SLOT) -> SlotKey:
        try:
            found = self._piv.get_slot_metadata(slot)
        except NotSupportedError:
            return self._of_certificate(slot)
        return SlotKey(
            type=found.key_type,
            public_key=checked_public(found.public_key),
            pin=found.pin_policy,
            touch=found.touch_policy,
            generated=found.generated,
        )

    def _of_certificate(self, slot: SLOT) -> SlotKey:
        """Before 5.3 an attestation tells of a key made here, or else the certificate beside it."""
        generated = True
        try:
            certificate = self._piv.attest_key(slot)
        except (ApduError, NotSupportedError):
            generated = False
            certificate = self._piv.get_certificate(slot)
        public_key = checked_public(certificate.public_key())
        return SlotKey(
            type=KEY_TYPE.from_public_key(public_key),
            public_key=public_key,
            pin=None,
            touch=None,
            generated=generated,
        )

    def use(self, slot: SLOT, type_: KEY_TYPE, block: bytes) -> bytes:
        """Do the key's private operation. Raises NotSatisfied."""
        asked = Tlv(0x7C, Tlv(0x82) + Tlv(0x81, block))
        with _translated():
            answer = self._piv.protocol.send_apdu(0, _AUTHENTICATE, type_, slot, asked)
            return Tlv.unpack(0x82, Tlv.unpack(0x7C, answer))

    # ---- with the management key

    def authenticate(self, key: bytes | None) -> None:
        """Give the management key; without one, the factory's, if the card still has it.

        Raises Forbidden. There is no count of tries.
        """
        if key is None:
            self._check_factory_key()
            key = DEFAULT_MANAGEMENT_KEY
        if len(key) != self._piv.management_key_type.key_len:
            raise Forbidden(
                f"the YubiKey's management key is of {self._piv.management_key_type.name}: "
                f"{self._piv.management_key_type.key_len} octets, not {len(key)}"
            )
        try:
            with _translated():
                self._piv.authenticate(key)
        except (NotSatisfied, Broken) as error:
            raise Forbidden(
                "the YubiKey refused the management key: give it with management-key"
            ) from error

    def _check_factory_key(self) -> None:
        with _translated():
            try:
                is_factory = self._piv.get_management_key_metadata().default_value
            except NotSupportedError:
                return
        if not is_factory:
            raise Forbidden("the YubiKey has a management key of its own: give it, management-key")

    def generate(
        self, slot: SLOT, type_: KEY_TYPE, pin: PIN_POLICY, touch: TOUCH_POLICY
    ) -> PublicKey:
        """Make a key in a slot, in place of one that is there."""
        self._keys.pop(slot, None)
        with _translated():
            return checked_public(self._piv.generate_key(slot, type_, pin, touch))

    def delete_key(self, slot: SLOT) -> None:
        """Destroy a key. Raises NotFound, and NotSupported before firmware 5.7."""
        self._keys.pop(slot, None)
        with _translated(absent=f"the YubiKey has no key in slot {slot:02x}"):
            self._piv.delete_key(slot)

    # ---- what the factory set

    @property
    def management_key_octets(self) -> int:
        """How long a management key is on this card."""
        return self._piv.management_key_type.key_len

    def factory_credentials(self) -> list[Credential]:
        """Say what is still as everybody knows it. Raises NotSupported before firmware 5.3."""
        with _translated():
            known = {
                Credential.PIN: self._piv.get_pin_metadata().default_value,
                Credential.PUK: self._piv.get_puk_metadata().default_value,
                Credential.MANAGEMENT_KEY: self._piv.get_management_key_metadata().default_value,
            }
        return [credential for credential, is_factory in known.items() if is_factory]

    def replace_factory(self, credential: Credential, new: Password) -> None:
        """Replace what the card says is the factory's: no try is at stake. Raises Forbidden."""
        if credential not in self.factory_credentials():
            raise Forbidden(f"the {credential} of YubiKey {self.serial} is not the factory's")
        text = new.reveal().decode()
        with _translated():
            match credential:
                case Credential.PIN:
                    self._piv.change_pin(_FACTORY_PIN, text)
                case Credential.PUK:
                    self._piv.change_puk(_FACTORY_PUK, text)
                case Credential.MANAGEMENT_KEY:
                    self._piv.authenticate(DEFAULT_MANAGEMENT_KEY)
                    kind = self._piv.management_key_type  # ykcs11 of Debian 12 knows no other
                    self._piv.set_management_key(kind, bytes.fromhex(text))

    def reset(self) -> None:
        """Make it as it left the factory."""
        self._keys.clear()
        with _translated():
            self._piv.reset()

    # ---- certificates

    def certificate(self, slot: SLOT) -> bytes:
        """Give the certificate (DER) in a slot. Raises NotFound."""
        with _translated(absent=f"the YubiKey has no certificate in slot {slot:02x}"):
            return self._piv.get_certificate(slot).public_bytes(Encoding.DER)

    def has_certificate(self, slot: SLOT) -> bool:
        """Say whether there is something in the place of a slot's certificate."""
        try:
            with _translated(absent="none"):
                return bool(self._piv.get_object(OBJECT_ID.from_slot(slot)))
        except NotFound:
            return False

    def store(self, slot: SLOT, certificate: x509.Certificate) -> None:
        """Keep a certificate, compressed when it is long."""
        size = len(certificate.public_bytes(Encoding.DER))
        with _translated():
            self._piv.put_certificate(slot, certificate, size > _LARGEST_PLAIN)

    def delete_certificate(self, slot: SLOT) -> None:
        """Remove a certificate. Raises NotFound."""
        if not self.has_certificate(slot):
            raise NotFound(f"the YubiKey has no certificate in slot {slot:02x}")
        with _translated():
            self._piv.delete_certificate(slot)

    def attested(self, slot: SLOT) -> list[bytes]:
        """Give what vouches for a key: a certificate made now, and that of its issuer."""
        with _translated(
            absent=f"the YubiKey cannot attest slot {slot:02x}: no key was made in it"
        ):
            leaf = self._piv.attest_key(slot)
            issuer = self._piv.get_certificate(SLOT.ATTESTATION)
        return [each.public_bytes(Encoding.DER) for each in (leaf, issuer)]


_ABSENT: Final = {SW.FILE_NOT_FOUND, SW.REFERENCE_DATA_NOT_FOUND, SW.INCORRECT_PARAMETERS}


@contextmanager
def _translated(absent: str = "") -> Iterator[None]:
    """Turn the library's errors into ours; `absent` says what it means that nothing is there."""
    try:
        yield
    except ApduError as error:
        if error.sw == SW.SECURITY_CONDITION_NOT_SATISFIED:
            raise NotSatisfied from error
        if absent and error.sw in _ABSENT:
            raise NotFound(absent) from error
        raise Broken("the YubiKey refused a command", detail=f"{error.sw:04x}") from error
    except NotSupportedError as error:
        raise NotSupported(f"the YubiKey cannot do it: {error}") from error
    except FormatError as error:
        raise NotSupported(f"the key on the YubiKey cannot be used: {error.public}") from error
    except (BadResponseError, CommandError, ValueError) as error:
        raise Broken("the YubiKey gave a wrong answer", detail=str(error)) from error
