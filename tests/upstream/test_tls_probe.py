"""What tls-alpn-01 sees of TLS servers (RFC 8737 3)."""

import ssl
from pathlib import Path

import pytest
import trio

from appliance.ports.probes import Fault, Presented, ProbeFailed
from appliance.upstream.connecting import Connecting
from appliance.upstream.tls_probe import TlsClient
from tests.support.targets import answering, hang, secured, showing, tcp
from tests.support.web import new_root

ALPN = "acme-tls/1"


async def shake(port: int, server_name: str = "app.example", timeout: float = 5.0) -> Presented:
    return await TlsClient(Connecting(), port=port, timeout=timeout).presented(
        "127.0.0.1", server_name, ALPN
    )


async def quiet(stream: trio.SocketStream) -> None:
    """Wait until the other side has gone."""
    await stream.receive_some(1)


async def test_protocol_and_certificate_are_given_whoever_signed_it(tmp_path: Path) -> None:
    shown = new_root()
    async with tcp(secured(showing(shown, tmp_path, ALPN), quiet)) as port:
        found = await shake(port)
    assert (found.protocol, found.certificate) == (ALPN, shown.der)
    assert found.tried[-1].outcome == f"TLSv1.3, protocol {ALPN}"


@pytest.mark.parametrize("name", ["app.example", "1.0.0.127.in-addr.arpa", "_x.example"])
async def test_the_server_sees_name_and_protocol(tmp_path: Path, name: str) -> None:
    """For an address the name is its reverse one (RFC 8738 6), without a dot at the end."""
    seen: list[str] = []
    context = showing(new_root(), tmp_path, ALPN)
    context.sni_callback = lambda _object, asked, _context: seen.append(str(asked))
    async with tcp(secured(context, quiet)) as port:
        await shake(port, name)
    assert seen == [name]


async def test_a_server_without_alpn_has_no_protocol(tmp_path: Path) -> None:
    async with tcp(secured(showing(new_root(), tmp_path), quiet)) as port:
        assert (await shake(port)).protocol == ""


async def test_the_alert_of_the_server_is_told_by_its_name(tmp_path: Path) -> None:
    """RFC 7301 3.2: a server that has none of the protocols answers no_application_protocol."""

    async def refuse(stream: trio.SocketStream) -> None:
        await stream.receive_some(4096)
        await stream.send_all(bytes.fromhex("15030300020278"))

    async with tcp(refuse) as port:
        with pytest.raises(ProbeFailed) as failed:
            await shake(port)
    assert (failed.value.fault, failed.value.alert) == (Fault.TLS, "no_application_protocol")


@pytest.mark.parametrize(
    ("number", "alert"),
    [(40, "handshake_failure"), (80, "internal_error"), (112, "unrecognized_name"),
     (70, "protocol_version")],
)  # fmt: skip
async def test_other_alerts_too(number: int, alert: str) -> None:
    async def refuse(stream: trio.SocketStream) -> None:
        await stream.receive_some(4096)
        await stream.send_all(bytes.fromhex("150303000202") + bytes([number]))

    async with tcp(refuse) as port:
        with pytest.raises(ProbeFailed) as failed:
            await shake(port)
    assert failed.value.alert == alert


async def test_what_is_no_tls_is_told_so() -> None:
    async def talk(stream: trio.SocketStream) -> None:
        await stream.receive_some(10)
        await stream.send_all(b"SSH-2.0-OpenSSH_9.2\r\n" * 5)

    async with tcp(talk) as port:
        with pytest.raises(ProbeFailed) as failed:
            await shake(port)
    assert (failed.value.fault, failed.value.alert) == (Fault.TLS, "")


async def test_a_server_that_closes_is_told_so() -> None:
    async def talk(stream: trio.SocketStream) -> None:
        await stream.receive_some(4096)

    async with tcp(talk) as port:
        with pytest.raises(ProbeFailed, match="closed the connection"):
            await shake(port)


async def test_a_server_that_hangs_ends_with_the_deadline() -> None:
    async with tcp(hang) as port:
        with pytest.raises(ProbeFailed, match="no handshake") as failed:
            await shake(port, timeout=0.3)
    assert failed.value.fault is Fault.CONNECTION
    assert failed.value.tried[-1].what == f"TLS with {ALPN} for app.example"


async def test_a_plain_web_server_is_no_tls(tmp_path: Path) -> None:
    async with tcp(answering(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as port:
        with pytest.raises(ProbeFailed):
            await shake(port, timeout=1)


async def test_no_version_below_tls_1_2_is_taken(tmp_path: Path) -> None:
    """RFC 8737 4."""
    context = showing(new_root(), tmp_path, ALPN)
    with pytest.warns(DeprecationWarning, match="TLSv1 "):
        context.minimum_version = ssl.TLSVersion.TLSv1
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1

    async def talk(stream: trio.SocketStream) -> None:
        inner = trio.SSLStream(stream, context, server_side=True)
        with pytest.raises(trio.BrokenResourceError):
            await inner.do_handshake()

    async with tcp(talk) as port:
        with pytest.raises(ProbeFailed):
            await shake(port)
