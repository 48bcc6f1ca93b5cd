"""A mail server for tests: letters as RFC 5321 has it, with STARTTLS or TLS from the start."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import trio


@dataclass(slots=True)
class MailServer:
    """A running one. `replies` replace what it answers to a command; None: nothing, ever."""

    port: int = 0
    tls: ssl.SSLContext | None = None
    at_once: bool = False  # TLS from the start
    replies: dict[str, str | None] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)
    letters: list[str] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)

    async def converse(self, plain: trio.SocketStream) -> None:
        """Attend to one client."""
        stream: trio.abc.Stream = plain
        if self.at_once and self.tls is not None:
            stream = trio.SSLStream(plain, self.tls, server_side=True, https_compatible=True)
        try:
            await self._converse(stream)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return

    async def _converse(self, stream: trio.abc.Stream) -> None:
        await self._say(stream, self.replies.get("greeting", "220 mail.home.arpa"))
        lines = _Lines(stream)
        while (line := await lines.next()) is not None:
            self.said.append(line)
            verb = line.split(" ")[0].upper()
            if verb == "STARTTLS" and self.tls is not None and verb not in self.replies:
                await self._say(stream, "220 go on")
                stream = trio.SSLStream(stream, self.tls, server_side=True, https_compatible=True)
                lines = _Lines(stream)
                continue
            await self._say(stream, self.replies.get(verb, self._usual(verb)))
            if verb == "DATA" and verb not in self.replies:
                self.letters.append(await self._letter(lines))
                self.encrypted.append(isinstance(stream, trio.SSLStream))
                await self._say(stream, "250 taken")
            if verb == "QUIT":
                return

    async def _letter(self, lines: "_Lines") -> str:
        found = []
        while (line := await lines.next()) is not None and line != ".":
            found.append(line)
        return "\n".join(found)

    def _usual(self, verb: str) -> str:
        usual = {
            "EHLO": "250-mail.home.arpa\r\n250-AUTH PLAIN\r\n250 STARTTLS",
            "AUTH": "235 welcome",
            "DATA": "354 go on",
            "QUIT": "221 bye",
        }
        return usual.get(verb, "250 well")

    async def _say(self, stream: trio.abc.Stream, text: str | None) -> None:
        if text is None:
            await trio.sleep_forever()
        else:
            await stream.send_all(text.encode() + b"\r\n")


class _Lines:
    def __init__(self, stream: trio.abc.Stream) -> None:
        self._stream = stream
        self._read = b""

    async def next(self) -> str | None:
        while b"\r\n" not in self._read:
            part = await self._stream.receive_some(4096)
            if not part:
                return None
            self._read += part
        line, _, self._read = self._read.partition(b"\r\n")
        return line.decode()


@asynccontextmanager
async def mail_server(
    tls: ssl.SSLContext | None = None, *, at_once: bool = False
) -> AsyncIterator[MailServer]:
    """Serve until the block ends."""
    server = MailServer(tls=tls, at_once=at_once)
    async with trio.open_nursery() as nursery:
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        server.port = listeners[0].socket.getsockname()[1]
        nursery.start_soon(trio.serve_listeners, server.converse, listeners)
        yield server
        nursery.cancel_scope.cancel()
