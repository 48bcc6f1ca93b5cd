"""Why did it fail? Each way to fail is told in a sentence that a person can act on.

Real probes look at real targets on loopback, their names looked up at a nameserver of ours.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
import trio
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from appliance.issuance.acme import challenges, proofs
from appliance.model.acme import AuthorizationStatus, ChallengeStatus, ChallengeType
from appliance.model.events import EventKind
from tests.authority.acme.test_validation import (
    DNS,
    HTTP,
    PATIENCE,
    THUMBPRINT,
    Bench,
    echoing,
    working,
)
from tests.support.authority import START
from tests.support.targets import (
    Talk,
    answering,
    hang,
    http,
    nameserver,
    secured,
    showing,
    tcp,
)
from tests.support.web import Certified

TLS = ChallengeType.TLS_ALPN_01
NAME = "nas.example"
SIX_FIRST = {(f"{NAME}.", "AAAA"): ["::1"], (f"{NAME}.", "A"): ["127.0.0.1"]}
ONE = {(f"{NAME}.", "A"): ["127.0.0.1"]}


@asynccontextmanager
async def house(
    port: int, there: dict[tuple[str, str], list[str]] | None = None, *, timeout: float = 1.0
) -> AsyncIterator[Bench]:
    async with nameserver(ONE if there is None else there) as server:
        resolver = ("127.0.0.1", server.port)
        bench = Bench(port, resolver, timeout=timeout, resolves=True, patience=0.01)
        async with working(bench):
            yield bench


async def why(bench: Bench, kind: ChallengeType = HTTP, name: str = NAME) -> tuple[str, str]:
    """Give the problem's type and detail, which the console's event has, too."""
    key = await bench.authorization(name)
    await bench.respond(key, kind)
    row = await bench.settled(key, kind)
    assert row.status is ChallengeStatus.INVALID
    assert row.error is not None
    event = bench.events.events[-1]
    assert (event.kind, event.operation) == (EventKind.REFUSED, "acme-challenge")
    assert event.reason == row.error.detail
    assert await bench.status(key) is AuthorizationStatus.INVALID
    return row.error.type.rpartition(":")[2], row.error.detail


async def closed_port() -> int:
    async with tcp(hang) as port:
        return port


@pytest.mark.parametrize(
    ("there", "kind", "problem", "parts"),
    [
        ({}, HTTP, "dns", ["the name nas.example does not exist", "(asked: 127.0.0.1)"]),
        ({}, DNS, "dns", ["the name _acme-challenge.nas.example does not exist", "127.0.0.1"]),
        (
            {(f"{NAME}.", "TXT"): ['"x"']},
            TLS,
            "dns",
            ["the name nas.example has no address"],
        ),
        (
            {(f"_acme-challenge.{NAME}.", "TXT"): ['"one"', '"another"']},
            DNS,
            "incorrectResponse",
            [
                "no TXT record of _acme-challenge.nas.example is",
                "; found: '",
                "'one'",
                "'another'",
                "says 127",
            ],
        ),
        (ONE, HTTP, "connection", ["nas.example: 127.0.0.1", "Connection refused"]),
        (ONE, TLS, "connection", ["at 127.0.0.1 port", "Connection refused"]),
    ],
)
async def test_names_and_ports(
    there: dict[tuple[str, str], list[str]], kind: ChallengeType, problem: str, parts: Sequence[str]
) -> None:
    async with house(await closed_port(), there) as bench:
        found, detail = await why(bench, kind)
    assert found == problem
    assert [each for each in parts if each not in detail] == [], detail


async def test_a_resolver_that_is_silent() -> None:
    async with nameserver() as server:
        server.silent = True
        bench = Bench(resolver=("127.0.0.1", server.port), timeout=0.3, patience=0.01)
        async with working(bench):
            problem, detail = await why(bench, DNS)
    assert problem == "dns"
    assert "no resolver answered within 0.3 s (asked: 127.0.0.1)" in detail


def around(location: str) -> Talk:
    return answering(http("302 Found", b"", f"Location: {location}"))


@pytest.mark.parametrize(
    ("talk", "problem", "parts"),
    [
        (hang, "connection", ["no whole answer within 1 s", "port", "connected"]),
        (
            answering(http("200 OK", b"<html>my router</html>")),
            "incorrectResponse",
            ["answered '<html>my router</html>', not the key authorization", "127.0.0.1 port"],
        ),
        (answering(http("404 Not Found")), "connection", ["answered 404"]),
        (
            around("/again"),
            "connection",
            ["redirected more than 10 times", "redirecting to /again"],
        ),
        (around("ftp://nas/x"), "connection", ["redirected to what is no http or https URL: ftp:"]),
        (around("http://127.0.0.1:1/x"), "connection", ["127.0.0.1 port 1", "refused"]),
        (answering(b"SSH-2.0-OpenSSH_9\r\n"), "connection", ["the answer is not HTTP"]),
    ],
)
async def test_web_servers(talk: Talk, problem: str, parts: Sequence[str]) -> None:
    async with tcp(talk) as port, house(port) as bench:
        found, detail = await why(bench)
    assert found == problem
    assert [each for each in parts if each not in detail] == [], detail


def certificate(value: str, digest: bytes, now: datetime = START) -> Certified:
    """What a target of tls-alpn-01 shows (RFC 8737 3)."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([])
    san: x509.GeneralName
    try:
        san = x509.IPAddress(ip_address(value))
    except ValueError:
        san = x509.DNSName(value)
    acme = x509.UnrecognizedExtension(
        x509.ObjectIdentifier("1.3.6.1.5.5.7.1.31"), b"\x04\x20" + digest
    )
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([san]), critical=False)
        .add_extension(acme, critical=True)
        .sign(key, hashes.SHA256())
    )
    return Certified(certificate=made, key=key)


async def idle(stream: trio.SocketStream) -> None:
    await stream.receive_some(1)


@pytest.mark.parametrize(
    ("value", "protocols", "parts"),
    [
        (NAME, (), ["did not agree to the protocol acme-tls/1", "no protocol chosen"]),
        (NAME, (proofs.ALPN,), ["the acmeIdentifier of the certificate is 0000"]),
        ("other.example", (proofs.ALPN,), ["must have one name, nas.example"]),
    ],
)
async def test_certificates(
    tmp_path: Path, value: str, protocols: Sequence[str], parts: Sequence[str]
) -> None:
    context = showing(certificate(value, bytes(32)), tmp_path, *protocols)
    async with tcp(secured(context, idle)) as port, house(port) as bench:
        problem, detail = await why(bench, TLS)
    assert problem == "incorrectResponse"
    assert [each for each in parts if each not in detail] == [], detail


async def test_alerts() -> None:
    async def refuse(stream: trio.SocketStream) -> None:
        await stream.receive_some(4096)
        await stream.send_all(bytes.fromhex("15030300020278"))

    async with tcp(refuse) as port, house(port) as bench:
        problem, detail = await why(bench, TLS)
    assert problem == "tls"
    assert "the server sent the alert no_application_protocol" in detail


async def test_where_ipv6_does_not_answer_ipv4_is_asked() -> None:
    """As in RFC 8305; and both are told when neither does."""
    async with tcp(echoing()) as port, house(port, SIX_FIRST) as bench:
        key = await bench.authorization(NAME)
        await bench.respond(key)
        assert (await bench.settled(key)).status is ChallengeStatus.VALID
    async with house(await closed_port(), SIX_FIRST) as bench:
        _, detail = await why(bench)
    assert "addresses of nas.example: ::1, 127.0.0.1" in detail
    assert "any of 2 addresses" in detail
    assert "::1 port" in detail


@pytest.mark.parametrize(
    ("address", "reverse"),
    [("127.0.0.1", "1.0.0.127.in-addr.arpa"), ("::1", "1." + "0." * 31 + "ip6.arpa")],
)
async def test_addresses_are_proven_by_http_and_by_tls(
    tmp_path: Path, address: str, reverse: str
) -> None:
    """RFC 8738: by their literals, and with their reverse names as server names."""
    asked: list[str | None] = []
    async with tcp(echoing(), host=address) as port, house(port) as bench:
        key = await bench.authorization(address)
        await bench.respond(key)
        assert (await bench.settled(key)).status is ChallengeStatus.VALID
    async with house(port) as bench:
        key = await bench.authorization(address)
        token = (await bench.challenge(key, TLS)).token
        digest = challenges.digest(challenges.key_authorization(token, THUMBPRINT))
        context = showing(certificate(address, digest), tmp_path, proofs.ALPN)
        context.sni_callback = lambda _object, name, _context: asked.append(name)
        async with tcp(secured(context, idle), host=address, port=port):
            await bench.respond(key, TLS)
            assert (await bench.settled(key, TLS)).status is ChallengeStatus.VALID
    assert asked == [reverse]


async def test_one_hanging_target_takes_16_places_and_no_more() -> None:
    """The 256 places are for all; here one account has 300 challenges at a target that hangs."""
    connected = 0

    async def count(stream: trio.SocketStream) -> None:
        nonlocal connected
        connected += 1
        await hang(stream)

    async with (
        tcp(echoing()) as port,
        tcp(count, host="127.0.0.2", port=port),
        working(Bench(port, timeout=30, patience=60)) as bench,
    ):
        for _ in range(300):
            await bench.respond(await bench.authorization("127.0.0.2"))
        key = await bench.authorization("127.0.0.1")
        await bench.respond(key)
        with trio.fail_after(PATIENCE):
            assert (await bench.settled(key)).status is ChallengeStatus.VALID
        assert connected == 16
