"""Requests to other servers: followed, trusted and ended as they should be."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import trio

from appliance.client.identity import Identity
from appliance.model.errors import Unavailable
from appliance.ports.outbound import OutboundRequest, OutboundResponse
from appliance.upstream.http import HttpOutbound
from tests.support.web import Certified, Pki

Reply = tuple[int, dict[str, str], bytes]
OUTBOUND = HttpOutbound()


@dataclass(slots=True)
class Server:
    """A server that answers by its `routes`, and remembers what it was asked."""

    url: str = ""
    port: int = 0
    routes: dict[str, Callable[["Asked"], Reply]] = field(default_factory=dict)
    asked: list["Asked"] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it arrived; `peer` is the client certificate (DER)."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    peer: bytes | None


@contextlib.contextmanager
def serving(context: ssl.SSLContext | None = None) -> Iterator[Server]:
    server = Server()

    class Answers(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            length = int(self.headers.get("Content-Length", "0"))
            connection: Any = self.connection
            peer = connection.getpeercert(True) if context else None
            headers = {name.lower(): value for name, value in self.headers.items()}
            asked = Asked(self.command, self.path, headers, self.rfile.read(length), peer)
            server.asked.append(asked)
            known = server.routes.get(self.path.partition("?")[0])
            status, extra, body = known(asked) if known else (404, {}, b"nothing")
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **extra}.items():
                self.send_header(name, value)
            self.end_headers()
            with contextlib.suppress(OSError):
                self.wfile.write(body)

        do_GET = do_POST = do_HEAD = do_CONNECT = handle_any  # noqa: N815

        def log_message(self, *_: Any) -> None:
            """Tell nobody."""

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    listening.daemon_threads = True
    if context is not None:
        listening.socket = context.wrap_socket(
            listening.socket, server_side=True, do_handshake_on_connect=False
        )
    server.port = listening.server_port
    server.url = f"{'https://localhost' if context else 'http://127.0.0.1'}:{server.port}"
    thread = threading.Thread(target=listening.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield server
    finally:
        server.ended.set()
        listening.shutdown()
        listening.server_close()
        thread.join(5)


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


@pytest.fixture(scope="module")
def pki() -> Pki:
    return Pki.generate()


@pytest.fixture
def secure(pki: Pki) -> Iterator[Server]:
    context = pki.context()
    context.set_alpn_protocols(["http/1.1"])
    with serving(context) as running:
        running.routes["/"] = lambda _: (200, {}, b"hello")
        yield running


async def get(url: str, outbound: HttpOutbound = OUTBOUND, **members: Any) -> OutboundResponse:
    return await outbound.send(OutboundRequest(method="GET", url=url, **members))


def redirect(status: int, to: str) -> Callable[[Asked], Reply]:
    return lambda _: (status, {"Location": to}, b"over there")


async def test_every_status_is_an_answer(server: Server) -> None:
    server.routes["/x"] = lambda _: (503, {"X-Thing": "A, b"}, b"busy")
    answer = await get(f"{server.url}/x?q=1")
    assert (answer.status, answer.headers["x-thing"], answer.body) == (503, "A, b", b"busy")
    assert server.asked[0].path == "/x?q=1"
    assert server.asked[0].headers["user-agent"].startswith("Hearth/")


async def test_method_headers_and_body_arrive(server: Server) -> None:
    server.routes["/"] = lambda _: (200, {}, b"")
    request = OutboundRequest(
        method="POST", url=server.url, headers={"X-Signature": "ab"}, body=b"{}"
    )
    await OUTBOUND.send(request)
    (asked,) = server.asked
    assert (asked.method, asked.body, asked.headers["x-signature"]) == ("POST", b"{}", "ab")
    assert "ab" not in repr(request)


@pytest.mark.parametrize(
    ("status", "method", "body"),
    [(301, "GET", b""), (302, "GET", b""), (303, "GET", b""), (307, "POST", b"x"),
     (308, "POST", b"x")],
)  # fmt: skip
async def test_redirects_are_followed_as_go_follows_them(
    server: Server, status: int, method: str, body: bytes
) -> None:
    server.routes["/a"] = redirect(status, "/b")
    server.routes["/b"] = lambda _: (200, {}, b"here")
    request = OutboundRequest(method="POST", url=f"{server.url}/a", body=b"x")
    assert (await OUTBOUND.send(request)).body == b"here"
    assert (server.asked[1].method, server.asked[1].body) == (method, body)


async def test_redirects_come_to_an_end(server: Server) -> None:
    server.routes["/a"] = redirect(302, "/a")
    with pytest.raises(Unavailable, match="more than 10 times"):
        await get(f"{server.url}/a")
    assert len(server.asked) == 11


async def test_a_redirect_never_leads_from_https_to_http(
    secure: Server, server: Server, pki: Pki
) -> None:
    secure.routes["/a"] = redirect(302, server.url)
    with pytest.raises(Unavailable, match="from https to http"):
        await get(f"{secure.url}/a", HttpOutbound([pki.root.der]))
    assert server.asked == []


async def test_a_redirect_to_another_host_takes_no_credentials_along(
    server: Server,
) -> None:
    with serving() as other:
        other.routes["/"] = lambda _: (200, {}, b"")
        server.routes["/a"] = redirect(302, f"http://localhost:{other.port}/")
        await get(f"{server.url}/a", headers={"Authorization": "Bearer secret"})
        assert "authorization" not in other.asked[0].headers


@pytest.mark.parametrize("target", ["ftp://x/", "file:///etc/passwd", "gopher:1"])
async def test_a_redirect_elsewhere_is_refused(server: Server, target: str) -> None:
    server.routes["/a"] = redirect(302, target)
    with pytest.raises(Unavailable):
        await get(f"{server.url}/a")


async def test_an_answer_without_end_is_cut(server: Server) -> None:
    server.routes["/"] = lambda _: (200, {}, b"x" * (2 << 20))
    with pytest.raises(Unavailable, match="larger than 1 MiB"):
        await get(f"{server.url}/")


async def test_a_compressed_answer_is_no_bomb(server: Server) -> None:
    server.routes["/"] = lambda _: (200, {"Content-Encoding": "gzip"}, b"x")
    with pytest.raises(Unavailable, match="compressed"):
        await get(f"{server.url}/")
    assert server.asked[0].headers["accept-encoding"] == "identity"


async def test_there_is_one_deadline_for_all_of_it(server: Server) -> None:
    def slowly(_: Asked) -> Reply:
        server.ended.wait(5)
        return 200, {}, b""

    server.routes["/"] = slowly
    begun = trio.current_time()
    with pytest.raises(Unavailable, match=r"no answer within 0.2 s"):
        await get(f"{server.url}/", timeout=0.2)
    assert trio.current_time() - begun < 2


async def test_who_is_not_there_is_named_without_secrets() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(Unavailable) as caught:
        await get(f"http://user:secret@127.0.0.1:{port}/hook?key=secret")
    assert f"GET http://127.0.0.1:{port}/hook failed: connection refused" in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["", "idp", "http://", "http://[::1", "http://a b/", "http://x:y/", "//x", "ftp://x"]
)
async def test_what_is_no_url_is_told(url: str) -> None:
    with pytest.raises(Unavailable):
        await get(url)


async def test_a_header_that_cannot_be_sent_is_told(server: Server) -> None:
    with pytest.raises(Unavailable):
        await get(server.url, headers={"X": "a\r\nb"})
    with pytest.raises(Unavailable):
        await get(server.url, headers={"é": "x"})


async def test_what_answers_is_no_web_server() -> None:
    async def babble(stream: trio.SocketStream) -> None:
        await stream.send_all(b"220 mail.example ESMTP\r\n")
        await stream.aclose()

    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = listener.socket.getsockname()[1]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, babble, [listener])
        with pytest.raises(Unavailable):
            await get(f"http://127.0.0.1:{port}/")
        nursery.cancel_scope.cancel()


# ---- trust


async def test_the_cas_own_root_is_trusted_and_others_are_not(secure: Server, pki: Pki) -> None:
    assert (await get(secure.url + "/", HttpOutbound([pki.root.der]))).body == b"hello"
    with pytest.raises(Unavailable, match="not trusted"):
        await get(secure.url + "/")


async def test_the_cas_intermediate_completes_a_chain_and_does_not_end_it(
    secure: Server, pki: Pki
) -> None:
    authorities = [pki.root.der, pki.intermediate.der]
    assert (await get(secure.url + "/", HttpOutbound(authorities))).status == 200
    with pytest.raises(Unavailable, match="not trusted"):
        await get(secure.url + "/", HttpOutbound([pki.intermediate.der]))


async def test_ssl_cert_file_says_what_the_system_trusts(
    secure: Server, pki: Pki, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "roots.pem").write_text(pki.root.pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "roots.pem"))
    assert (await get(secure.url + "/", HttpOutbound())).status == 200


async def test_another_name_is_not_trusted(pki: Pki) -> None:
    context = pki.context(pki.intermediate.issue("other.example"))
    with serving(context) as other, pytest.raises(Unavailable, match="not trusted"):
        await get(other.url + "/", HttpOutbound([pki.root.der]))


def shown(certified: Certified, issuer: Certified) -> Identity:
    return Identity(chain=(certified.der, issuer.der), key=certified.key)


async def test_the_cas_certificate_is_shown_where_the_request_allows_it(
    secure: Server, pki: Pki
) -> None:
    outbound = HttpOutbound([pki.root.der])
    await get(secure.url + "/", outbound, client_certificate=True)
    first, second = (pki.intermediate.issue(name) for name in ("one", "two"))
    outbound.show(shown(first, pki.intermediate))
    await get(secure.url + "/", outbound, client_certificate=True)
    await get(secure.url + "/", outbound)
    outbound.show(shown(second, pki.intermediate))
    await get(secure.url + "/", outbound, client_certificate=True)
    peers = [asked.peer for asked in secure.asked]
    assert peers == [None, first.der, None, second.der]


# ---- proxies


async def test_a_proxy_is_used_for_others_and_not_for_this_machine(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving() as proxy:
        proxy.routes["http://idp.example/keys"] = lambda _: (200, {}, b"by proxy")
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("HTTPS_PROXY", f"127.0.0.1:{proxy.port}")
        monkeypatch.setenv("NO_PROXY", "direct.invalid")
        assert (await get("http://idp.example/keys")).body == b"by proxy"
        with pytest.raises(Unavailable):
            await get("https://idp.example/keys")
        assert [(asked.method, asked.path) for asked in proxy.asked] == [
            ("GET", "http://idp.example/keys"),
            ("CONNECT", "idp.example:443"),
        ]
        with pytest.raises(Unavailable, match="cannot be resolved"):
            await get("http://direct.invalid/")
        assert (await get(f"{server.url}/")).status == 404
        assert len(proxy.asked) == 2


async def test_a_proxy_of_another_kind_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "socks5://127.0.0.1:1080")
    with pytest.raises(Unavailable, match="'socks5' are not supported"):
        await get("https://idp.example/")


async def test_a_netrc_file_is_not_looked_at(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login a password b\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    await get(f"{server.url}/")
    assert "authorization" not in server.asked[0].headers
