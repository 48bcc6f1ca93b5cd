"""URI references as Go's net/url reads and writes them again.

Certificates carry what Go makes of a URI, which is not always what was written: schemes come out in
small letters, characters that a part may not hold are escaped. All work is on octets, as in Go.
"""

import ipaddress
import re
import string
from dataclasses import dataclass, replace
from typing import Final

from appliance.model.errors import FormatError

_ALWAYS: Final = frozenset((string.ascii_letters + string.digits + "-_.~").encode())
_HOST: Final = _ALWAYS | frozenset(b"!$&'()*+,;=:[]<>\"")
_USER: Final = _ALWAYS | frozenset(b"$&+,;=")
_PATH: Final = _ALWAYS | frozenset(b"$&+,/:;=@")
_FRAGMENT: Final = _ALWAYS | frozenset(b"$&+,/:;=?@!()*")
_KEPT_AS_WRITTEN: Final = frozenset(b"!$&'()*+,;=:@[]%")
_SCHEME: Final = re.compile(rb"([A-Za-z][A-Za-z0-9+.-]*):")
_PORT: Final = re.compile(rb"(?::[0-9]*)?")
_USER_INFO: Final = re.compile(rb"[A-Za-z0-9._~!$&'()*+,;=:@%-]*")
_BAD_ESCAPE: Final = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_ESCAPE: Final = re.compile(rb"%([0-9A-Fa-f]{2})")
_ZONE: Final = b"%25"


@dataclass(frozen=True, slots=True, kw_only=True)
class Uri:
    """A URI reference by the fields that Go has for it. `raw_…` is empty where Go would escape so.

    `user` is encoded, None where there is none; `text` is all of it put together again.
    """

    text: str
    scheme: str = ""
    opaque: str = ""
    user: str | None = None
    host: str = ""  # with its port, decoded
    path: str = ""  # decoded
    fragment: str = ""  # decoded
    raw_query: str = ""
    raw_path: str = ""
    raw_fragment: str = ""
    force_query: bool = False
    omit_host: bool = False


def parse(text: str) -> Uri:
    """Read a URI reference, relative ones too. Raises FormatError where Go gives an error."""
    octets = text.encode("utf-8", "surrogateescape")
    rest, _, fragment = octets.partition(b"#")
    if any(octet < 0x20 or octet == 0x7F for octet in rest):
        raise _wrong(text, "it has a control character")
    found = Uri(text="*", path="*") if rest == b"*" else _parsed(rest, text)
    if not fragment:
        return found
    written, decoded = _as_written(fragment, _FRAGMENT, text)
    return replace(
        found,
        text=f"{found.text}#{_text(written)}",
        fragment=_text(decoded),
        raw_fragment="" if _escaped(decoded, _FRAGMENT) == fragment else _text(fragment),
    )


def _parsed(rest: bytes, text: str) -> Uri:
    if rest.startswith(b":"):
        raise _wrong(text, "its scheme is missing")
    match = _SCHEME.match(rest)
    scheme = match[1].lower() if match else b""
    rest, question_mark, query = rest[match.end() if match else 0 :].partition(b"?")
    tail = question_mark + query
    raw_query, force_query = _text(query), tail == b"?"
    if not rest.startswith(b"/"):
        if scheme:
            whole = scheme + b":" + rest + tail
            return Uri(
                text=_text(whole),
                scheme=_text(scheme),
                opaque=_text(rest),
                raw_query=raw_query,
                force_query=force_query,
            )
        if b":" in rest.partition(b"/")[0]:
            raise _wrong(text, "its first path segment has a colon")
    host, user, authority = b"", None, b""
    named = rest.startswith(b"//") and (bool(scheme) or not rest.startswith(b"///"))
    if named:
        written, slash, path = rest[2:].partition(b"/")
        user, host = _authority(written, text)
        rest = slash + path
        if host or rest or user is not None:
            authority = b"//" + (b"" if user is None else user + b"@") + _escaped(host, _HOST)
    shown, path = _as_written(rest, _PATH, text)
    start = (scheme + b":" if scheme else b"") + authority
    return Uri(
        text=_text(start + shown + tail),
        scheme=_text(scheme),
        user=None if user is None else _text(user),
        host=_text(host),
        path=_text(path),
        raw_path="" if _escaped(path, _PATH) == rest else _text(rest),
        omit_host=bool(scheme) and not named and rest.startswith(b"/"),
        raw_query=raw_query,
        force_query=force_query,
    )


def _authority(written: bytes, text: str) -> tuple[bytes | None, bytes]:
    """Give user information in its encoded form, and the host."""
    info, at, host = written.rpartition(b"@")
    found = _host(host, text)
    if not at:
        return None, found
    if not _USER_INFO.fullmatch(info):
        raise _wrong(text, "its user information is malformed")
    name, colon, password = info.partition(b":")
    name, password = (_escaped(_unescaped(each, text), _USER) for each in (name, password))
    return name + colon + password, found


def _host(host: bytes, text: str) -> bytes:
    bracket = host.rfind(b"[")
    if bracket > 0:
        raise _wrong(text, "its host has a bracket")
    if bracket == 0:
        inner, closing, port = host[1:].rpartition(b"]")
        if not closing or not _PORT.fullmatch(port):
            raise _wrong(text, "its host is malformed")
        zone = inner.find(_ZONE)
        address = _host_part(inner if zone < 0 else inner[:zone], text)
        if zone >= 0:
            address += _zone_part(inner[zone:], text)
        _check_literal(address, text)
        return b"[" + address + b"]" + port
    colon = host.rfind(b":")
    if colon >= 0 and not _PORT.fullmatch(host[colon:]):
        raise _wrong(text, "its port is malformed")
    return _host_part(host, text)


def _host_part(host: bytes, text: str) -> bytes:
    """Decode a host: only octets above ASCII may be escaped in it, and the percent sign."""
    for match in _ESCAPE.finditer(host):
        if int(match[1], 16) < 0x80 and match[0] != _ZONE:
            raise _wrong(text, "its host has an escape that it may not have")
    plain = _ESCAPE.sub(b"", host)
    if any(octet < 0x80 and octet not in _HOST and octet != 0x25 for octet in plain):
        raise _wrong(text, "its host has a character that it may not have")
    return _unescaped(host, text)


def _zone_part(zone: bytes, text: str) -> bytes:
    for match in _ESCAPE.finditer(zone):
        value = int(match[1], 16)
        if match[0] != _ZONE and value != 0x20 and value not in _HOST:
            raise _wrong(text, "its zone has an escape that it may not have")
    plain = _ESCAPE.sub(b"", zone)
    if any(octet < 0x80 and octet not in _HOST and octet != 0x25 for octet in plain):
        raise _wrong(text, "its zone has a character that it may not have")
    return _unescaped(zone, text)


def _check_literal(address: bytes, text: str) -> None:
    """Let an IPv6 address pass, with or without a zone."""
    plain, percent, zone = address.partition(b"%")
    try:
        ipaddress.IPv6Address(plain.decode("ascii"))
    except ValueError:
        raise _wrong(text, "no IPv6 address is in its brackets") from None
    if percent and not zone:
        raise _wrong(text, "its zone is empty")


def _as_written(part: bytes, allowed: frozenset[int], text: str) -> tuple[bytes, bytes]:
    """Keep a part that needs no escapes but its own, else escape it anew; give it decoded too."""
    decoded = _unescaped(part, text)
    if all(octet in allowed or octet in _KEPT_AS_WRITTEN for octet in part):
        return part, decoded
    return _escaped(decoded, allowed), decoded


def _unescaped(part: bytes, text: str) -> bytes:
    if _BAD_ESCAPE.search(part):
        raise _wrong(text, "a percent sign is not followed by two hexadecimal digits")
    return _ESCAPE.sub(lambda match: bytes((int(match[1], 16),)), part)


def _escaped(part: bytes, allowed: frozenset[int]) -> bytes:
    if allowed.issuperset(part):
        return part
    return b"".join(bytes((octet,)) if octet in allowed else b"%%%02X" % octet for octet in part)


def _text(octets: bytes) -> str:
    return octets.decode("utf-8", "surrogateescape")


def _wrong(text: str, why: str) -> FormatError:
    return FormatError(f"{text[:80]!r} is not a URI: {why}")
