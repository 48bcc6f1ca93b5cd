"""Where a browser comes back to after a log-in: a listener for one answer, on this machine.

It serves GET on one path and says nothing about itself elsewhere. What arrives there is handed to
whoever waits, who decides what the browser is shown.
"""

import html
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, urlsplit

import h11
import trio

from appliance.model.errors import BadRequest, Unavailable

_TIMEOUT: Final = 15.0  # seconds for a request to arrive
_CHUNK: Final = 4096
_LOOPBACK: Final = "127.0.0.1"
_PAGE: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title></head>
<body style="font: 1.2rem/1.6 sans-serif; max-width: 30rem; margin: 4rem auto; padding: 0 1rem">
<h1>{title}</h1><p>{text}</p></body></html>
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Callback:
    """Where to listen, port 0 for any that is free.

    `url` is what the provider is told instead; `onward` is where a browser is sent after a log-in
    that worked.
    """

    host: str = _LOOPBACK
    port: int = 0
    url: str = ""
    onward: str = ""

    @classmethod
    def of(cls, listen: str, url: str = "", onward: str = "") -> "Callback":
        """Read host:port, either of which may be missing. Raises BadRequest."""
        if not listen:
            return cls(url=url, onward=onward)
        host, colon, port = listen.rpartition(":")
        if not colon or not (port.isascii() and port.isdigit() and int(port) < 2**16):
            raise BadRequest(
                f"invalid value '{listen}' for flag '--listen'; write it as host:port or :port"
            )
        return cls(host=host.strip("[]") or _LOOPBACK, port=int(port), url=url, onward=onward)


class Answer:
    """What one browser is waiting for."""

    def __init__(self, stream: trio.SocketStream, connection: h11.Connection, onward: str) -> None:
        self._stream = stream
        self._connection = connection
        self._onward = onward
        self.given = trio.Event()

    async def success(self) -> None:
        """Tell that the log-in worked."""
        if self._onward:
            await self.send(302, "", location=self._onward)
        else:
            text = "You are logged in. Look at the terminal; this window can be closed."
            await self.send(200, _page("Success", text))

    async def failure(self, reason: str) -> None:
        """Tell why it did not."""
        await self.send(400, _page("Failure", reason))

    async def irrelevant(self) -> None:
        """Refuse what has nothing to do with the log-in."""
        await self.send(400, _page("Failure", "This is not the answer to a log-in."))

    async def send(self, status: int, body: str, *, location: str = "") -> None:
        """Answer, and let nothing of it be kept, framed or passed on; gone browsers do not mind."""
        content = body.encode()
        headers = [
            ("Content-Type", "text/html; charset=utf-8"),
            ("Content-Length", str(len(content))),
            ("Cache-Control", "no-store"),
            ("Referrer-Policy", "no-referrer"),
            ("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'"),
            ("Connection", "close"),
            *([("Location", location)] if location else []),
        ]
        try:
            head = h11.Response(status_code=status, headers=headers)
            for event in (head, h11.Data(data=content), h11.EndOfMessage()):
                await self._stream.send_all(self._connection.send(event) or b"")
        except (h11.LocalProtocolError, trio.BrokenResourceError, trio.ClosedResourceError):
            pass  # a HEAD request, or nobody there any more
        finally:
            self.given.set()


class Arrivals:
    """What browsers brought, one after the other: the query, and how to answer."""

    def __init__(
        self, redirect: str, channel: trio.MemoryReceiveChannel[tuple[dict[str, str], Answer]]
    ) -> None:
        self.redirect = redirect
        self._channel = channel

    def __aiter__(self) -> AsyncIterator[tuple[dict[str, str], Answer]]:
        return self._channel.__aiter__()


@asynccontextmanager
async def receive(callback: Callback) -> AsyncGenerator[Arrivals, None]:
    """Listen while the block runs. Raises Unavailable when that is not possible."""
    listeners = await _listeners(callback)
    port = listeners[0].socket.getsockname()[1]
    host = f"[{callback.host}]" if ":" in callback.host else callback.host
    path = (urlsplit(callback.url).path if callback.url else "") or "/"
    send, arrived = trio.open_memory_channel[tuple[dict[str, str], Answer]](0)

    async def serve(stream: trio.SocketStream) -> None:
        with trio.move_on_after(_TIMEOUT) as waiting:
            connection = h11.Connection(h11.SERVER)
            target = await _request(stream, connection)
            waiting.deadline = float("inf")
            if target is not None:
                await _dispatch(target, Answer(stream, connection, callback.onward), path, send)
        await trio.aclose_forcefully(stream)

    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.serve_listeners, serve, listeners)
            try:
                yield Arrivals(callback.url or f"http://{host}:{port}", arrived)
            finally:
                nursery.cancel_scope.cancel()
    except BaseExceptionGroup as group:
        if len(group.exceptions) == 1:
            raise group.exceptions[0] from None
        raise


async def _dispatch(
    target: tuple[str, str],
    answer: Answer,
    path: str,
    send: trio.MemorySendChannel[tuple[dict[str, str], Answer]],
) -> None:
    """Hand over what is for us, and answer the rest."""
    method, location = target
    parts = urlsplit(location)
    if parts.path != path or method not in ("GET", "OPTIONS"):
        await answer.send(404, _page("Not found", "There is nothing here."))
    elif method == "OPTIONS":
        await answer.send(200, "")
    else:
        await send.send((dict(reversed(parse_qsl(parts.query))), answer))
        await answer.given.wait()


async def _request(stream: trio.SocketStream, connection: h11.Connection) -> tuple[str, str] | None:
    """Read a request to its end; None for what is none."""
    found: tuple[str, str] | None = None
    try:
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA:
                connection.receive_data(await stream.receive_some(_CHUNK))
            elif isinstance(event, h11.Request):
                found = event.method.decode("ascii"), event.target.decode("ascii")
            elif isinstance(event, h11.EndOfMessage):
                return found
            elif not isinstance(event, h11.Data):
                return None
    except (h11.RemoteProtocolError, trio.BrokenResourceError, UnicodeDecodeError):
        return None


async def _listeners(callback: Callback) -> list[trio.SocketListener]:
    """Open the port; where any port will do, one address is enough."""
    try:
        found = await trio.open_tcp_listeners(callback.port, host=callback.host)
    except OSError as error:
        raise Unavailable(
            f"cannot listen on {callback.host}:{callback.port} for the browser to come back to: "
            f"{error.strerror or error}"
        ) from error
    if callback.port != 0:
        return found
    chosen = min(found, key=lambda each: each.socket.family)  # IPv4, if there is any
    for each in found:
        if each is not chosen:
            await each.aclose()
    return [chosen]


def _page(title: str, text: str) -> str:
    return _PAGE.format(title=html.escape(title), text=html.escape(text))
