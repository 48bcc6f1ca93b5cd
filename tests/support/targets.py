"""Targets of validations, on loopback and in this event loop: good ones, and hostile ones."""

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import trio

from tests.support.web import Certified

Talk = Callable[[trio.SocketStream], Awaitable[None]]


@asynccontextmanager
async def tcp(talk: Talk, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[int]:
    """Let `talk` have each connection; give the port."""

    async def serve(stream: trio.SocketStream) -> None:
        try:
            await talk(stream)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return  # whoever asked has gone
        finally:
            await trio.aclose_forcefully(stream)

    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(_listen, serve, host, port)
        yield listeners[0].socket.getsockname()[1]
        nursery.cancel_scope.cancel()


async def _listen(
    serve: Talk, host: str, port: int, *, task_status: trio.TaskStatus[list[trio.SocketListener]]
) -> None:
    await trio.serve_tcp(serve, port, host=host, task_status=task_status)


async def request_of(stream: trio.abc.ReceiveStream) -> str:
    """Read the head of a request."""
    received = b""
    while b"\r\n\r\n" not in received:
        more = await stream.receive_some(4096)
        if not more:
            break
        received += more
    return received.decode("latin-1")


def answering(*answers: bytes) -> Talk:
    """Answer each connection with the same octets, then close it."""

    async def talk(stream: trio.SocketStream) -> None:
        await request_of(stream)
        for answer in answers:
            await stream.send_all(answer)

    return talk


def http(status: str, body: bytes = b"", *headers: str) -> bytes:
    """Write a whole HTTP answer."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


async def hang(stream: trio.SocketStream) -> None:
    """Take the connection and say nothing, ever."""
    await trio.sleep_forever()


def showing(shown: Certified, directory: Path, *protocols: str) -> ssl.SSLContext:
    """Make a server's context with a certificate, agreeing to these protocols."""
    file = directory / f"{shown.certificate.serial_number:x}.pem"
    file.write_text(shown.pem + shown.key_pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    if protocols:
        context.set_alpn_protocols(list(protocols))
    return context


def secured(context: ssl.SSLContext, talk: Talk) -> Talk:
    """Shake hands first."""

    async def serve(stream: trio.SocketStream) -> None:
        inner = trio.SSLStream(stream, context, server_side=True, https_compatible=True)
        await inner.do_handshake()
        await talk(inner)  # type: ignore[arg-type]

    return serve


@dataclass(slots=True)
class Nameserver:
    """A DNS server on loopback, over UDP and TCP. Records by name and type, as zone files do."""

    records: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    rcode: dns.rcode.Rcode = dns.rcode.NOERROR
    truncates: bool = False
    silent: bool = False
    garbage: bytes = b""
    asked: list[str] = field(default_factory=list)
    port: int = 0

    def answer(self, raw: bytes, *, over_udp: bool) -> bytes | None:
        query = dns.message.from_wire(raw)
        question = query.question[0]
        name, kind = question.name.to_text().lower(), question.rdtype.name
        self.asked.append(f"{kind} {name}{'' if over_udp else ' tcp'}")
        if self.silent:
            return None
        if self.garbage:
            return raw[:2] + self.garbage
        response = dns.message.make_response(query, recursion_available=True)
        response.set_rcode(self.rcode)
        if over_udp and self.truncates:
            response.flags |= dns.flags.TC
            return response.to_wire()
        if self.rcode == dns.rcode.NOERROR:
            self._fill(response, name, kind)
        return response.to_wire()

    def _fill(self, response: dns.message.Message, name: str, kind: str) -> None:
        if found := self.records.get((name, kind)):
            response.answer.append(dns.rrset.from_text(name, 60, "IN", kind, *found))
        elif alias := self.records.get((name, "CNAME")):
            response.answer.append(dns.rrset.from_text(name, 60, "IN", "CNAME", *alias))
        elif not any(each == name for each, _ in self.records):
            response.set_rcode(dns.rcode.NXDOMAIN)


@asynccontextmanager
async def nameserver(
    records: dict[tuple[str, str], list[str]] | None = None, *, server: Nameserver | None = None
) -> AsyncIterator[Nameserver]:
    """Run one, or this one; its members may be changed meanwhile."""
    server = server or Nameserver(records or {})

    async def over_tcp(stream: trio.SocketStream) -> None:
        length = await stream.receive_some(2)
        raw = await stream.receive_some(int.from_bytes(length))
        response = server.answer(bytes(raw), over_udp=False)
        if response is not None:
            await stream.send_all(len(response).to_bytes(2) + response)

    async def over_udp(endpoint: trio.socket.SocketType) -> None:
        while True:
            raw, peer = await endpoint.recvfrom(4096)
            response = server.answer(raw, over_udp=True)
            if response is not None:
                await endpoint.sendto(response, peer)

    async with tcp(over_tcp) as port, trio.open_nursery() as nursery:
        with trio.socket.socket(trio.socket.AF_INET, trio.socket.SOCK_DGRAM) as endpoint:
            await endpoint.bind(("127.0.0.1", port))
            server.port = port
            nursery.start_soon(over_udp, endpoint)
            yield server
            nursery.cancel_scope.cancel()
