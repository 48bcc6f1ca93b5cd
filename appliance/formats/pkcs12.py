"""PKCS #12 files (RFC 7292): a key with its certificates, or certificates to trust.

Written with PBES2 (AES-256-CBC) and HMAC-SHA-256, or for old readers with SHA-1 and Triple DES.
The salts are OpenSSL's own.
"""

from collections.abc import Sequence

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import (
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)
from cryptography.hazmat.primitives.serialization.pkcs12 import (
    PBES,
    PKCS12Certificate,
    serialize_java_truststore,
    serialize_key_and_certificates,
)

from appliance.formats.certificates import UNREADABLE, load
from appliance.formats.keys import PrivateKey
from appliance.model.errors import FormatError
from appliance.model.secret import Password

_ITERATIONS = 2048  # as many readers expect them; the file's strength is its password's
_OLD = (PBES.PBESv1SHA1And3KeyTripleDESCBC, hashes.SHA1())  # noqa: S303 - what old readers know
_MODERN = (PBES.PBESv2SHA256AndAES256CBC, hashes.SHA256())


def identity_store(
    key: PrivateKey, chain: Sequence[bytes], password: Password | None, *, legacy: bool = False
) -> bytes:
    """Write a key with its certificate and those behind it (DER). Raises FormatError."""
    leaf, *others = map(load, chain)
    if leaf.public_key() != key.public_key():
        raise FormatError("the certificate and the private key do not belong together")
    protection = _protection(password, legacy=legacy)
    return serialize_key_and_certificates(None, key, leaf, others, protection)


def trust_store(
    certificates: Sequence[bytes], password: Password | None, *, legacy: bool = False
) -> bytes:
    """Write certificates (DER) as a store that Java trusts. Raises FormatError."""
    entries = [_entry(load(each)) for each in certificates]
    return serialize_java_truststore(entries, _protection(password, legacy=legacy))


def _entry(certificate: x509.Certificate) -> PKCS12Certificate:
    """Name a certificate by its subject and its fingerprint."""
    try:
        subject = certificate.subject.rfc4514_string()
    except UNREADABLE as error:
        raise FormatError("a certificate whose subject cannot be read") from error
    name = f"{subject} - {certificate.fingerprint(hashes.SHA256()).hex()}"
    return PKCS12Certificate(certificate, name.encode())


def _protection(password: Password | None, *, legacy: bool) -> KeySerializationEncryption:
    if password is None or not password:
        return NoEncryption()
    scheme, digest = _OLD if legacy else _MODERN
    return (
        PrivateFormat.PKCS12.encryption_builder()
        .kdf_rounds(_ITERATIONS)
        .key_cert_algorithm(scheme)
        .hmac_hash(digest)
        .build(password.reveal())
    )
