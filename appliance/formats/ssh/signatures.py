"""Signatures in SSH's form: a name and octets (RFC 4253 6.6, RFC 5656, RFC 8332, RFC 8709)."""

from collections.abc import Mapping
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)
from msgspec import Struct

from appliance.formats.ssh import keys, wire
from appliance.formats.ssh.keys import SshPublicKey
from appliance.formats.ssh.wire import Reader
from appliance.model.algorithms import SignatureAlgorithm
from appliance.model.errors import FormatError

_NAMES: Final[Mapping[SignatureAlgorithm, str]] = {
    SignatureAlgorithm.ECDSA_SHA256: "ecdsa-sha2-nistp256",
    SignatureAlgorithm.ECDSA_SHA384: "ecdsa-sha2-nistp384",
    SignatureAlgorithm.ECDSA_SHA512: "ecdsa-sha2-nistp521",
    SignatureAlgorithm.ED25519: keys.ED25519,
    SignatureAlgorithm.RSA_SHA256: "rsa-sha2-256",
    SignatureAlgorithm.RSA_SHA512: "rsa-sha2-512",
}
_ALGORITHMS: Final[Mapping[str, SignatureAlgorithm]] = {
    name: algorithm for algorithm, name in _NAMES.items()
} | {keys.RSA: SignatureAlgorithm.RSA_SHA512}
"""What a CA key of each type signs with; RSA with SHA-512, as ssh-keygen does."""

_ECDSA: Final[Mapping[str, ECDSA]] = {
    "ecdsa-sha2-nistp256": ECDSA(hashes.SHA256()),
    "ecdsa-sha2-nistp384": ECDSA(hashes.SHA384()),
    "ecdsa-sha2-nistp521": ECDSA(hashes.SHA512()),
}
_RSA: Final[Mapping[str, hashes.HashAlgorithm]] = {
    "rsa-sha2-256": hashes.SHA256(),
    "rsa-sha2-512": hashes.SHA512(),
}


class SshSignature(Struct, frozen=True, kw_only=True):
    """A signature. `blob` is what its format makes of it; `rest` follows for security keys."""

    format: str
    blob: bytes
    rest: bytes = b""

    @property
    def octets(self) -> bytes:
        """Write it."""
        return wire.string(self.format) + wire.string(self.blob) + self.rest


def algorithm_of(key: SshPublicKey) -> SignatureAlgorithm:
    """Choose what a CA key signs with. Raises FormatError for one that cannot be a CA's here."""
    try:
        return _ALGORITHMS[key.type]
    except KeyError:
        raise FormatError(f"a key of type {key.type} cannot sign certificates here") from None


def of_signature(algorithm: SignatureAlgorithm, signature: bytes) -> SshSignature:
    """Bring a signature from X.509's form (ECDSA: DER of r and s) into SSH's. Raises FormatError.

    That is the form in which a Signer gives it.
    """
    name = _NAMES.get(algorithm)
    if name is None:
        raise FormatError(f"SSH has no signatures of kind {algorithm}")
    if name not in _ECDSA:
        return SshSignature(format=name, blob=signature)
    try:
        r, s = decode_dss_signature(signature)
    except ValueError:
        raise FormatError("an ECDSA signature that is not DER") from None
    return SshSignature(format=name, blob=wire.mpint(r) + wire.mpint(s))


def parse(octets: bytes) -> SshSignature:
    """Read a signature. Raises FormatError."""
    reader = Reader(octets)
    return SshSignature(format=reader.text(), blob=reader.string(), rest=reader.rest())


def is_signed(message: bytes, signature: SshSignature, key: SshPublicKey) -> bool:
    """Say whether the signature is that of the key. Security keys are not taken: they sign more."""
    if signature.rest or key.application:
        return False
    try:
        return _verified(message, signature, key)
    except (InvalidSignature, FormatError):
        return False


def _verified(message: bytes, signature: SshSignature, key: SshPublicKey) -> bool:
    public_key, form = key.key, signature.format
    if isinstance(public_key, EllipticCurvePublicKey):
        if form != key.type or form not in _ECDSA:
            return False
        reader = Reader(signature.blob)
        r, s = reader.mpint(), reader.mpint()
        reader.finish("the signature")
        public_key.verify(encode_dss_signature(r, s), message, _ECDSA[form])
    elif isinstance(public_key, Ed25519PublicKey):
        if form != keys.ED25519:
            return False
        public_key.verify(signature.blob, message)
    else:
        if form not in _RSA:
            return False
        # OpenSSH pads signatures that lost their leading zeros.
        blob = signature.blob.rjust((public_key.key_size + 7) // 8, b"\0")
        public_key.verify(blob, message, PKCS1v15(), _RSA[form])
    return True
