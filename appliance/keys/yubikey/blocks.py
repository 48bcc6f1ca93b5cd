"""What a YubiKey is given to sign: it does arithmetic; hashing and padding are ours.

ECDSA takes the digest's leftmost bits (FIPS 186-5 6.4.1), RSA a whole padded block, Ed25519 the
message itself.
"""

import hashlib
from typing import Final

from cryptography.hazmat.primitives.asymmetric.padding import PSS
from yubikit.piv import KEY_TYPE

from appliance.formats import rsa_padding
from appliance.issuance.algorithms import ECDSA_DIGESTS, RSA_SCHEMES
from appliance.model.algorithms import SignatureAlgorithm
from appliance.model.errors import Broken, NotSupported

_CURVE_OCTETS: Final = {KEY_TYPE.ECCP256: 32, KEY_TYPE.ECCP384: 48}
_RSA_BITS: Final = {
    KEY_TYPE.RSA2048: 2048,
    KEY_TYPE.RSA3072: 3072,
    KEY_TYPE.RSA4096: 4096,
}
_LONGEST_ED25519: Final = 3000  # octets; what one command can carry


def block_of(
    message: bytes,
    algorithm: SignatureAlgorithm,
    type_: KEY_TYPE,
    entropy: bytes,
    *,
    hashed: bool = False,
) -> bytes:
    """Prepare a message, or its digest (`hashed`); `entropy` (64 octets) salts RSA-PSS.

    Raises Broken for an algorithm of another kind of key, NotSupported for a message too long.
    """
    if type_ in _CURVE_OCTETS and algorithm in ECDSA_DIGESTS:
        size = _CURVE_OCTETS[type_]
        digest = message if hashed else _digest(ECDSA_DIGESTS[algorithm].name, message)
        return digest[:size].rjust(size, b"\0")
    if type_ in _RSA_BITS and algorithm in RSA_SCHEMES:
        scheme, hash_ = RSA_SCHEMES[algorithm]
        digest = message if hashed else _digest(hash_.name, message)
        if isinstance(scheme, PSS):
            salt = entropy[: hash_.digest_size]
            return rsa_padding.pss(digest, hash_.name, _RSA_BITS[type_], salt)
        return rsa_padding.pkcs1(digest, hash_.name, _RSA_BITS[type_])
    if type_ is KEY_TYPE.ED25519 and algorithm is SignatureAlgorithm.ED25519 and not hashed:
        if len(message) > _LONGEST_ED25519:
            raise NotSupported(
                "a YubiKey signs no more than 3,000 octets with an Ed25519 key",
                detail=f"asked for {len(message)}: use an EC or RSA key for long revocation lists",
            )
        return message
    raise Broken("the signing key does not go with the algorithm", detail=algorithm)


def _digest(name: str, message: bytes) -> bytes:
    return hashlib.new(name, message).digest()
