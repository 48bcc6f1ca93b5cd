"""How each signature algorithm is asked of a module: raw first, then with the module's own hash."""

from collections.abc import Iterator
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.padding import PSS
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import Hash, HashAlgorithm
from pkcs11 import MGF, Mechanism

from appliance.formats import der
from appliance.issuance.algorithms import ECDSA_DIGESTS, RSA_SCHEMES
from appliance.model.algorithms import SignatureAlgorithm

_HASHES = {
    "sha256": (
        "2.16.840.1.101.3.4.2.1", Mechanism.SHA256, MGF.SHA256,
        Mechanism.SHA256_RSA_PKCS, Mechanism.SHA256_RSA_PKCS_PSS, Mechanism.ECDSA_SHA256,
    ),
    "sha384": (
        "2.16.840.1.101.3.4.2.2", Mechanism.SHA384, MGF.SHA384,
        Mechanism.SHA384_RSA_PKCS, Mechanism.SHA384_RSA_PKCS_PSS, Mechanism.ECDSA_SHA384,
    ),
    "sha512": (
        "2.16.840.1.101.3.4.2.3", Mechanism.SHA512, MGF.SHA512,
        Mechanism.SHA512_RSA_PKCS, Mechanism.SHA512_RSA_PKCS_PSS, Mechanism.ECDSA_SHA512,
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way to ask for a signature: a mechanism, its parameter, and the data for it."""

    mechanism: Mechanism
    parameter: tuple[object, ...] | None
    data: bytes


def ways(message: bytes, algorithm: SignatureAlgorithm, *, order_octets: int = 0) -> Iterator[Way]:
    """Give the ways to sign a message, the one that most tokens know first.

    `order_octets` is as for `way_of_digest`.
    """
    if algorithm is SignatureAlgorithm.ED25519:
        yield Way(mechanism=Mechanism.EDDSA, parameter=None, data=message)
    elif algorithm in ECDSA_DIGESTS:
        digest = ECDSA_DIGESTS[algorithm]
        yield way_of_digest(_hashed(message, digest), algorithm, order_octets=order_octets)
        yield Way(mechanism=_HASHES[digest.name][5], parameter=None, data=message)
    else:
        padding, digest = RSA_SCHEMES[algorithm]
        raw = way_of_digest(_hashed(message, digest), algorithm)
        yield raw
        _, _, _, pkcs1, pss, _ = _HASHES[digest.name]
        whole = pss if isinstance(padding, PSS) else pkcs1
        yield Way(mechanism=whole, parameter=raw.parameter, data=message)


def way_of_digest(hashed: bytes, algorithm: SignatureAlgorithm, *, order_octets: int = 0) -> Way:
    """Give the way to sign what was hashed already; Ed25519 has none.

    ECDSA uses a digest's leftmost bits, as many as its curve's order has (FIPS 186-5 6.4.1): some
    modules, as that of YubiKeys, refuse a longer one. The order's length is 0 where it is unknown.
    """
    if algorithm in ECDSA_DIGESTS:
        data = hashed[:order_octets] if order_octets else hashed
        return Way(mechanism=Mechanism.ECDSA, parameter=None, data=data)
    padding, digest = RSA_SCHEMES[algorithm]
    oid, mechanism, mask, *_ = _HASHES[digest.name]
    if isinstance(padding, PSS):
        parameter = (mechanism, mask, digest.digest_size)
        return Way(mechanism=Mechanism.RSA_PKCS_PSS, parameter=parameter, data=hashed)
    # RFC 8017 section 9.2: DigestInfo
    info = der.sequence(der.sequence(der.oid(oid), der.null()), der.octet_string(hashed))
    return Way(mechanism=Mechanism.RSA_PKCS, parameter=None, data=info)


def in_x509_form(signature: bytes, algorithm: SignatureAlgorithm) -> bytes:
    """Write r and s of an ECDSA signature in DER; others are as they should be."""
    if algorithm not in ECDSA_DIGESTS:
        return signature
    half = len(signature) // 2
    return encode_dss_signature(int.from_bytes(signature[:half]), int.from_bytes(signature[half:]))


def _hashed(message: bytes, digest: HashAlgorithm) -> bytes:
    context = Hash(digest)
    context.update(message)
    return context.finalize()
