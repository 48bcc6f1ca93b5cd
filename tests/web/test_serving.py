"""Stopping, replacing the certificate, and what a client shows of itself."""

import contextlib
import socket
import ssl
from datetime import timedelta
from pathlib import Path

import pytest
import trio
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypercorn.typing import ASGIReceiveCallable, ASGISendCallable, Scope

from appliance.model.errors import Broken, Unavailable
from appliance.web.application import Application, build_application
from appliance.web.http import Route
from appliance.web.limits import Limits
from appliance.web.serving import open_listeners
from appliance.web.switch import Switch
from tests.support.web import Certified, Pki, new_root, serving, until_closed
from tests.web.conftest import Dice, health

pytestmark = pytest.mark.usefixtures("either_lane")
REQUEST = b"GET %b HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.mark.parametrize("path", [b"/slow", b"/quart/slow"])
async def test_a_stop_lets_requests_finish(path: bytes, application: Application, pki: Pki) -> None:
    """At stop, a request under way is answered with Connection: close, idle ones end at once."""
    async with serving(application, pki, Limits(drain=5)) as server:
        idle, busy = await server.connect(), await server.connect()
        await idle.send_all(REQUEST % b"/json")
        await idle.receive_some()
        await busy.send_all(REQUEST % path)
        await trio.sleep(0.1)
        server.stop.set()
        assert await until_closed(idle) == b""
        answer = await until_closed(busy)
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert b"Connection: close" in answer
        with pytest.raises(OSError, match="all attempts to connect"):
            await trio.open_tcp_stream("127.0.0.1", server.port)
        await trio.aclose_forcefully(idle)
        await trio.aclose_forcefully(busy)


async def test_a_stop_has_a_deadline(application: Application, pki: Pki) -> None:
    """What does not finish within the drain is cut."""
    async with serving(application, pki, Limits(drain=0.2)) as server:
        stream = await server.connect()
        await stream.send_all(REQUEST % b"/stuck")
        await trio.sleep(0.1)
        before = trio.current_time()
        server.stop.set()
        assert await until_closed(stream) == b""
        assert trio.current_time() - before < 1
        await trio.aclose_forcefully(stream)


async def test_a_new_connection_at_stop(application: Application, pki: Pki) -> None:
    """A connection that has not asked yet gets a moment to, not the whole drain."""
    async with serving(application, pki, Limits(drain=10)) as server:
        stream, silent = await server.connect(), await server.connect()
        await trio.sleep(0.05)
        server.stop.set()
        await trio.sleep(0.05)
        await stream.send_all(REQUEST % b"/json")
        assert (await until_closed(stream)).startswith(b"HTTP/1.1 200 ")
        before = trio.current_time()
        assert await until_closed(silent) == b""
        assert trio.current_time() - before < 2
        await trio.aclose_forcefully(stream)
        await trio.aclose_forcefully(silent)


async def test_the_certificate_can_be_replaced(application: Application, pki: Pki) -> None:
    """New connections see the new certificate, open ones go on; a bad one changes nothing."""
    async with serving(application, pki) as server:
        kept = await server.connect()
        other = pki.intermediate.issue("localhost")
        server.holder.replace(pki.context(other))
        fresh = await server.connect()
        assert kept.getpeercert(binary_form=True) == pki.server.der
        assert fresh.getpeercert(binary_form=True) == other.der
        await kept.send_all(REQUEST % b"/json")
        assert (await kept.receive_some()).startswith(b"HTTP/1.1 200 ")
        mixed = Certified(certificate=pki.server.certificate, key=other.key)
        with pytest.raises(Broken, match="do not fit together"):
            server.holder.replace(pki.context(mixed))
        with pytest.raises(Broken, match="no client could connect"):
            server.holder.replace(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
        assert (await server.get()).startswith(b"HTTP/1.1 200 ")
        for stream in (kept, fresh):
            await trio.aclose_forcefully(stream)


def files(directory: Path, shown: Certified, *chain: Certified) -> tuple[str, str]:
    certificate, key = directory / "client.crt", directory / "client.key"
    certificate.write_text(shown.pem + "".join(each.pem for each in chain))
    key.write_text(shown.key_pem)
    return str(certificate), str(key)


@pytest.mark.parametrize("path", ["/peer", "/quart/peer"])
@pytest.mark.parametrize("highest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_client_certificates(
    path: str, highest: ssl.TLSVersion, application: Application, pki: Pki, tmp_path: Path
) -> None:
    """They are optional; leaf and path reach the endpoint, with or without a chain, expired too."""

    async def shown(context: ssl.SSLContext) -> bytes:
        context.maximum_version = highest
        return (await server.get(path, context)).partition(b"\r\n\r\n")[2]

    old = timedelta(days=-3)
    expired = pki.intermediate.issue("a", start=old, end=timedelta(days=-2))
    own = pki.intermediate.issue("a")
    async with serving(application, pki) as server:
        assert await shown(pki.client()) == b'{"chain":0}\n'
        # A leaf alone leads to the intermediate that the server knows.
        assert await shown(pki.client(files=files(tmp_path, own))) == b'{"chain":2}\n'
        with_chain = files(tmp_path, own, pki.intermediate)
        assert await shown(pki.client(files=with_chain)) == b'{"chain":2}\n'
        assert await shown(pki.client(files=files(tmp_path, expired))) == b'{"chain":2}\n'


@pytest.mark.parametrize("kind", ["foreign", "server only"])
async def test_wrong_client_certificates(
    kind: str, application: Application, pki: Pki, tmp_path: Path
) -> None:
    """The handshake fails with an alert that says so."""
    server_only = pki.intermediate.issue("a", usages=[ExtendedKeyUsageOID.SERVER_AUTH])
    shown = new_root("Other").issue("a") if kind == "foreign" else server_only
    async with serving(application, pki) as server:
        context = pki.client(files=files(tmp_path, shown))
        context.maximum_version = ssl.TLSVersion.TLSv1_2  # so that connect sees the alert
        with pytest.raises(trio.BrokenResourceError) as caught:
            await server.connect(context)
        assert isinstance(caught.value.__cause__, ssl.SSLError)
        reason = caught.value.__cause__.reason
        expected = ("TLSV1_ALERT_UNKNOWN_CA", "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE",
                    "TLSV1_ALERT_UNSUPPORTED_CERTIFICATE")  # fmt: skip
        assert reason in expected
        assert (await server.get()).startswith(b"HTTP/1.1 200 ")


async def test_a_session_is_not_resumed_by_ticket(application: Application, pki: Pki) -> None:
    """So that a client proves itself at each connection."""
    context = pki.client()
    async with serving(application, pki) as server:
        stream = await server.connect(context)
        await stream.send_all(REQUEST % b"/json")
        await stream.receive_some()
        assert not stream.session.has_ticket
        await trio.aclose_forcefully(stream)


async def test_a_resumed_session(application: Application, pki: Pki, tmp_path: Path) -> None:
    """TLS 1.2 resumes by session id; the leaf is still known, if not the path to it."""
    context = pki.client(files=files(tmp_path, pki.intermediate.issue("a")))
    context.maximum_version = ssl.TLSVersion.TLSv1_2

    def ask(port: int, session: ssl.SSLSession | None) -> tuple[bytes, ssl.SSLSession | None]:
        with (
            socket.create_connection(("127.0.0.1", port), timeout=5) as plain,
            context.wrap_socket(plain, server_hostname="localhost", session=session) as tls,
        ):
            tls.sendall(b"GET /peer HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            answer = b"".join(iter(lambda: tls.recv(4096), b""))
            assert bool(tls.session_reused) == (session is not None)
            known = tls.session
            with contextlib.suppress(OSError):
                tls.unwrap()  # of who leaves without a word, the server forgets the session
            return answer.partition(b"\r\n\r\n")[2], known

    async with serving(application, pki) as server:
        port = server.port
        first, session = await trio.to_thread.run_sync(ask, port, None)
        second, _ = await trio.to_thread.run_sync(ask, port, session)
    assert (first, second) == (b'{"chain":2}\n', b'{"chain":1}\n')


async def test_an_address_in_use() -> None:
    """It is a clear error that names the address."""
    [listener] = await open_listeners("127.0.0.1", 0)
    port = listener.socket.getsockname()[1]
    async with listener:
        with pytest.raises(Unavailable, match=f"cannot listen on 127.0.0.1:{port}: "):
            await open_listeners("127.0.0.1", port)


async def test_the_application_can_be_replaced(application: Application, pki: Pki) -> None:
    """A reload: requests under way end with the old one, the same connection gets the new one."""
    other = build_application(
        [Route(method="GET", path="/new", endpoint=health)],
        chance=Dice(),
        access_log=lambda line: None,
    )
    switch = Switch(application)
    async with serving(switch, pki) as server:
        stream = await server.connect()
        await stream.send_all(REQUEST % b"/slow" + REQUEST % b"/new" + REQUEST % b"/json")
        await trio.sleep(0.1)
        switch.replace(other)
        answer = b""
        with trio.fail_after(60):
            while answer.count(b"HTTP/1.1 ") < 3:
                answer += await stream.receive_some()
        statuses = [part[:3] for part in answer.split(b"HTTP/1.1 ")[1:]]
        assert statuses == [b"200", b"200", b"404"]
        await trio.aclose_forcefully(stream)


async def test_an_answer_whose_length_the_application_does_not_tell_has_one(pki: Pki) -> None:
    """RFC 9112 6.3: on a connection that stays open, a client would wait for ever."""

    async def bare(scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return
        await send({"type": "http.response.start", "status": 200, "headers": [], "trailers": False})
        for part, more in ((b"two ", True), (b"parts", False)):
            await send({"type": "http.response.body", "body": part, "more_body": more})

    async with serving(bare, pki) as server:
        stream = await server.connect()
        await stream.send_all(REQUEST % b"/")
        with trio.fail_after(60):
            answer = b""
            while not answer.endswith(b"two parts"):
                answer += await stream.receive_some()
        assert b"content-length: 9\r\n" in answer.lower()
        await trio.aclose_forcefully(stream)
