"""What a CA, a proxy or the network answers is told in words, and every wait has an end."""

import hashlib
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio

from appliance.client.ca import CaClient, fetch_root
from appliance.client.connection import CaRefusal, Connection
from appliance.client.tls import trusting
from appliance.model.errors import BadRequest, Broken, HearthError, Unavailable
from appliance.model.orders import RevokeOrder, SignOrder
from appliance.model.version import program
from tests.support.web import Pki, Served, serving

Answer = tuple[int, str, bytes, dict[str, str]]


class Scripted:
    """An ASGI application that gives prepared answers and remembers what it was asked."""

    def __init__(self, answers: Callable[[str, str], Answer]) -> None:
        self.answers = answers
        self.asked: list[dict[str, Any]] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            while (await receive())["type"] != "lifespan.shutdown":
                await send({"type": "lifespan.startup.complete"})
            await send({"type": "lifespan.shutdown.complete"})
            return
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        asked = {"path": scope["path"], "query": scope["query_string"].decode(), "body": body}
        self.asked.append(asked | {"headers": headers})
        status, kind, content, more = self.answers(scope["path"], scope["query_string"].decode())
        if status == 0:
            await trio.sleep_forever()
        sent = {"content-type": kind, "content-length": str(len(content)), **more}
        raw = [(name.encode(), value.encode()) for name, value in sent.items()]
        await send({"type": "http.response.start", "status": status, "headers": raw})
        await send({"type": "http.response.body", "body": content})


def _json(status: int, value: object, **headers: str) -> Answer:
    return status, "application/json", json.dumps(value).encode(), headers


@pytest.fixture(scope="module")
def pki() -> Pki:
    return Pki.generate()


@asynccontextmanager
async def _client(
    pki: Pki, app: Scripted, **options: Any
) -> AsyncIterator[tuple[CaClient, Served]]:
    async with serving(app, pki) as served:
        url = f"https://127.0.0.1:{served.port}"
        connection = Connection(url, trusting([pki.root.der]), **options)
        async with CaClient(connection) as ca:
            yield ca, served


async def test_the_reading_routes(pki: Pki) -> None:
    pages = {
        "": {"provisioners": [{"name": "a"}, {"name": "b"}], "nextCursor": "c1"},
        "c1": {"provisioners": [{"name": "c"}], "nextCursor": ""},
    }

    def answer(path: str, query: str) -> Answer:
        match path:
            case "/health":
                return _json(200, {"status": "ok"})
            case "/version":
                return _json(200, {"version": "0.30.2", "requireClientAuthentication": True})
            case "/roots":
                return _json(201, {"crts": [pki.root.pem, pki.intermediate.pem]})
            case "/federation":
                return _json(201, {"crts": None})
            case "/provisioners":
                cursor = dict(part.split("=") for part in query.split("&")).get("cursor", "")
                return _json(200, pages[cursor])
            case _:
                return _json(200, {"key": "e.y.J"})

    app = Scripted(answer)
    async with _client(pki, app) as (ca, _):
        assert await ca.health() == "ok"
        version = await ca.version()
        assert (version.version, version.require_client_authentication) == ("0.30.2", True)
        assert await ca.roots() == (pki.root.der, pki.intermediate.der)
        assert await ca.federation() == ()
        assert [entry["name"] for entry in await ca.provisioners()] == ["a", "b", "c"]
        assert await ca.encrypted_key("k") == "e.y.J"
    headers = app.asked[0]["headers"]
    assert headers["user-agent"] == program()
    assert len({asked["headers"]["x-request-id"] for asked in app.asked}) == len(app.asked)
    assert app.asked[4]["query"] == "limit=100"


async def test_the_writing_routes_send_what_step_sends(pki: Pki) -> None:
    def answer(path: str, query: str) -> Answer:
        if path == "/revoke":
            return _json(200, {"status": "ok"})
        if path == "/renew":
            return _json(201, {"crt": pki.server.pem, "ca": pki.intermediate.pem})
        chain = [pki.server.pem, pki.intermediate.pem, pki.root.pem]
        return _json(201, {"crt": pki.server.pem, "ca": None, "certChain": chain})

    app = Scripted(answer)
    two = (pki.server.der, pki.intermediate.der)
    async with _client(pki, app) as (ca, _):
        order = SignOrder(csr=b"csr", token="t", not_after="1h")
        assert await ca.sign(order) == (*two, pki.root.der)
        assert await ca.renew() == two
        assert await ca.renew_with_token("tok") == two
        await ca.revoke(RevokeOrder(serial=2**127, token="t", reason_code=4, reason="old"))
    sign, renew, with_token, revoke = app.asked
    assert json.loads(sign["body"]) == {
        "csr": "-----BEGIN CERTIFICATE REQUEST-----\nY3Ny\n-----END CERTIFICATE REQUEST-----\n",
        "ott": "t",
        "notAfter": "1h",
        "notBefore": "",
    }
    assert renew["body"] == b""
    assert with_token["headers"]["authorization"] == "Bearer tok"
    assert json.loads(revoke["body"]) == {
        "serial": str(2**127),
        "ott": "t",
        "reasonCode": 4,
        "reason": "old",
        "passive": True,
    }


async def test_a_refusal_of_the_ca_keeps_its_words_and_its_request_id(pki: Pki) -> None:
    said = {"status": 403, "message": "name not allowed"}
    app = Scripted(lambda path, query: _json(403, said, **{"x-request-id": "r-7"}))
    async with _client(pki, app) as (ca, _):
        with pytest.raises(CaRefusal) as caught:
            await ca.health()
    assert (caught.value.status, caught.value.request_id) == (403, "r-7")
    assert str(caught.value) == "name not allowed\n(request id r-7)"


PROXY = b"<html><head><TITLE>502 Bad &amp; Broken</TITLE></head><body>nginx</body></html>"


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ((502, "text/html; charset=utf-8", PROXY, {}), r"502 .*text/html \(502 Bad & Broken\)"),
        ((200, "text/html", PROXY, {}), "not a CA: 200 .*is there a proxy in between"),
        ((404, "text/plain", b"404 page not found\n", {}), "not a CA: 404 .*text/plain"),
        ((200, "application/json", b'{"status":', {}), "not a CA"),
        ((200, "application/json", b"[]", {}), "not a CA"),
        ((503, "application/json", b'{"error":"x"}', {}), "not a CA: 503"),
        ((301, "text/html", b"", {"location": "https://other/"}), "redirected to https://other/"),
        ((200, "application/json", b"x" * (9 << 20), {}), "larger than 8 MiB"),
    ],
)
async def test_what_is_no_answer_of_a_ca_is_told_so(pki: Pki, answer: Answer, says: str) -> None:
    async with _client(pki, Scripted(lambda path, query: answer)) as (ca, _):
        with pytest.raises(Broken, match=says):
            await ca.health()


async def test_provisioners_without_an_end_are_given_up(pki: Pki) -> None:
    page = {"provisioners": [], "nextCursor": "same"}
    async with _client(pki, Scripted(lambda path, query: _json(200, page))) as (ca, _):
        with pytest.raises(Broken, match="does not come to an end"):
            await ca.provisioners()


async def test_a_ca_that_says_nothing_is_given_up(pki: Pki) -> None:
    app = Scripted(lambda path, query: (0, "", b"", {}))
    async with _client(pki, app, timeout=0.2) as (ca, _):
        with pytest.raises(Unavailable, match=r"GET .*/health failed: no answer within 0\.2 s"):
            await ca.health()


async def _failing(url: str, roots: list[bytes]) -> str:
    async with CaClient(Connection(url, trusting(roots))) as ca:
        with pytest.raises(HearthError) as caught:
            await ca.health()
    return str(caught.value)


async def test_the_network_is_told_apart_from_trust(pki: Pki) -> None:
    listener = (await trio.open_tcp_listeners(0, host="127.0.0.1"))[0]
    port = listener.socket.getsockname()[1]
    await listener.aclose()
    url = f"https://127.0.0.1:{port}"
    assert await _failing(url, []) == f"GET {url}/health failed: connection refused"
    assert "cannot be resolved" in await _failing("https://nosuch.invalid", [])
    async with serving(Scripted(lambda *_: _json(200, {})), pki) as served:
        said = await _failing(f"https://127.0.0.1:{served.port}", [Pki.generate().root.der])
        assert "certificate is not trusted" in said
        assert "--root" in said
        named = await _failing(f"https://127.0.0.2:{served.port}", [pki.root.der])
        assert "127.0.0.2" in named


async def test_an_intermediate_may_be_trusted_as_step_trusts_it(pki: Pki) -> None:
    app = Scripted(lambda path, query: _json(200, {"status": "ok"}))
    async with serving(app, pki) as served:
        url = f"https://127.0.0.1:{served.port}"
        async with CaClient(Connection(url, trusting([pki.intermediate.der]))) as ca:
            assert await ca.health() == "ok"


class TestFetchRoot:
    """The one request made without trust: only the right certificate comes out of it."""

    async def test_the_root_of_the_fingerprint(self, pki: Pki) -> None:
        fingerprint = hashlib.sha256(pki.root.der).hexdigest()
        app = Scripted(lambda path, query: _json(200, {"ca": pki.root.pem}))
        async with serving(app, pki) as served:
            url = f"https://127.0.0.1:{served.port}"
            colons = ":".join(fingerprint[i : i + 2] for i in range(0, 64, 2)).upper()
            for written in (fingerprint, fingerprint.upper(), colons, f" {fingerprint} "):
                assert await fetch_root(url, written) == pki.root.der
            assert {asked["path"] for asked in app.asked} == {f"/root/{fingerprint}"}

    async def test_another_root_is_refused(self, pki: Pki) -> None:
        app = Scripted(lambda path, query: _json(200, {"ca": pki.intermediate.pem}))
        async with serving(app, pki) as served:
            url = f"https://127.0.0.1:{served.port}"
            with pytest.raises(BadRequest, match="fingerprint does not match"):
                await fetch_root(url, "00" * 32)
            with pytest.raises(BadRequest, match="is not a fingerprint"):
                await fetch_root(url, "../health")
