"""What http-01 sees of web servers; none of them holds it up or fills it (RFC 8555 8.3)."""

import re
from pathlib import Path

import pytest
import trio

from appliance.ports.probes import Fault, Page, ProbeFailed
from appliance.upstream.connecting import Connecting
from appliance.upstream.dns_probe import DnsClient
from appliance.upstream.http_probe import HttpClient
from tests.support.targets import (
    answering,
    hang,
    http,
    nameserver,
    request_of,
    secured,
    showing,
    tcp,
)
from tests.support.web import new_root

PATH = "/.well-known/acme-challenge/token"


async def ask(port: int, host: str = "127.0.0.1", timeout: float = 5.0) -> Page:
    return await HttpClient(Connecting(), port=port, timeout=timeout).page(host, PATH)


async def test_the_answer_of_a_web_server_is_given_with_what_was_tried() -> None:
    async with tcp(answering(http("200 OK", b"token.thumbprint\n"))) as port:
        page = await ask(port)
    assert (page.status, page.body) == (200, b"token.thumbprint\n")
    assert [(each.what, each.outcome) for each in page.tried] == [
        (f"127.0.0.1 port {port}", "connected"),
        (f"GET http://127.0.0.1:{port}{PATH}", "200, beginning with 'token.thumbprint'"),
    ]


@pytest.mark.parametrize(
    "answer",
    [
        http("200 OK", b"token.thumbprint"),
        http("404 Not Found", b"<p>no", "Server: nginx", "X-Empty:"),
        http("302 Found", b"", "Location: http://127.0.0.1:1/elsewhere"),
        http("302 Found", b"led nowhere"),
        http("200 OK", b"twice", "Content-Length: 5"),
        http("200 OK", b"two lengths", "Content-Length: 3"),
        http("204 No Content", b""),
        http("700 What", b"new"),
        http("200 OK", b"bare").replace(b"\r\n", b"\n"),
        http("200 OK", b"of old").replace(b"HTTP/1.1", b"HTTP/1.0"),
        http("200 OK", b"folded", "X-Long: one\r\n two"),
        http("200 OK", b"odd", "X-Odd: \x00"),
        http("200 OK", b"more than it says")[:-4] + b"all!and more",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    ],
)
async def test_answers_are_read_the_same_whether_they_come_whole_or_not(answer: bytes) -> None:
    """The fast reading lets nothing pass that h11 would not, which reads what comes in parts."""

    async def in_parts(stream: trio.SocketStream) -> None:
        await request_of(stream)
        await stream.send_all(answer[:7])
        await trio.sleep(0.02)
        await stream.send_all(answer[7:])

    seen = []
    for talk in (answering(answer), in_parts):
        async with tcp(talk) as port:
            try:
                page = await ask(port)
            except ProbeFailed as failure:
                seen.append(str(failure).replace(str(port), "PORT"))
            else:
                seen.append(f"{page.status} {page.body!r}")
    assert seen[0] == seen[1]


async def test_the_host_header_carries_the_name_and_the_port_that_is_not_80() -> None:
    seen: list[str] = []

    async def talk(stream: trio.SocketStream) -> None:
        seen.append(await request_of(stream))
        await stream.send_all(http("200 OK"))

    async with tcp(talk) as port:
        await ask(port, "localhost")
    assert seen[0].startswith(f"GET {PATH} HTTP/1.1\r\n")
    assert f"\r\nHost: localhost:{port}\r\n" in seen[0]


async def test_a_status_of_400_and_more_is_an_answer() -> None:
    async with tcp(answering(http("404 Not Found", b"no"))) as port:
        assert (await ask(port)).status == 404


async def test_redirects_are_followed_to_other_ports_and_paths() -> None:
    async with tcp(answering(http("200 OK", b"there"))) as other:
        moved = http("302 Found", b"", f"Location: http://127.0.0.1:{other}/elsewhere?x=1")
        async with tcp(answering(moved)) as port:
            page = await ask(port)
    assert page.body == b"there"
    assert page.url == f"http://127.0.0.1:{other}/elsewhere?x=1"
    assert "redirecting to" in page.tried[1].outcome


async def test_a_redirect_to_https_is_followed_whatever_the_certificate(tmp_path: Path) -> None:
    """RFC 8555 8.3, and 2.203 of another CA: NAS boxes redirect all of port 80."""
    context = showing(new_root(), tmp_path)
    async with tcp(secured(context, answering(http("200 OK", b"secured")))) as other:
        moved = http("301 Moved", b"", f"Location: https://localhost:{other}/x")
        async with tcp(answering(moved)) as port:
            assert (await ask(port)).body == b"secured"


async def test_redirects_in_a_circle_end() -> None:
    async with tcp(answering(http("302 Found", b"", "Location: /again"))) as port:
        with pytest.raises(ProbeFailed, match="redirected more than 10 times") as failed:
            await ask(port)
    assert failed.value.fault is Fault.CONNECTION
    assert len([each for each in failed.value.tried if each.what.startswith("GET")]) == 11


@pytest.mark.parametrize(
    "location",
    [
        "file:///etc/passwd", "gopher://127.0.0.1/", "http://", "http://[::1", "http://a b/",
        "http://127.0.0.1:99999/", "http://b\u00fccher.example/",
    ],
)  # fmt: skip
async def test_redirects_lead_to_http_alone(location: str) -> None:
    moved = http("302 Found", b"", "Location: ").replace(
        b"Location: \r", b"Location: " + location.encode() + b"\r"
    )
    async with tcp(answering(moved)) as port:
        with pytest.raises(ProbeFailed):
            await ask(port)


async def test_an_endless_body_is_read_no_further_than_is_of_use() -> None:
    sent = 0

    async def talk(stream: trio.SocketStream) -> None:
        nonlocal sent
        await request_of(stream)
        await stream.send_all(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            await stream.send_all(b"x" * 65536)
            sent += 65536

    async with tcp(talk) as port:
        page = await ask(port)
    assert len(page.body) == 4096
    assert sent < 16 << 20


async def test_endless_headers_end_the_probe() -> None:
    async def talk(stream: trio.SocketStream) -> None:
        await request_of(stream)
        await stream.send_all(b"HTTP/1.1 200 OK\r\n")
        while True:
            await stream.send_all(b"X-More: " + b"x" * 1000 + b"\r\n")

    async with tcp(talk) as port:
        with pytest.raises(ProbeFailed, match="not HTTP"):
            await ask(port)


async def test_endless_answers_before_the_answer_end_the_probe() -> None:
    async def talk(stream: trio.SocketStream) -> None:
        await request_of(stream)
        while True:
            await stream.send_all(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 100)

    async with tcp(talk) as port:
        with pytest.raises(ProbeFailed, match="more than 64 KiB"):
            await ask(port)


async def test_a_server_that_drips_ends_with_the_deadline_of_the_whole_probe() -> None:
    async def talk(stream: trio.SocketStream) -> None:
        await request_of(stream)
        for octet in b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1000:
            await stream.send_all(bytes([octet]))
            await trio.sleep(0.05)

    async with tcp(talk) as port:
        with pytest.raises(ProbeFailed, match=r"no whole answer within 0\.4 s") as failed:
            await ask(port, timeout=0.4)
    assert failed.value.tried[-1].what.startswith("GET http://127.0.0.1")


async def test_a_server_that_hangs_ends_with_the_deadline() -> None:
    async with tcp(hang) as port:
        with pytest.raises(ProbeFailed, match="no whole answer"):
            await ask(port, timeout=0.3)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"SSH-2.0-OpenSSH_9.2\r\n", "not HTTP"),
        (b"", "not HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf", "not HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "not HTTP"),
        (b"\x00" * 100_000, "not HTTP"),
    ],
)
async def test_what_is_no_http_is_told_so(answer: bytes, reason: str) -> None:
    async with tcp(answering(answer)) as port:
        with pytest.raises(ProbeFailed, match=f"{reason}|broke before") as failed:
            await ask(port)
    assert failed.value.fault is Fault.CONNECTION


async def test_a_closed_port_is_told_with_the_address() -> None:
    async with tcp(hang) as port:
        pass
    with pytest.raises(ProbeFailed, match="Connection refused") as failed:
        await ask(port)
    assert failed.value.tried[0].what == f"127.0.0.1 port {port}"


async def test_a_name_that_does_not_exist_is_a_fault_of_dns() -> None:
    async with nameserver() as server:
        connecting = Connecting(DnsClient(("127.0.0.1", server.port), timeout=3))
        with pytest.raises(ProbeFailed, match="does not exist") as failed:
            await HttpClient(connecting).page("nowhere.example", PATH)
    assert failed.value.fault is Fault.DNS


async def test_a_second_address_is_tried_where_the_first_refuses() -> None:
    """IPv6 first, then IPv4: a host of which only one listens is reached."""
    records = {("both.example.", "AAAA"): ["::1"], ("both.example.", "A"): ["127.0.0.1"]}
    async with nameserver(records) as server, tcp(answering(http("200 OK", b"four"))) as port:
        connecting = Connecting(DnsClient(("127.0.0.1", server.port)))
        page = await HttpClient(connecting, port=port).page("both.example", PATH)
    assert page.body == b"four"
    assert [each.what for each in page.tried][:3] == [
        "addresses of both.example", f"::1 port {port}", f"127.0.0.1 port {port}",
    ]  # fmt: skip


async def test_an_ipv6_address_is_asked_by_its_literal() -> None:
    try:
        async with tcp(answering(http("200 OK", b"six")), host="::1") as port:
            page = await ask(port, "::1")
    except OSError:
        pytest.skip("this machine has no IPv6 on loopback")
    assert page.url == f"http://[::1]:{port}{PATH}"


async def test_what_servers_say_stays_on_its_line_in_a_log() -> None:
    location = b"Location: http://127.0.0.1:1/\x1b[31m\xc2\x85x"
    answer = b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n" + location + b"\r\n\r\n"
    async with tcp(answering(answer)) as port:
        with pytest.raises(ProbeFailed) as failed:
            await ask(port)
    told = " ".join(each.what + each.outcome for each in failed.value.tried) + str(failed.value)
    assert re.search(r"[\x00-\x1f\x7f-\x9f]", told) is None


async def test_a_cancelled_probe_leaves_at_once() -> None:
    async with tcp(hang) as port:
        with trio.move_on_after(0.1) as scope:
            await ask(port, timeout=30)
    assert scope.cancelled_caught
