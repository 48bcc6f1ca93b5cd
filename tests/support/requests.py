"""Signing requests and keys for tests."""

import ipaddress
from collections.abc import Callable, Sequence

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.x509.oid import NameOID

PEM = serialization.Encoding.PEM
Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey | dsa.DSAPrivateKey
_CURVES: dict[str, Callable[[], ec.EllipticCurve]] = {
    "P-224": ec.SECP224R1,
    "P-256": ec.SECP256R1,
    "P-384": ec.SECP384R1,
    "P-521": ec.SECP521R1,
    "K-256": ec.SECP256K1,
}


def key_of(kind: str) -> Key:
    """Make a key of a kind such as P-256, RSA-2048, DSA-2048, Ed25519."""
    if kind in _CURVES:
        return ec.generate_private_key(_CURVES[kind]())
    family, _, size = kind.partition("-")
    if family == "RSA":
        return rsa.generate_private_key(65537, int(size))
    if family == "DSA":
        return dsa.generate_private_key(int(size))
    return ed25519.Ed25519PrivateKey.generate()


def private_pem(key: Key) -> bytes:
    """Write a key in PKCS #8."""
    return key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def general_name(value: str) -> x509.GeneralName:
    """Sort a name as step does, well enough for what is asked in tests."""
    try:
        return x509.IPAddress(ipaddress.ip_address(value))
    except ValueError:
        pass
    if ":" in value:
        return x509.UniformResourceIdentifier(value)
    return x509.RFC822Name(value) if "@" in value else x509.DNSName(value)


def signing_request(key: Key, common_name: str, sans: Sequence[str]) -> str:
    """Make a CSR in PEM."""
    name = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)] if common_name else []
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(name))
    if sans:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([general_name(san) for san in sans]), critical=False
        )
    digest = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return builder.sign(key, digest).public_bytes(PEM).decode()
