"""Keys and certificate signing requests that a client makes, and requests that it is given."""

import base64
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512
from cryptography.hazmat.primitives.serialization import Encoding

from appliance.formats import names, pem
from appliance.formats.keys import PrivateKey
from appliance.model.errors import BadRequest, FormatError
from appliance.model.names import San, SanKind

_CURVES: Final[dict[str, ec.EllipticCurve]] = {
    "P-256": ec.SECP256R1(),
    "P-384": ec.SECP384R1(),
    "P-521": ec.SECP521R1(),
}
_SMALLEST_RSA: Final = 2048


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyKind:
    """What key to make: `kty` as in JWK, with a curve (EC, OKP) or a size in bits (RSA)."""

    kty: str
    curve: str = ""
    size: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CsrView:
    """What a signing request asks for."""

    der: bytes
    common_name: str
    sans: tuple[str, ...]

    @property
    def fingerprint(self) -> str:
        """The SHA-256 of it, as a token that is bound to it carries it."""
        digest = hashlib.sha256(self.der).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def key_kind(kty: str | None, curve: str | None, size: int | None) -> KeyKind:
    """Check the three flags that choose a key, as step does. Raises BadRequest."""
    if kty is None:
        for flag, value in (("curve", curve), ("size", size)):
            if value is not None:
                raise BadRequest(f"flag '--{flag}' requires the '--kty' flag")
        return KeyKind(kty="EC", curve="P-256")
    match kty:
        case "RSA":
            if curve is not None:
                raise BadRequest("flag '--curve' is incompatible with flag '--kty RSA'")
            if size is not None and size < _SMALLEST_RSA:
                raise BadRequest(f"flag '--size' requires at least {_SMALLEST_RSA}")
            return KeyKind(kty="RSA", size=size or _SMALLEST_RSA)
        case "EC" | "OKP":
            if size is not None:
                raise BadRequest(f"flag '--size' is incompatible with flag '--kty {kty}'")
            allowed = list(_CURVES) if kty == "EC" else ["Ed25519"]
            if curve is not None and curve not in allowed:
                raise BadRequest(
                    f"flag '--kty {kty}' is incompatible with flag '--curve {curve}'\n\n"
                    f"  Option(s): --curve {', '.join(allowed)}"
                )
            return KeyKind(kty=kty, curve=curve or allowed[0])
        case _:
            raise BadRequest(f"invalid value '{kty}' for flag '--kty'; options are RSA, EC, OKP")


def generate_key(kind: KeyKind) -> PrivateKey:
    """Make a new key."""
    match kind.kty:
        case "RSA":
            return rsa.generate_private_key(public_exponent=65537, key_size=kind.size)
        case "OKP":
            return ed25519.Ed25519PrivateKey.generate()
        case _:
            return ec.generate_private_key(_CURVES[kind.curve])


def signing_request(key: PrivateKey, common_name: str, sans: Iterable[str]) -> bytes:
    """Make a request (DER) for these names, classified by step's rule. Raises FormatError."""
    # Common names longer than RFC 5280's 64 characters are in use; the CA decides about them.
    attribute = x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name, _validate=False)
    subject = x509.Name([attribute] if common_name else [])
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    asked = [names.classify(san) for san in dict.fromkeys(sans) if san]
    if asked:
        general = [_general_name(san) for san in asked]
        builder = builder.add_extension(
            x509.SubjectAlternativeName(general), critical=not common_name
        )
    return builder.sign(key, _digest(key)).public_bytes(Encoding.DER)


def read_request(text: bytes, name: str) -> CsrView:
    """Read a signing request in PEM from the file `name` and check its signature.

    Raises BadRequest.
    """
    try:
        der = pem.first(text, "CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST")
        request = x509.load_der_x509_csr(der)
        if not request.is_signature_valid:
            raise BadRequest(f"{name}: the certificate request has an invalid signature")
        found = request.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
        return CsrView(
            der=der,
            common_name=str(found[-1].value) if found else "",
            sans=_names_of(request),
        )
    except (FormatError, ValueError, UnsupportedAlgorithm) as error:
        raise BadRequest(
            f"error parsing {name}: file is not a certificate request: {error}"
        ) from error


def _names_of(request: x509.CertificateSigningRequest) -> tuple[str, ...]:
    """Give the names asked for: DNS names, addresses, emails, URIs."""
    try:
        extension = request.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return ()
    general = extension.value
    found = [
        *general.get_values_for_type(x509.DNSName),
        *(str(address) for address in general.get_values_for_type(x509.IPAddress)),
        *general.get_values_for_type(x509.RFC822Name),
        *general.get_values_for_type(x509.UniformResourceIdentifier),
    ]
    return tuple(dict.fromkeys(found))


def _general_name(san: San) -> x509.GeneralName:
    checked = names.canonical(san.kind, san.value)
    match checked.kind:
        case SanKind.DNS:
            return x509.DNSName(checked.value)
        case SanKind.IP:
            return x509.IPAddress(ip_address(checked.value))
        case SanKind.EMAIL:
            return x509.RFC822Name(checked.value)
        case SanKind.URI:
            return x509.UniformResourceIdentifier(checked.value)


def _digest(key: PrivateKey) -> SHA256 | SHA384 | SHA512 | None:
    """Give the hash that goes with a key."""
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return None
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.key_size > 256:
        return SHA384() if key.key_size == 384 else SHA512()
    return SHA256()
