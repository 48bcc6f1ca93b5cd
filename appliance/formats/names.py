"""Which kind of name a bare text is, by step's rule: IP address, else URI, email, DNS name."""

import ipaddress
import re
from urllib.parse import quote, unquote_to_bytes

from appliance.formats import addresses
from appliance.model.errors import FormatError
from appliance.model.names import San, SanKind

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_HOST = re.compile(r"(?:\[[0-9A-Fa-f:.]+(?:%25[^\]]+)?\]|[^\[\]:<> \"%\\^`{|}]*)(?::[0-9]*)?")
_USER = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})*")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_IN_FRAGMENT = "!$&()*+,/:;=?@"
_IN_PATH = "!$&'()*+,;=:@[]-._~/"


def classify(value: str) -> San:
    """Say what kind of name the text is; IP addresses come out in canonical text, URIs escaped.

    The rule has corners that compatibility asks for: `localhost:8443` is a URI of scheme
    `localhost`, `10.0.0.1:8443` a DNS name that no certificate will carry.
    """
    if (address := _address(value)) is not None:
        return San(kind=SanKind.IP, value=address)
    if (uri := _uri(value)) is not None:
        return San(kind=SanKind.URI, value=uri)
    return San(kind=SanKind.EMAIL if "@" in value else SanKind.DNS, value=value)


def canonical(kind: SanKind, value: str) -> San:
    """Give a name of a known kind in the form that certificates carry. Raises FormatError."""
    if not value:
        raise FormatError(f"an empty {kind} name")
    if kind is SanKind.IP:
        if (address := _address(value)) is None:
            raise FormatError(f"{value[:80]!r} is not an IP address")
        return San(kind=kind, value=address)
    if kind is SanKind.URI:
        if (uri := _uri(value)) is None:
            raise FormatError(f"{value[:80]!r} is not an absolute URI")
        value = uri
    if not value.isascii():
        raise FormatError(f"{value[:80]!r}: certificates carry {kind} names in ASCII (xn--…) only")
    return San(kind=kind, value=value)


def identifier(issuer: str, subject: str) -> San | None:
    """Name a person as an identity provider does: issuer#subject, escaped as Go does it.

    None when the issuer is no URI.
    """
    uri = _uri(issuer.partition("#")[0])
    if uri is None:
        return None
    fragment = quote(subject, safe=_IN_FRAGMENT)
    return San(kind=SanKind.URI, value=f"{uri}#{fragment}" if fragment else uri)


def _address(value: str) -> str | None:
    """Give an IP address in canonical text; a mapped IPv4 address is the IPv4 address."""
    if "%" in value:  # a zone belongs to one machine, not into a certificate
        return None
    if ":" not in value and not value[-1:].isdigit():
        return None  # most names: no need to try
    try:
        address = addresses.parse(value)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(address)


def _uri(value: str) -> str | None:
    """Give an absolute URI, escaped where it must be, or None (RFC 3986, as Go reads it)."""
    match = _SCHEME.match(value)
    if match is None or any(character < " " or character == "\x7f" for character in value):
        return None
    rest, hash_mark, fragment = value[match.end() :].partition("#")
    if _BAD_ESCAPE.search(fragment):
        return None
    rest, question_mark, query = rest.partition("?")
    authority = ""
    if rest.startswith("//"):
        authority, slash, path = rest[2:].partition("/")
        user, _, host = authority.rpartition("@")
        if not _HOST.fullmatch(host) or not _USER.fullmatch(user):
            return None
        authority, rest = "//" + authority, slash + path
    if rest.startswith("/") or authority:
        if _BAD_ESCAPE.search(rest):
            return None
        rest = _escaped(rest)
    tail = hash_mark + _escaped(fragment) if fragment else ""
    return f"{match[1].lower()}:{authority}{rest}{question_mark}{query}{tail}"


def _escaped(text: str) -> str:
    """Escape what a path may not hold; a text that needs none is left as it was written."""
    if quote(text, safe=_IN_PATH + "%") == text:
        return text
    return quote(unquote_to_bytes(text), safe="$&+,/:;=@-._~")
