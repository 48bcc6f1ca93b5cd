"""A webhook's server: keeps what it is asked, and answers as it is told."""

import http.server
import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import trio

from appliance.model.errors import Unavailable
from appliance.ports.outbound import OutboundRequest, OutboundResponse


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request. Header names are lower case; `client` is the common name of its certificate."""

    path: str
    headers: Mapping[str, str]
    body: bytes
    client: str

    def json(self) -> Any:
        """Read the body."""
        return json.loads(self.body)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What to answer; `after` seconds."""

    status: int = 200
    body: bytes = b'{"allow":true}'
    after: float = 0.0


@dataclass(slots=True)
class Receiver:
    """A running server. `replies` are by path, several of them one after the other."""

    port: int
    replies: dict[str, list[Reply]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    def answers(self, path: str, *replies: Reply | Mapping[str, Any]) -> None:
        """Tell what to answer; the last goes on being answered."""
        self.replies[path] = [
            each if isinstance(each, Reply) else Reply(body=json.dumps(each).encode())
            for each in replies
        ]

    def at(self, path: str) -> list[Asked]:
        """Give what was asked at a path."""
        return [each for each in self.asked if each.path == path]

    def reply(self, asked: Asked) -> Reply:
        self.asked.append(asked)
        planned = self.replies.get(asked.path, [Reply()])
        return planned.pop(0) if len(planned) > 1 else planned[0]


@dataclass(slots=True)
class Outside:
    """A port to other servers that opens no socket.

    Answers are by URL, in turn, the last one again and again; None is not reached.
    """

    replies: Mapping[str, Sequence[Reply | None]] = field(default_factory=dict)
    takes: float = 0.0
    sent: list[OutboundRequest] = field(default_factory=list)
    at: list[float] = field(default_factory=list)

    async def send(self, request: OutboundRequest) -> OutboundResponse:
        self.sent.append(request)
        self.at.append(trio.current_time())
        number = sum(each.url == request.url for each in self.sent) - 1
        planned = self.replies.get(request.url, [Reply()])
        reply = planned[min(number, len(planned) - 1)]
        with trio.move_on_after(request.timeout) as waiting:
            await trio.sleep(self.takes)
        if waiting.cancelled_caught or reply is None:
            raise Unavailable("POST https://hooks.example/x failed: no answer")
        return OutboundResponse(status=reply.status, headers={}, body=reply.body)


@contextmanager
def receiving(certificate: Path, key: Path, client_roots: Path) -> Iterator[Receiver]:
    """Serve until the block ends; asks for a client certificate, and does without one."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    context.load_verify_locations(client_roots)
    context.verify_mode = ssl.CERT_OPTIONAL
    server = _Server(("127.0.0.1", 0), _Conversation)
    server.context = context
    receiver = server.receiver = Receiver(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(http.server.ThreadingHTTPServer):
    context: ssl.SSLContext
    receiver: Receiver
    daemon_threads = True

    def finish_request(self, request: Any, client_address: Any) -> None:
        request.settimeout(20)
        try:
            with self.context.wrap_socket(request, server_side=True) as stream:
                _Conversation(stream, client_address, self)
        except OSError:
            return  # a client that does not like us, or went

    def shutdown_request(self, request: Any) -> None:
        request.close()


class _Conversation(http.server.BaseHTTPRequestHandler):
    server: _Server
    connection: ssl.SSLSocket

    def do_POST(self) -> None:
        shown = self.connection.getpeercert() or {}
        names: Any = shown.get("subject", ())
        asked = Asked(
            path=self.path,
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(int(self.headers.get("content-length", 0))),
            client=next((value for ((name, value),) in names if name == "commonName"), ""),
        )
        reply = self.server.receiver.reply(asked)
        time.sleep(reply.after)
        self.send_response(reply.status)
        self.send_header("content-length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def unused_port() -> int:
    """Give a port at which nobody answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
