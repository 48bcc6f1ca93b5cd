"""A small HTTP/1.1 client over TLS on Trio, for load and for bytes that no library would send."""

import ssl
from types import TracebackType
from typing import Self

import trio


class Answer(Exception):
    """The peer's bytes are no HTTP answer, or end before it does."""


class Connection:
    """One keep-alive connection; `request` gives status and body."""

    def __init__(self, port: int, context: ssl.SSLContext, host: str = "localhost") -> None:
        self.port, self.context, self.host = port, context, host
        self.buffer = b""

    async def __aenter__(self) -> Self:
        self.stream = await trio.open_ssl_over_tcp_stream(
            "127.0.0.1", self.port, ssl_context=self.context, https_compatible=True
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await trio.aclose_forcefully(self.stream)

    async def request(self, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: {self.host}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        await self.stream.send_all(head.encode() + body)
        return await self.answer()

    async def more(self) -> None:
        data = await self.stream.receive_some(65536)
        if not data:
            raise Answer(f"connection ended after {self.buffer[:60]!r}")
        self.buffer += data

    async def answer(self) -> tuple[int, bytes]:
        while (end := self.buffer.find(b"\r\n\r\n")) < 0:
            await self.more()
        lines = self.buffer[:end].split(b"\r\n")
        self.buffer = self.buffer[end + 4 :]
        status = int(lines[0].split(b" ")[1])
        headers = {name.lower(): value.strip() for name, _, value in
                   (line.partition(b":") for line in lines[1:])}  # fmt: skip
        if headers.get(b"transfer-encoding", b"").lower() == b"chunked":
            return status, await self.chunks()
        length = int(headers.get(b"content-length", b"0"))
        return status, await self.take(length)

    async def take(self, length: int) -> bytes:
        while len(self.buffer) < length:
            await self.more()
        body, self.buffer = self.buffer[:length], self.buffer[length:]
        return body

    async def chunks(self) -> bytes:
        body = b""
        while True:
            while b"\r\n" not in self.buffer:
                await self.more()
            line, _, self.buffer = self.buffer.partition(b"\r\n")
            size = int(line, 16)
            body += await self.take(size)
            await self.take(2)
            if size == 0:
                return body
