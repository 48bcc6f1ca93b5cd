"""Does what a target showed prove control? (RFC 8555 8.3 and 8.4, RFC 8737 3, RFC 8738)

Each judgement is None, or a Flaw. A flaw that is final settles the challenge: the target has
answered, and wrongly. Others may be gone a moment later, when the web server is up or the record
has reached the resolver; the challenge is looked at again.
"""

import hmac
import ipaddress
from dataclasses import dataclass
from typing import Final

from cryptography import x509

from appliance.formats import certificates
from appliance.formats.certificates import UNREADABLE
from appliance.issuance.acme import challenges
from appliance.model.acme import ProblemType
from appliance.model.errors import FormatError

ALPN: Final = "acme-tls/1"  # RFC 8737 6.2
_ACME_IDENTIFIER: Final = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.31")  # RFC 8737 6.1
_OF_A_DRAFT: Final = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.30.1")
_OCTETS: Final = b"\x04\x20"  # of an OCTET STRING of 32 octets (DER)
_SHOWN: Final = 100  # characters of what a target answered


@dataclass(frozen=True, slots=True, kw_only=True)
class Flaw:
    """What is wrong with an answer, for people."""

    type: ProblemType
    text: str
    is_final: bool


def web_path(token: str) -> str:
    """Give where http-01 looks (RFC 8555 8.3)."""
    return f"/.well-known/acme-challenge/{token}"


def challenge_record(domain: str) -> str:
    """Give the name where dns-01 looks (RFC 8555 8.4)."""
    return f"_acme-challenge.{domain}"


def server_name(value: str) -> str:
    """Give the name that tls-alpn-01 asks for: of an address the reverse one (RFC 8738 6)."""
    try:
        return ipaddress.ip_address(value).reverse_pointer
    except ValueError:
        return value


def web_page(url: str, status: int, body: bytes, expected: str) -> Flaw | None:
    """Judge what http-01 found. White space round the key authorization is let pass."""
    if status >= 400:
        return Flaw(type=ProblemType.CONNECTION, text=f"{url} answered {status}", is_final=False)
    text = body.decode("utf-8", "replace").strip()
    if text == expected:
        return None
    return _wrong(f"{url} answered {_shown(text)}, not the key authorization {expected}")


def texts(name: str, values: tuple[str, ...], expected: str) -> Flaw | None:
    """Judge what dns-01 found: one of the records must be it."""
    if expected in values:
        return None
    found = ", ".join(map(_shown, values[:10])) or "none"
    return Flaw(
        type=ProblemType.INCORRECT_RESPONSE,
        text=f"no TXT record of {name} is {expected}; found: {found}",
        is_final=False,
    )


def handshake(protocol: str, certificate: bytes, value: str, expected: bytes) -> Flaw | None:
    """Judge what tls-alpn-01 was shown; `expected` is the hash of the key authorization."""
    if protocol != ALPN:
        return _wrong(f"the server did not agree to the protocol {ALPN}")
    try:
        return _certificate(certificates.load(certificate), value, expected)
    except (FormatError, *UNREADABLE):
        return _wrong("the certificate that the server showed cannot be read")


def _certificate(shown: x509.Certificate, value: str, expected: bytes) -> Flaw | None:
    if not _is_for(shown, value):
        return _wrong(f"the certificate that the server showed must have one name, {value}")
    found = {each.oid: each for each in shown.extensions}
    extension = found.get(_ACME_IDENTIFIER)
    if extension is None:
        which = " but that of a draft" if _OF_A_DRAFT in found else ""
        return _wrong(f"the certificate that the server showed has no acmeIdentifier{which}")
    if not extension.critical:
        return _wrong("the acmeIdentifier of the certificate is not critical")
    octets = extension.value.public_bytes()
    if len(octets) != len(_OCTETS) + len(expected) or not octets.startswith(_OCTETS):
        return _wrong("the acmeIdentifier of the certificate is not 32 octets long")
    if not hmac.compare_digest(octets[len(_OCTETS) :], expected):
        return _wrong(
            f"the acmeIdentifier of the certificate is {octets[len(_OCTETS) :].hex()}, "
            f"not the hash of the key authorization, {expected.hex()}"
        )
    return None


def _is_for(shown: x509.Certificate, value: str) -> bool:
    """Say whether a certificate has this one name (RFC 8737 3, RFC 8738 6)."""
    try:
        extension = shown.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return False
    found = list(extension.value)
    if len(found) != 1:
        return False
    match found[0]:
        case x509.DNSName(value=name):
            return name.lower() == value.lower()
        case x509.IPAddress(value=address):
            return str(address) == str(_address(value))
        case _:
            return False


def _address(value: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(value)
    except ValueError:
        return None


def alert(name: str) -> bool:
    """Say whether an alert of the server is its answer: it does not know tls-alpn-01 at all."""
    return name == "no_application_protocol"


def key_hash(authorization: str) -> bytes:
    """Give what the acmeIdentifier holds (RFC 8737 3)."""
    return challenges.digest(authorization)


def _wrong(text: str) -> Flaw:
    return Flaw(type=ProblemType.INCORRECT_RESPONSE, text=text, is_final=True)


def _shown(text: str) -> str:
    """Show some of what a target answered, on one line."""
    cut = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
    return repr(cut) if cut else "nothing"
