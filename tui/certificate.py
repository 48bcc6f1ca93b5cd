"""A certificate's bytes as fields to read, fingerprints and PEM."""

import hashlib
import ssl
from collections.abc import Iterator

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID

from tui.wording import printable


def fields(der: bytes) -> Iterator[tuple[str, str]]:
    """Give what the certificate says beyond its names and dates; what cannot be read is not there.

    The bytes are our own authority's, but the key and the names were asked for by others.
    """
    try:
        certificate = x509.load_der_x509_certificate(der)
        yield "Issuer", _name(certificate.issuer)
        yield "Key", _key(certificate)
        yield "Signed with", _signature(certificate)
        extensions = certificate.extensions
    except ValueError:
        yield "Fields", "this certificate cannot be read"
        return
    for extension in extensions:
        yield from _extension(extension.value)


def fingerprints(der: bytes) -> Iterator[tuple[str, str]]:
    """Give the digests by which people compare certificates."""
    yield "SHA-256", hashlib.sha256(der).hexdigest()
    yield "SHA-1", hashlib.sha1(der, usedforsecurity=False).hexdigest()


def text(der: bytes) -> str:
    """Give the certificate in PEM."""
    return ssl.DER_cert_to_PEM_cert(der)


def _name(name: x509.Name) -> str:
    common = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return printable(str(common[0].value) if len(name.rdns) == 1 and common else _whole(name))


def _whole(name: x509.Name) -> str:
    return name.rfc4514_string() or "(empty)"


def _key(certificate: x509.Certificate) -> str:
    match certificate.public_key():
        case ec.EllipticCurvePublicKey() as key:
            return f"EC {key.curve.name}"
        case rsa.RSAPublicKey() as key:
            return f"RSA {key.key_size} bits"
        case ed25519.Ed25519PublicKey():
            return "Ed25519"
        case other:
            return type(other).__name__.removesuffix("PublicKey")


def _signature(certificate: x509.Certificate) -> str:
    return certificate.signature_algorithm_oid._name  # noqa: SLF001 - it has no public name


def _extension(value: x509.ExtensionType) -> Iterator[tuple[str, str]]:
    match value:
        case x509.KeyUsage():
            yield "Key usage", ", ".join(_usages(value))
        case x509.ExtendedKeyUsage():
            yield "Ext. usage", ", ".join(each._name for each in value)  # noqa: SLF001
        case x509.BasicConstraints() if value.ca:
            length = "" if value.path_length is None else f", path length {value.path_length}"
            yield "CA", f"yes{length}"
        case x509.SubjectKeyIdentifier():
            yield "Key id", value.digest.hex()
        case x509.AuthorityKeyIdentifier() if value.key_identifier:
            yield "Issuer key", value.key_identifier.hex()
        case _:
            return


def _usages(usage: x509.KeyUsage) -> Iterator[str]:
    for name in (
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
    ):
        if getattr(usage, name):
            yield name.replace("_", " ")
