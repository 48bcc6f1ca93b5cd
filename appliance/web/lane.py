"""The fast lane: plain requests for hot routes, which nearly all are, without h11 and ASGI.

One regular expression reads the heads that clients of ours send. Whatever it does not know (chunks,
`Expect`, a header twice, bare line feeds, HTTP/1.0) is not judged here: h11 reads the same octets
from their beginning. So nothing is accepted here that h11 would refuse, and nothing is read
otherwise.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final, NamedTuple, Protocol, runtime_checkable

from appliance.web.http import PeerCertificate
from appliance.web.limits import Limits
from appliance.web.visits import Visit

_FIELD: Final = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]++:[\t\x20-\x7e\x80-\xff]*+\r\n"
_HEAD: Final = re.compile(
    rb"(GET|HEAD|POST) (/[!-$&-~]*+) HTTP/1\.1\r\n((?:" + _FIELD + rb")++)\r\n"
)
_FIELDS: Final = re.compile(r"([^:]++):([^\r]*+)\r\n")
_NOT_PLAIN: Final = frozenset({"transfer-encoding", "expect", "upgrade"})
_CLOSING: Final = {"keep-alive": False, "Keep-Alive": False, "close": True}
_DIGITS: Final = 9  # of a length that is worth a look
_ORDINARY: Final = 512  # octets of a head that may be one of many alike, and has no token in it


class Head(NamedTuple):
    """A request up to its body. Names of headers are lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    octets: int  # of the head itself
    length: int  # of the body
    close: bool  # the client wants no more


@runtime_checkable
class Direct(Protocol):
    """An application that serves hot routes without ASGI, too."""

    def visit(self, head: Head, client: str, peer: PeerCertificate | None) -> Visit | None:
        """Begin with a request, whose body will be there before its answer is asked for.

        None when its route is none of the hot ones.
        """
        ...


def read_head(data: bytes, limits: Limits) -> Head | None:
    """Read the head that the octets begin with; None where that takes a closer look."""
    end = data.find(b"\r\n\r\n") + 4
    if end > limits.header_octets:
        return None
    head = _read_again(data[:end]) if end <= _ORDINARY else _read(data[:end])
    return None if head is None or head.length > limits.body_octets else head


def _read(data: bytes) -> Head | None:
    found = _HEAD.fullmatch(data)
    if found is None:
        return None
    fields = _FIELDS.findall(found[3].decode("latin-1"))
    headers = {name.lower(): value.strip(" \t") for name, value in fields}
    if len(headers) != len(fields) or "host" not in headers or headers.keys() & _NOT_PLAIN:
        return None
    close = _CLOSING.get(headers.get("connection", "keep-alive"))
    if close is None:
        return None
    length = headers.get("content-length", "0")
    if not (length.isascii() and length.isdigit() and len(length) <= _DIGITS):
        return None
    return Head(
        found[1].decode("ascii"),
        found[2].decode("ascii"),
        MappingProxyType(headers),
        len(data),
        int(length),
        close,
    )


_read_again: Final = lru_cache(maxsize=256)(_read)
