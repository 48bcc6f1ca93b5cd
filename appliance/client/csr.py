"""Keys and certificate signing requests that a client makes, and requests that it is given."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from appliance.formats import base64url, der, names, pem
from appliance.formats.keys import PrivateKey
from appliance.issuance import requests
from appliance.issuance.algorithms import (
    ECDSA_SCHEMES,
    IDENTIFIERS,
    RSA_SCHEMES,
    natural_algorithm,
)
from appliance.issuance.extensions import subject_alt_name
from appliance.issuance.subjects import COMMON_NAME, relative_name
from appliance.model.algorithms import SignatureAlgorithm
from appliance.model.errors import BadRequest, FormatError
from appliance.model.names import SanKind

_CURVES: Final[dict[str, ec.EllipticCurve]] = {
    "P-256": ec.SECP256R1(),
    "P-384": ec.SECP384R1(),
    "P-521": ec.SECP521R1(),
}
_EXTENSION_REQUEST: Final = "1.2.840.113549.1.9.14"
_ORDER: Final = (SanKind.DNS, SanKind.IP, SanKind.EMAIL, SanKind.URI)
_SMALLEST_RSA: Final = 2048
_SHORTEST_RSA: Final = 1024  # what OpenSSL still makes


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyKind:
    """What key to make: `kty` as in JWK, with a curve (EC, OKP) or a size in bits (RSA)."""

    kty: str
    curve: str = ""
    size: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CsrView:
    """What a signing request asks for. `fingerprint` is as a token bound to it carries it."""

    der: bytes
    common_name: str
    sans: tuple[str, ...]
    fingerprint: str


def key_kind(
    kty: str | None, curve: str | None, size: int | None, *, insecure: bool = False
) -> KeyKind:
    """Check the three flags that choose a key, as step does; `insecure` allows a short RSA key.

    Raises BadRequest.
    """
    if kty is None:
        for flag, value in (("curve", curve), ("size", size)):
            if value is not None:
                raise BadRequest(f"flag '--{flag}' requires the '--kty' flag")
        return KeyKind(kty="EC", curve="P-256")
    match kty:
        case "RSA":
            if curve is not None:
                raise BadRequest("flag '--curve' is incompatible with flag '--kty RSA'")
            least = _SHORTEST_RSA if insecure else _SMALLEST_RSA
            if size is not None and size < least:
                unless = "" if insecure else " unless '--insecure' flag is provided"
                raise BadRequest(f"flag '--size' requires at least {least}{unless}")
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
    """Make a request (DER) for these names, classified by step's rule.

    Raises FormatError and BadRequest for a name that no certificate can carry. A common name may
    be longer than the 64 characters of RFC 5280: such ones are in use, and the CA decides.
    """
    classified = (names.classify(san) for san in dict.fromkeys(sans) if san)
    asked = [names.canonical(san.kind, san.value) for san in classified]
    attributes = b""
    if asked:
        extensions = der.sequence(subject_alt_name(asked, critical=not common_name).der)
        attributes = der.sequence(der.oid(_EXTENSION_REQUEST), der.tlv(der.SET, extensions))
    subject = relative_name(COMMON_NAME, common_name) if common_name else b""
    public_key = key.public_key()
    info = der.sequence(
        der.integer(0),
        der.sequence(subject),
        public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        der.context(0, attributes),
    )
    algorithm = natural_algorithm(public_key)
    signature = der.bit_string(_signed(key, info, algorithm))
    return der.sequence(info, IDENTIFIERS[algorithm], signature)


def read_request(text: bytes, name: str) -> CsrView:
    """Read a signing request in PEM from the file `name` and check its signature.

    Raises BadRequest.
    """
    try:
        octets = pem.first(text, "CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST")
        request = requests.read_der(octets)
    except FormatError as error:
        raise BadRequest(
            f"error parsing {name}: file is not a certificate request: {error}"
        ) from error
    except BadRequest as error:
        raise BadRequest(f"error parsing {name}: {error}") from error
    ordered = [san.value for kind in _ORDER for san in request.sans if san.kind is kind]
    return CsrView(
        der=octets,
        common_name=request.common_name,
        sans=tuple(dict.fromkeys(ordered)),
        fingerprint=base64url.encode(request.fingerprint),
    )


def _signed(key: PrivateKey, message: bytes, algorithm: SignatureAlgorithm) -> bytes:
    """Prove that the key is ours."""
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return key.sign(message, ECDSA_SCHEMES[algorithm])
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(message)
    padding, digest = RSA_SCHEMES[algorithm]
    return key.sign(message, padding, digest)
