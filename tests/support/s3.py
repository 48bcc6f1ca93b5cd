"""A server that speaks as much of S3 as backups need, with TLS; it checks each signature."""

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qsl, unquote, urlsplit
from xml.sax.saxutils import escape

from appliance.formats import sigv4
from appliance.formats.sigv4 import S3Credentials
from tests.support.web import Pki

CREDENTIALS = S3Credentials(key_id="test-key", secret="test-secret/+=")
BUCKET = "backups"
REGION = "eu-test-1"
_PAGE = 2  # names in an answer, so that there are several


@dataclass(slots=True)
class S3Server:
    """What it keeps, and what it was asked."""

    port: int = 0
    files: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    failing: int = 0  # a status to answer with instead

    @property
    def endpoint(self) -> str:
        return f"https://localhost:{self.port}"


@contextmanager
def s3_server(pki: Pki) -> Iterator[S3Server]:
    """Serve until the block ends."""
    state = S3Server()

    class Handler(_Handler):
        server_state = state

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.socket = pki.context().wrap_socket(server.socket, server_side=True)
    state.port = server.server_address[1]
    thread = Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    server_state: S3Server
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        self._handle("GET")

    def do_PUT(self) -> None:
        self._handle("PUT")

    def do_DELETE(self) -> None:
        self._handle("DELETE")

    def _handle(self, method: str) -> None:
        state, parts = self.server_state, urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        state.asked.append(f"{method} {self.path}")
        if state.failing:
            self._answer(state.failing, b"<Error><Code>SlowDown</Code></Error>")
        elif not self._signed(method, parts.path, parts.query, body):
            self._answer(403, b"<Error><Code>SignatureDoesNotMatch</Code></Error>")
        elif not unquote(parts.path).startswith(f"/{BUCKET}/"):
            self._answer(404, b"<Error><Code>NoSuchBucket</Code></Error>")
        else:
            key = unquote(parts.path).removeprefix(f"/{BUCKET}/")
            self._answer(*self._done(method, key, dict(parse_qsl(parts.query)), body))

    def _done(self, method: str, key: str, query: dict[str, str], body: bytes) -> tuple[int, bytes]:
        files = self.server_state.files
        if method == "PUT":
            files[key] = body
            return 200, b""
        if method == "DELETE":
            files.pop(key, None)
            return 204, b""
        if not key:
            return 200, self._listed(query)
        if key in files:
            return 200, files[key]
        return 404, b"<Error><Code>NoSuchKey</Code></Error>"

    def _listed(self, query: dict[str, str]) -> bytes:
        files, after = self.server_state.files, query.get("continuation-token", "")
        names = sorted(each for each in files if each.startswith(query["prefix"]) and each > after)
        items = "".join(
            f"<Contents><Key>{escape(each)}</Key><Size>{len(files[each])}</Size></Contents>"
            for each in names[:_PAGE]
        )
        if names[_PAGE:]:
            items += f"<NextContinuationToken>{escape(names[_PAGE - 1])}</NextContinuationToken>"
        return f"<ListBucketResult>{items}</ListBucketResult>".encode()

    def _signed(self, method: str, path: str, query: str, body: bytes) -> bool:
        digest = hashlib.sha256(body).hexdigest()
        if self.headers.get("x-amz-content-sha256") != digest:
            return False
        moment = datetime.strptime(self.headers["x-amz-date"] + "+0000", "%Y%m%dT%H%M%SZ%z")
        wanted = sigv4.headers(
            method=method, host=self.headers["host"], path=path, query=query, digest=digest,
            now=moment, region=REGION, credentials=CREDENTIALS,
        )  # fmt: skip
        return bool(re.sub(" +", " ", self.headers["authorization"]) == wanted["authorization"])

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        if status != 204:
            self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
