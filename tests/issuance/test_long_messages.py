"""A long message is hashed before it is signed: the signature is the same kind as that of any."""

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from appliance.formats.keys import PrivateKey
from appliance.issuance.algorithms import (
    ECDSA_DIGESTS,
    ECDSA_SCHEMES,
    LONG,
    RSA_SCHEMES,
    is_signed,
)
from appliance.keys.file import FileSigner
from appliance.model.algorithms import SignatureAlgorithm as Algorithm

RSA = rsa.generate_private_key(65537, 2048)
KEYS: list[tuple[Algorithm, PrivateKey]] = [
    *((each, ec.generate_private_key(ec.SECP384R1())) for each in ECDSA_DIGESTS),
    *((each, RSA) for each in RSA_SCHEMES),
    (Algorithm.ED25519, ed25519.Ed25519PrivateKey.generate()),
]


def verify(key: PrivateKey, signature: bytes, message: bytes, algorithm: Algorithm) -> None:
    """Let pyca hash and verify, as anybody would."""
    public = key.public_key()
    if isinstance(public, ec.EllipticCurvePublicKey):
        public.verify(signature, message, ECDSA_SCHEMES[algorithm])
    elif isinstance(public, rsa.RSAPublicKey):
        public.verify(signature, message, *RSA_SCHEMES[algorithm])
    else:
        assert isinstance(public, ed25519.Ed25519PublicKey)
        public.verify(signature, message)


@pytest.mark.parametrize("size", [LONG - 1, LONG, LONG + 1])
@pytest.mark.parametrize(("algorithm", "key"), KEYS, ids=[each[0].value for each in KEYS])
async def test_whoever_hashes_the_signature_holds(
    algorithm: Algorithm, key: PrivateKey, size: int
) -> None:
    message = bytes(size - 1) + b"x"
    signature = await FileSigner(key).sign(message, algorithm)
    verify(key, signature, message, algorithm)
    public = FileSigner(key).public_key
    assert is_signed(message, signature, algorithm, public)
    assert not is_signed(bytes(size), signature, algorithm, public)
    with pytest.raises(InvalidSignature):
        verify(key, signature, bytes(size), algorithm)
