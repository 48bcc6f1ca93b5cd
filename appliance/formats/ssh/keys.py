"""Public keys in SSH's form (RFC 4253 section 6.6, RFC 5656, RFC 8709, OpenSSH's PROTOCOL.u2f).

A key on the wire is a *blob*; as a line it is `TYPE BASE64 COMMENT`.
"""

import base64
import binascii
import hashlib
from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    SECP384R1,
    SECP521R1,
    EllipticCurve,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from appliance.formats.keys import PublicKey
from appliance.formats.ssh import wire
from appliance.formats.ssh.wire import Reader
from appliance.model.errors import FormatError

RSA: Final = "ssh-rsa"
ED25519: Final = "ssh-ed25519"
DSA: Final = "ssh-dss"
SK_ECDSA: Final = "sk-ecdsa-sha2-nistp256@openssh.com"
SK_ED25519: Final = "sk-ssh-ed25519@openssh.com"

_ECDSA: Final = "ecdsa-sha2-"
_CURVES: Final[dict[str, EllipticCurve]] = {
    "nistp256": SECP256R1(),
    "nistp384": SECP384R1(),
    "nistp521": SECP521R1(),
}
_CURVE_NAMES: Final = {curve.name: name for name, curve in _CURVES.items()}
_FORMS: Final = {RSA: "RSA", ED25519: "ED25519", SK_ECDSA: "SK-ECDSA", SK_ED25519: "SK-ED25519"}
_LARGEST_EXPONENT: Final = 24  # bits


@dataclass(frozen=True, slots=True, kw_only=True)
class SshPublicKey:
    """A public key. Of one in a security key (sk-…), `key` is what signs, for `application`."""

    type: str  # as the blob begins: ssh-ed25519, ecdsa-sha2-nistp256 …
    blob: bytes
    key: PublicKey = field(compare=False, repr=False)
    application: str = ""

    @property
    def text(self) -> str:
        """Give the blob in base64."""
        return base64.b64encode(self.blob).decode("ascii")

    @property
    def line(self) -> str:
        """Give type and blob as authorized_keys and known_hosts have them, without comment."""
        return f"{self.type} {self.text}"

    @property
    def key_form(self) -> str:
        """Name the kind of key as fingerprints do: ECDSA, ED25519, RSA, SK-ECDSA, SK-ED25519."""
        return _FORMS.get(self.type, "ECDSA")

    @property
    def size(self) -> int:
        """Give the bits of the key, as fingerprints do."""
        return 256 if isinstance(self.key, Ed25519PublicKey) else self.key.key_size

    @property
    def fingerprint(self) -> str:
        """Give the SHA-256 fingerprint as OpenSSH writes it: `SHA256:…`."""
        return fingerprint(self.blob)


def fingerprint(blob: bytes) -> str:
    """Hash a blob as OpenSSH does: `SHA256:` and base64 without padding."""
    digest = base64.b64encode(hashlib.sha256(blob).digest()).decode("ascii")
    return f"SHA256:{digest.rstrip('=')}"


def of_key(key: PublicKey) -> SshPublicKey:
    """Give a key in SSH's form."""
    if isinstance(key, EllipticCurvePublicKey):
        curve = _CURVE_NAMES[key.curve.name]
        kind = _ECDSA + curve
        point = key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return SshPublicKey(type=kind, blob=wire.strings((kind, curve, point)), key=key)
    if isinstance(key, Ed25519PublicKey):
        blob = wire.strings((ED25519, key.public_bytes_raw()))
        return SshPublicKey(type=ED25519, blob=blob, key=key)
    numbers = key.public_numbers()
    blob = wire.string(RSA) + wire.mpint(numbers.e) + wire.mpint(numbers.n)
    return SshPublicKey(type=RSA, blob=blob, key=key)


def parse(blob: bytes) -> SshPublicKey:
    """Read a blob. Raises FormatError, also for kinds of key that nobody should use."""
    reader = Reader(blob)
    kind = reader.text()
    key = read_body(kind, reader)
    reader.finish("the public key")
    return key


def read_line(line: str) -> tuple[SshPublicKey, str]:
    """Read `TYPE BASE64 COMMENT` and give the key and the comment. Raises FormatError."""
    kind, _, rest = line.strip().partition(" ")
    encoded, _, comment = rest.strip().partition(" ")
    key = parse(of_base64(encoded))
    if key.type != kind:
        raise FormatError(f"a public key line that says {kind[:60]!r} and holds {key.type}")
    return key, comment.strip()


def of_base64(text: str) -> bytes:
    """Decode base64 with its padding. Raises FormatError."""
    try:
        return binascii.a2b_base64(text.encode("ascii"), strict_mode=True)
    except (ValueError, UnicodeEncodeError):
        raise FormatError("SSH data that is not in base64") from None


def read_body(kind: str, reader: Reader) -> SshPublicKey:
    """Read what follows the type; a certificate has it in its midst. Raises FormatError."""
    try:
        if kind in (ED25519, SK_ED25519):
            return _ed25519(kind, reader)
        if kind == SK_ECDSA or (kind.startswith(_ECDSA) and kind[len(_ECDSA) :] in _CURVES):
            return _ecdsa(kind, reader)
        if kind == RSA:
            return _rsa(reader)
    except (ValueError, UnsupportedAlgorithm):
        raise FormatError(f"a public key of type {kind} that is none") from None
    if kind == DSA:
        raise FormatError("ssh certificate key algorithm (DSA) is not supported")
    raise FormatError(f"a public key of unknown type {kind[:60]!r}")


def _ed25519(kind: str, reader: Reader) -> SshPublicKey:
    octets = reader.string()
    key = Ed25519PublicKey.from_public_bytes(octets)
    return _with_application(kind, [kind, octets], key, reader)


def _ecdsa(kind: str, reader: Reader) -> SshPublicKey:
    curve, point = reader.text(), reader.string()
    expected = "nistp256" if kind == SK_ECDSA else kind[len(_ECDSA) :]
    if curve != expected or point[:1] != b"\x04":
        raise FormatError(f"a public key of type {kind} that is none")
    key = EllipticCurvePublicKey.from_encoded_point(_CURVES[curve], point)
    return _with_application(kind, [kind, curve, point], key, reader)


def _with_application(
    kind: str, parts: list[bytes | str], key: PublicKey, reader: Reader
) -> SshPublicKey:
    application = reader.text() if kind in (SK_ECDSA, SK_ED25519) else ""
    if kind in (SK_ECDSA, SK_ED25519):
        parts.append(application)
    return SshPublicKey(type=kind, blob=wire.strings(parts), key=key, application=application)


def _rsa(reader: Reader) -> SshPublicKey:
    exponent, modulus = reader.mpint(), reader.mpint()
    if exponent.bit_length() > _LARGEST_EXPONENT:
        raise FormatError("an RSA key whose exponent is too large")
    return of_key(RSAPublicNumbers(exponent, modulus).public_key())
