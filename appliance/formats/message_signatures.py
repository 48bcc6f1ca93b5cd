"""Signatures over messages, as `step crypto key sign` makes them: bare, with no envelope.

EC keys sign the digest that goes with their curve, RSA keys the one that is asked for, Ed25519 keys
the message itself.
"""

from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.ec import (
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from appliance.formats.keys import PrivateKey, PublicKey
from appliance.model.errors import BadRequest

_DIGESTS: Final[dict[str, hashes.HashAlgorithm]] = {
    "sha1": hashes.SHA1(),  # noqa: S303 - whoever asks for it by name
    "sha224": hashes.SHA224(),
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
    "sha512-224": hashes.SHA512_224(),
    "sha512-256": hashes.SHA512_256(),
    "md5": hashes.MD5(),  # noqa: S303 - whoever asks for it by name
}
_OF_CURVE: Final[dict[int, hashes.HashAlgorithm]] = {
    256: hashes.SHA256(),
    384: hashes.SHA384(),
    521: hashes.SHA512(),
}


def digest_of(name: str) -> hashes.HashAlgorithm:
    """Give the digest for RSA by its name; SHA-256 for none. Raises BadRequest."""
    found = _DIGESTS.get(name.lower() or "sha256")
    if found is None:
        raise BadRequest(f"unsupported algorithm {name}: use {', '.join(_DIGESTS)}")
    return found


def sign(key: PrivateKey, message: bytes, digest: hashes.HashAlgorithm, *, pss: bool) -> bytes:
    """Sign a message; `digest` and `pss` are for RSA. Raises BadRequest."""
    if isinstance(key, EllipticCurvePrivateKey):
        return key.sign(message, ec.ECDSA(_OF_CURVE[key.key_size]))
    if isinstance(key, Ed25519PrivateKey):
        return key.sign(message)
    scheme = _pss(digest, padding.PSS.MAX_LENGTH) if pss else padding.PKCS1v15()
    try:
        return key.sign(message, scheme, digest)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise BadRequest(f"an RSA key of {key.key_size} bits cannot sign {digest.name}") from error


def holds(
    key: PublicKey, message: bytes, signature: bytes, digest: hashes.HashAlgorithm, *, pss: bool
) -> bool:
    """Tell if the key signed the message."""
    try:
        if isinstance(key, EllipticCurvePublicKey):
            key.verify(signature, message, ec.ECDSA(_OF_CURVE[key.key_size]))
        elif isinstance(key, Ed25519PublicKey):
            key.verify(signature, message)
        elif pss:
            key.verify(signature, message, _pss(digest, padding.PSS.AUTO), digest)
        else:
            key.verify(signature, message, padding.PKCS1v15(), digest)
    except (InvalidSignature, ValueError, UnsupportedAlgorithm):
        return False
    return True


def _pss(digest: hashes.HashAlgorithm, length: object) -> padding.PSS:
    return padding.PSS(mgf=padding.MGF1(digest), salt_length=length)  # type: ignore[arg-type]
