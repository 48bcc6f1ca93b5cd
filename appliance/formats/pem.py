"""PEM: textual encoding of DER (RFC 7468, and the headers of RFC 1421)."""

import binascii
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from appliance.model.errors import FormatError

BEGIN = b"-----BEGIN "
_DASHES = b"-----"
_LINES = re.compile(".{1,64}")
_WHITE = b" \t\r\n\v\f"


class Block(NamedTuple):
    """One block. `headers` are empty but in keys encrypted as RFC 1423 has it."""

    label: str
    headers: Mapping[str, str]
    der: bytes


def encode(label: str, der: bytes, headers: Mapping[str, str] | None = None) -> str:
    """Write one block with lines of 64 characters, ending in a newline."""
    text = binascii.b2a_base64(der, newline=False).decode("ascii")
    body = "\n".join((*_LINES.findall(text), ""))
    # Proc-Type comes first (RFC 1421 section 4.6.1.1); an empty line ends the headers.
    above = "".join(f"{name}: {value}\n" for name, value in headers.items()) if headers else ""
    gap = "\n" if above else ""
    return f"-----BEGIN {label}-----\n{above}{gap}{body}-----END {label}-----\n"


def blocks(text: bytes) -> list[Block]:
    """Read every block; text around them is skipped. Raises FormatError on a broken block."""
    return [Block(label, *_body(body, label)) for label, body in _framed(text)]


def first(text: bytes, *labels: str) -> bytes:
    """Give the DER of the first block that has one of the labels. Raises FormatError when none."""
    position = 0
    while framed := _next(text, position):
        label, body, position = framed
        if label in labels:
            return _body(body, label)[1]
    raise FormatError(f"no PEM block of type {labels[0]} found")


def certificates(text: bytes) -> list[bytes]:
    """Give the DER of every CERTIFICATE block. Raises FormatError when there is none."""
    found = [_body(body, label)[1] for label, body in _framed(text) if label == "CERTIFICATE"]
    if not found:
        raise FormatError("no PEM block of type CERTIFICATE found")
    return found


def _framed(text: bytes) -> Iterator[tuple[str, bytes]]:
    """Give label and undecoded body of each block."""
    position = 0
    while framed := _next(text, position):
        label, body, position = framed
        yield label, body


def _next(text: bytes, position: int) -> tuple[str, bytes, int] | None:
    """Find the next block: label, undecoded body, and where it ends."""
    while (begin := text.find(BEGIN, position)) >= 0:
        if begin and text[begin - 1] not in b"\r\n":
            position = begin + len(BEGIN)
            continue
        line_end = text.find(b"\n", begin)
        opening = text[begin : line_end if line_end >= 0 else len(text)].rstrip(_WHITE)
        if line_end < 0 or not opening.endswith(_DASHES) or len(opening) < 16:
            raise FormatError("broken PEM block: the BEGIN line does not end in five dashes")
        label = opening[len(BEGIN) : -len(_DASHES)]
        closing = b"-----END " + label + _DASHES
        end = text.find(closing, line_end)
        if end < 0:
            raise FormatError(f"broken PEM block: no END line for {_shown(label)}")
        return _shown(label), text[line_end + 1 : end], end + len(closing)
    return None


def _body(body: bytes, label: str) -> tuple[Mapping[str, str], bytes]:
    """Take headers and base64 of one block apart."""
    headers: dict[str, str] = {}
    if b":" in body:
        head, _, body = body.replace(b"\r\n", b"\n").partition(b"\n\n")
        for line in head.split(b"\n"):
            name, colon, value = line.partition(b":")
            if not colon:
                raise FormatError(f"broken PEM block {label}: a header line without a colon")
            headers[_shown(name.strip())] = _shown(value.strip())
    try:
        return headers, binascii.a2b_base64(body.translate(None, _WHITE), strict_mode=True)
    except binascii.Error:
        raise FormatError(f"broken PEM block {label}: its content is not base64") from None


def _shown(text: bytes) -> str:
    return text.decode("ascii", "backslashreplace")
