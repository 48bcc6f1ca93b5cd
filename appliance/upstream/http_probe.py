"""One GET as http-01 makes it (RFC 8555 8.3), by a client that trusts no answer.

Redirects are followed up to ten times, to any host and port, over http and over https whose
certificate is not looked at: the device that is asked may have none yet. Nothing but the first
kilobytes of an answer is read, and all of it has one deadline. No proxy is asked: the question is
what this network shows.

An answer that arrives whole and is plain is read by one regular expression; h11 reads all others,
from their beginning. Nothing is accepted by the one that the other would refuse.
"""

import re
from typing import Final
from urllib.parse import quote, urljoin, urlsplit

import h11
import trio
from msgspec import Struct

from appliance.model.version import program
from appliance.ports.probes import Fault, Page, ProbeFailed
from appliance.upstream.connecting import Connecting, Connection, is_address
from appliance.upstream.tls_probe import failure_of, unverified
from appliance.upstream.trail import Trail

_TIMEOUT: Final = 15.0  # seconds for all of it
_PORTS: Final = {"http": 80, "https": 443}
_MOST_REDIRECTS: Final = 10
_LARGEST_BODY: Final = 4096  # octets; a key authorization has 87
_AT_ONCE: Final = 4096  # octets that are read, so no body of a plain answer is longer than of use
_LARGEST: Final = 64 << 10  # octets of an answer, headers and what comes before it included
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_SAFE: Final = "/%:@!$&'()*+,;=~-._?"
_PLAIN: Final = re.compile(
    rb"HTTP/1\.1 ([2-5]\d\d) [\t\x20-\x7e]*+\r\n"
    rb"((?:[!#$%&'*+.^_`|~0-9A-Za-z-]++:[\t\x20-\x7e]*+\r\n)++)\r\n"
)
_FIELDS: Final = re.compile(rb"([^:]++):[\t ]*+([^\r]*+)\r\n")
_NOT_PLAIN: Final = frozenset({b"transfer-encoding", b"location", b"upgrade"})
_BODILESS: Final = frozenset({204, 304})


class _Place(Struct, frozen=True, kw_only=True):
    """Where a request goes. `authority` is the Host header."""

    url: str
    scheme: str
    host: str
    port: int
    authority: str
    target: str


class _Answer(Struct, frozen=True, kw_only=True):
    status: int
    location: str
    body: bytes


class HttpClient:
    """The port's driver. A connection serves one request."""

    def __init__(
        self, connecting: Connecting, *, port: int = 80, timeout: float = _TIMEOUT
    ) -> None:
        self._connecting, self._port, self._timeout = connecting, port, timeout

    async def page(self, host: str, path: str) -> Page:
        """Ask, and follow. Raises ProbeFailed."""
        bracketed = f"[{host}]" if ":" in host else host
        authority = bracketed if self._port == 80 else f"{bracketed}:{self._port}"
        trail, url = Trail(), f"http://{authority}{path}"
        if not _is_host(host):
            raise _misled(url, trail)
        place = _Place(
            url=url, scheme="http", host=host, port=self._port, authority=authority, target=path
        )
        with trio.move_on_after(self._timeout):
            return await self._followed(place, trail)
        raise trail.failure(f"{url}: no whole answer within {self._timeout:g} s", Fault.CONNECTION)

    async def _followed(self, place: _Place, trail: Trail) -> Page:
        first = place.url
        for _ in range(_MOST_REDIRECTS + 1):
            answer = await self._asked(place, trail)
            if answer.status not in _REDIRECTS or not answer.location:
                return Page(
                    url=place.url, status=answer.status, body=answer.body, tried=trail.tried
                )
            place = _place(answer.location, trail, base=place.url)
        raise trail.failure(
            f"{first}: redirected more than {_MOST_REDIRECTS} times", Fault.CONNECTION
        )

    async def _asked(self, place: _Place, trail: Trail) -> _Answer:
        """Make one request over a connection of its own."""
        transport = await self._connecting.connect(place.host, place.port, trail)
        try:
            stream: trio.abc.Stream = transport
            if place.scheme == "https":
                stream = await _secured(transport, place, trail)
            trail.begin(f"GET {place.url}")
            answer = await _exchanged(stream, place, trail)
        finally:
            transport.close()
        leads = f", redirecting to {answer.location}" if answer.location else ""
        trail.end(f"{answer.status}{leads or _beginning(answer.body)}")
        return answer


async def _secured(
    transport: Connection, place: _Place, trail: Trail
) -> trio.SSLStream[Connection]:
    trail.begin(f"TLS for {place.host}")
    # An address is no server name (RFC 6066 3); Python leaves it out by itself.
    stream = trio.SSLStream(
        transport, unverified(["http/1.1"]), server_hostname=place.host, https_compatible=True
    )
    try:
        await stream.do_handshake()
    except trio.BrokenResourceError as error:
        reason, alert = failure_of(error)
        raise trail.failure(
            f"{place.url}: the TLS handshake failed: {reason}", Fault.TLS, alert=alert
        ) from error
    trail.end(str(stream.version()))
    return stream


async def _exchanged(stream: trio.abc.Stream, place: _Place, trail: Trail) -> _Answer:
    try:
        return await _answer(stream, place)
    except h11.RemoteProtocolError as error:
        reason = f"the answer is not HTTP: {error}"
    except trio.BrokenResourceError:
        reason = "the connection broke before the answer was whole"
    except _TooLarge:
        reason = f"the answer has more than {_LARGEST >> 10} KiB before its body"
    raise trail.failure(f"{place.url}: {reason}", Fault.CONNECTION)


async def _answer(stream: trio.abc.Stream, place: _Place) -> _Answer:
    """Send the request and read as much of the answer as is of use."""
    headers = {
        "Host": place.authority,
        "User-Agent": program(),
        "Accept": "*/*",
        "Connection": "close",
    }
    fields = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
    await stream.send_all(f"GET {place.target} HTTP/1.1\r\n{fields}\r\n".encode())
    received = bytes(await stream.receive_some(_AT_ONCE))
    return _plain(received) or await _closely(stream, received, [*headers.items()])


def _plain(data: bytes) -> _Answer | None:
    """Read the octets as exactly one answer; None where that takes a closer look."""
    head = _PLAIN.match(data)
    if head is None:
        return None
    fields = [(name.lower(), value) for name, value in _FIELDS.findall(head[2])]
    by_name = dict(fields)
    if len(by_name) != len(fields) or by_name.keys() & _NOT_PLAIN:
        return None
    status, body = int(head[1]), data[head.end() :]
    if status in _BODILESS or by_name.get(b"content-length") != b"%d" % len(body):
        return None
    return _Answer(status=status, location="", body=body)


async def _closely(
    stream: trio.abc.Stream, received: bytes, headers: list[tuple[str, str]]
) -> _Answer:
    """Read an answer that begins with these octets, as far as it is of use."""
    connection = h11.Connection(h11.CLIENT)
    connection.send(h11.Request(method="GET", target="/", headers=headers))
    connection.send(h11.EndOfMessage())
    connection.receive_data(received)
    status, location, body, taken = 0, "", bytearray(), len(received)
    while len(body) <= _LARGEST_BODY:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            if taken > _LARGEST:
                raise _TooLarge
            more = await stream.receive_some(_AT_ONCE)
            taken += len(more)
            connection.receive_data(bytes(more))
        elif isinstance(event, h11.Response):
            status = event.status_code
            location = dict(event.headers).get(b"location", b"").decode("latin-1")
            if status in _REDIRECTS and location:
                break
        elif isinstance(event, h11.Data):
            body += event.data
        elif isinstance(event, h11.EndOfMessage | h11.ConnectionClosed):
            break
    shown = location if status in _REDIRECTS else ""
    return _Answer(status=status, location=shown, body=bytes(body[:_LARGEST_BODY]))


class _TooLarge(Exception):
    """More came than any answer has."""


def _place(url: str, trail: Trail, *, base: str) -> _Place:
    """Read a URL that may be somebody else's, and relative. Raises ProbeFailed."""
    try:
        parts = urlsplit(urljoin(base, url))
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise _misled(url, trail) from None
    if parts.scheme not in _PORTS or not _is_host(host):
        raise _misled(url, trail)
    path = quote(parts.path or "/", safe=_SAFE)
    query = f"?{quote(parts.query, safe=_SAFE)}" if parts.query else ""
    bracketed = f"[{host}]" if ":" in host else host
    standard = _PORTS[parts.scheme]
    authority = bracketed if port in (None, standard) else f"{bracketed}:{port}"
    return _Place(
        url=f"{parts.scheme}://{authority}{path}{query}",
        scheme=parts.scheme,
        host=host,
        port=port or standard,
        authority=authority,
        target=f"{path}{query}",
    )


def _misled(url: str, trail: Trail) -> ProbeFailed:
    return trail.failure(f"redirected to what is no http or https URL: {url}", Fault.CONNECTION)


def _is_host(host: str) -> bool:
    """Say if it can be asked: an address, or a name of ASCII."""
    if is_address(host):
        return True
    plain = host.replace("-", "").replace("_", "").replace(".", "")
    return plain.isascii() and plain.isalnum() and len(host) <= 255


def _beginning(body: bytes) -> str:
    """Show how an answer begins."""
    text = body[:80].decode("utf-8", "replace").strip()
    return f", beginning with {text!r}" if text else ", empty"
