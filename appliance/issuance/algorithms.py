"""Signature algorithms: their identifiers, how to verify, which one an issuer signs with."""

import hashlib
from collections.abc import Mapping
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS, PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from appliance.formats import der
from appliance.formats.keys import PublicKey
from appliance.model.algorithms import SignatureAlgorithm as Algorithm

_PKCS1 = "1.2.840.113549.1.1"
_OIDS = {
    Algorithm.ECDSA_SHA256: "1.2.840.10045.4.3.2",
    Algorithm.ECDSA_SHA384: "1.2.840.10045.4.3.3",
    Algorithm.ECDSA_SHA512: "1.2.840.10045.4.3.4",
    Algorithm.ED25519: "1.3.101.112",
    Algorithm.RSA_SHA256: f"{_PKCS1}.11",
    Algorithm.RSA_SHA384: f"{_PKCS1}.12",
    Algorithm.RSA_SHA512: f"{_PKCS1}.13",
    Algorithm.RSA_PSS_SHA256: f"{_PKCS1}.10",
    Algorithm.RSA_PSS_SHA384: f"{_PKCS1}.10",
    Algorithm.RSA_PSS_SHA512: f"{_PKCS1}.10",
}
_SHA256, _SHA384, _SHA512 = hashes.SHA256(), hashes.SHA384(), hashes.SHA512()
_SHA2_OIDS = {
    "sha256": "2.16.840.1.101.3.4.2.1",
    "sha384": "2.16.840.1.101.3.4.2.2",
    "sha512": "2.16.840.1.101.3.4.2.3",
}

ECDSA_DIGESTS: Mapping[Algorithm, hashes.HashAlgorithm] = {
    Algorithm.ECDSA_SHA256: _SHA256,
    Algorithm.ECDSA_SHA384: _SHA384,
    Algorithm.ECDSA_SHA512: _SHA512,
}
ECDSA_SCHEMES: Mapping[Algorithm, ECDSA] = {
    algorithm: ECDSA(digest) for algorithm, digest in ECDSA_DIGESTS.items()
}


def _pss(digest: hashes.HashAlgorithm) -> PSS:
    """Salt as long as the digest (RFC 4055 section 3.1), as Go signs and accepts."""
    return PSS(MGF1(digest), digest.digest_size)


RSA_SCHEMES: Mapping[Algorithm, tuple[PKCS1v15 | PSS, hashes.HashAlgorithm]] = {
    Algorithm.RSA_SHA256: (PKCS1v15(), _SHA256),
    Algorithm.RSA_SHA384: (PKCS1v15(), _SHA384),
    Algorithm.RSA_SHA512: (PKCS1v15(), _SHA512),
    Algorithm.RSA_PSS_SHA256: (_pss(_SHA256), _SHA256),
    Algorithm.RSA_PSS_SHA384: (_pss(_SHA384), _SHA384),
    Algorithm.RSA_PSS_SHA512: (_pss(_SHA512), _SHA512),
}


def _identifier(algorithm: Algorithm) -> bytes:
    oid = der.oid(_OIDS[algorithm])
    if algorithm not in RSA_SCHEMES:
        return der.sequence(oid)  # RFC 5758 3.2 and RFC 8410 3: no parameters
    scheme, digest = RSA_SCHEMES[algorithm]
    if isinstance(scheme, PKCS1v15):
        return der.sequence(oid, der.null())  # RFC 4055 section 5
    hashed = der.sequence(der.oid(_SHA2_OIDS[digest.name]), der.null())
    mask = der.sequence(der.oid(f"{_PKCS1}.8"), hashed)
    salt = der.integer(digest.digest_size)
    return der.sequence(
        oid, der.sequence(der.context(0, hashed), der.context(1, mask), der.context(2, salt))
    )


IDENTIFIERS: Mapping[Algorithm, bytes] = {one: _identifier(one) for one in Algorithm}
"""AlgorithmIdentifier of each, in DER."""


LONG: Final = 64 * 1024
"""Octets of a message that takes noticeably long to hash: sign and verify it in a thread."""


def digested(
    message: bytes, digest: hashes.HashAlgorithm
) -> tuple[bytes, hashes.HashAlgorithm | Prehashed]:
    """Give what is to be signed, and how it is hashed; a long message is hashed here.

    hashlib lets other threads run meanwhile.
    """
    if len(message) < LONG:
        return message, digest
    return hashlib.new(digest.name, message).digest(), Prehashed(digest)


def is_signed(
    message: bytes, signature: bytes, algorithm: Algorithm, public_key: PublicKey
) -> bool:
    """Say whether the signature is that of the key; an algorithm of another key kind never is."""
    try:
        if isinstance(public_key, EllipticCurvePublicKey):
            scheme = ECDSA_SCHEMES[algorithm]
            if len(message) >= LONG:
                message, hashed = digested(message, ECDSA_DIGESTS[algorithm])
                scheme = ECDSA(hashed)
            public_key.verify(signature, message, scheme)
        elif isinstance(public_key, Ed25519PublicKey):
            if algorithm is not Algorithm.ED25519:
                return False
            public_key.verify(signature, message)
        else:
            padding, digest = RSA_SCHEMES[algorithm]
            message, hashed = digested(message, digest)
            public_key.verify(signature, message, padding, hashed)
    except (InvalidSignature, KeyError):
        return False
    return True


def is_digest_signed(
    digest: bytes, signature: bytes, algorithm: Algorithm, public_key: PublicKey
) -> bool:
    """Say whether the signature of what was hashed already is that of the key."""
    try:
        if isinstance(public_key, EllipticCurvePublicKey):
            public_key.verify(signature, digest, ECDSA(Prehashed(ECDSA_DIGESTS[algorithm])))
        elif isinstance(public_key, RSAPublicKey):
            padding, hashed = RSA_SCHEMES[algorithm]
            public_key.verify(signature, digest, padding, Prehashed(hashed))
        else:
            return False
    except (InvalidSignature, KeyError, ValueError):
        return False
    return True


def fits(algorithm: Algorithm, public_key: PublicKey) -> bool:
    """Say whether a key of this kind signs with the algorithm."""
    if isinstance(public_key, EllipticCurvePublicKey):
        return algorithm in ECDSA_SCHEMES
    if isinstance(public_key, RSAPublicKey):
        return algorithm in RSA_SCHEMES
    return algorithm is Algorithm.ED25519


def natural_algorithm(public_key: PublicKey) -> Algorithm:
    """Choose by the key alone: EC keys by the size of their curve, RSA with SHA-256."""
    if isinstance(public_key, Ed25519PublicKey):
        return Algorithm.ED25519
    if isinstance(public_key, EllipticCurvePublicKey):
        by_size = {256: Algorithm.ECDSA_SHA256, 384: Algorithm.ECDSA_SHA384}
        return by_size.get(public_key.key_size, Algorithm.ECDSA_SHA512)
    return Algorithm.RSA_SHA256


def issuer_algorithm(certificate: x509.Certificate, public_key: PublicKey) -> Algorithm:
    """Choose what this issuer signs with, as step-ca does.

    An RSA key signs as its own certificate is signed, when that is RSA too: so a hierarchy with
    PSS stays one.
    """
    if isinstance(public_key, RSAPublicKey):
        digest = certificate.signature_hash_algorithm
        parameters = certificate.signature_algorithm_parameters
        for algorithm, (scheme, hashed) in RSA_SCHEMES.items():
            if isinstance(parameters, type(scheme)) and digest == hashed:
                return algorithm
    return natural_algorithm(public_key)
