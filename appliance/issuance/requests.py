"""Certificate signing requests (PKCS #10, RFC 2986): read, and proven to be signed by their key."""

import hashlib
import ipaddress
from collections.abc import Mapping
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID, SignatureAlgorithmOID
from msgspec import Struct

from appliance.formats import names, pem
from appliance.formats.certificates import UNREADABLE
from appliance.formats.keys import PublicKey, checked_public
from appliance.model.errors import BadRequest, FormatError
from appliance.model.names import San, SanKind

_LABELS = ("CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST")
_ECDSA: Final[Mapping[x509.ObjectIdentifier, ECDSA]] = {
    SignatureAlgorithmOID.ECDSA_WITH_SHA256: ECDSA(hashes.SHA256()),
    SignatureAlgorithmOID.ECDSA_WITH_SHA384: ECDSA(hashes.SHA384()),
    SignatureAlgorithmOID.ECDSA_WITH_SHA512: ECDSA(hashes.SHA512()),
}


class SigningRequest(Struct, frozen=True, kw_only=True):
    """A request whose signature holds."""

    der: bytes
    common_name: str  # the last one, where there are several; empty where there is none
    sans: tuple[San, ...]  # in the order of the request
    has_other_sans: bool  # of none of the four kinds
    public_key: PublicKey
    public_key_info: bytes  # SubjectPublicKeyInfo in DER

    @property
    def fingerprint(self) -> bytes:
        """SHA-256 over its DER, for the few who ask."""
        return hashlib.sha256(self.der).digest()


def read(text: bytes) -> SigningRequest:
    """Read a request in PEM. Raises BadRequest when it, its signature or its key is no good."""
    try:
        return read_der(pem.first(text, *_LABELS))
    except FormatError as error:
        raise BadRequest(f"the certificate request cannot be read: {error.public}") from error


def read_der(octets: bytes) -> SigningRequest:
    """Read a request in DER. Raises BadRequest."""
    try:
        request = x509.load_der_x509_csr(octets)
        key = request.public_key()
        signed = _is_signed(request, key)
        subject, (sans, others) = request.subject, _sans(request.extensions)
    except FormatError as error:
        raise BadRequest(f"the certificate request names what it cannot: {error.public}") from error
    except UNREADABLE as error:
        raise BadRequest("the certificate request cannot be read", detail=str(error)) from error
    if not signed:
        raise BadRequest("the signature of the certificate request does not hold")
    return SigningRequest(
        der=octets,
        common_name=_common_name(subject),
        sans=sans,
        has_other_sans=others,
        public_key=_supported(key),
        public_key_info=key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
    )


def _is_signed(request: x509.CertificateSigningRequest, key: object) -> bool:
    """Say whether the key signed; asked for itself, the request would read the key once more."""
    scheme = _ECDSA.get(request.signature_algorithm_oid)
    if scheme is None or not isinstance(key, EllipticCurvePublicKey):
        return request.is_signature_valid
    try:
        key.verify(request.signature, request.tbs_certrequest_bytes, scheme)
    except InvalidSignature:
        return False
    return True


def _supported(key: object) -> PublicKey:
    try:
        return checked_public(key)
    except FormatError as error:
        raise BadRequest(f"the certificate request has an {error.public}") from error


def _common_name(subject: x509.Name) -> str:
    found: str | bytes = ""
    for attribute in subject:
        if attribute.oid == NameOID.COMMON_NAME:
            found = attribute.value
    return found if isinstance(found, str) else found.decode(errors="replace")


def _sans(extensions: x509.Extensions) -> tuple[tuple[San, ...], bool]:
    """Give the names of the four kinds, and whether there are others. Raises FormatError.

    Others say nothing, as in step-ca.
    """
    for extension in extensions:
        if isinstance(extension.value, x509.SubjectAlternativeName):
            read = [_san(name) for name in extension.value]
            found = tuple([san for san in read if san is not None])
            return found, len(found) < len(read)
    return (), False


def _san(name: x509.GeneralName) -> San | None:
    match name:
        case x509.DNSName():
            return San(kind=SanKind.DNS, value=name.value)
        case x509.RFC822Name():
            return San(kind=SanKind.EMAIL, value=name.value)
        case x509.UniformResourceIdentifier():
            return names.canonical(SanKind.URI, name.value)
        case x509.IPAddress(value=ipaddress.IPv4Address() | ipaddress.IPv6Address()):
            return names.canonical(SanKind.IP, str(name.value))
        case _:
            return None
