"""The fast lane: requests that arrive whole and are plain, which nearly all are.

One regular expression reads what a client of ours sends. Whatever it does not know (a body that is
still on its way, chunks, `Expect`, a header twice, bare line feeds, HTTP/1.0) is not judged here:
h11 reads the same octets from their beginning. So nothing is accepted here that h11 would refuse,
and nothing is read otherwise.
"""

import re
from dataclasses import dataclass
from typing import Final

from appliance.web.limits import Limits

_FIELD: Final = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]++:[\t\x20-\x7e\x80-\xff]*+\r\n"
_HEAD: Final = re.compile(
    rb"(GET|HEAD|POST) (/[!-$&-~]*+) HTTP/1\.1\r\n((?:" + _FIELD + rb")++)\r\n"
)
_FIELDS: Final = re.compile(rb"([^:]++):([^\r]*+)\r\n")
_NOT_PLAIN: Final = frozenset({b"transfer-encoding", b"expect", b"upgrade"})
_KEEPING: Final = frozenset({b"keep-alive", b"Keep-Alive"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """A request, its body read. Names of headers are lower case."""

    method: bytes
    target: bytes
    headers: list[tuple[bytes, bytes]]
    body: bytes


def whole(data: bytes, limits: Limits) -> Whole | None:
    """Read the octets as exactly one request; None where that takes a closer look."""
    head = _HEAD.match(data)
    if head is None or head.end() > limits.header_octets:
        return None
    headers = [(name.lower(), value.strip(b" \t")) for name, value in _FIELDS.findall(head[3])]
    by_name = dict(headers)
    if len(by_name) != len(headers) or b"host" not in by_name or by_name.keys() & _NOT_PLAIN:
        return None
    if by_name.get(b"connection", b"keep-alive") not in _KEEPING:
        return None
    length = by_name.get(b"content-length", b"0")
    if not length.isdigit() or len(length) > len(str(limits.body_octets)):
        return None
    if len(data) - head.end() != int(length) or int(length) > limits.body_octets:
        return None
    return Whole(method=head[1], target=head[2], headers=headers, body=data[head.end() :])
