"""Challenges are proven in the background: what their clients see, and what hostile targets cost.

Targets are real servers on loopback, asked by the real probes; times between looks are short.
"""

import base64
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import trio
from cryptography.hazmat.primitives.asymmetric import ec

from appliance.authority.acme import records
from appliance.authority.acme.authorizations import Authorizations
from appliance.authority.acme.looking import Probes
from appliance.authority.acme.records import AccountRow, ChallengeRow
from appliance.authority.acme.validation import Validation
from appliance.formats import pem, prometheus
from appliance.issuance.acme import challenges, proofs
from appliance.issuance.acme.checks import CaaMode, Checks
from appliance.model.acme import (
    AccountStatus,
    AuthorizationStatus,
    ChallengeStatus,
    ChallengeType,
    Identifier,
    IdentifierType,
)
from appliance.model.events import EventKind
from appliance.ports.store import Store
from appliance.provisioners.acme import AcmeProvisioner
from appliance.stores.leveldb import open_store
from appliance.stores.memory import MemoryStore
from appliance.upstream.connecting import Connecting
from appliance.upstream.dns_probe import DnsClient
from appliance.upstream.http_probe import HttpClient
from appliance.upstream.tls_probe import TlsClient
from tests.support import attesting
from tests.support.attesting import Vendor
from tests.support.authority import (
    START,
    RecordedEvents,
    StandingClock,
    SystemChance,
    provisioner_settings,
)
from tests.support.targets import Talk, answering, hang, http, nameserver, request_of, tcp

ACCOUNT, THUMBPRINT = "account", "thumbprint"
HTTP, DNS = ChallengeType.HTTP_01, ChallengeType.DNS_01
PATIENCE = 60.0


@dataclass(slots=True)
class Bench:
    """An authority's ACME without its front door."""

    port: int = 1
    resolver: tuple[str, int] = ("127.0.0.1", 1)
    pauses: tuple[float, ...] = (0.05,)
    patience: float = 0.12
    caa: CaaMode = CaaMode.OFF
    timeout: float = 2.0
    resolves: bool = False  # names of targets at the resolver
    entry: Mapping[str, Any] = field(default_factory=dict)
    store: Store = field(default_factory=MemoryStore)
    clock: StandingClock = field(default_factory=StandingClock)
    events: RecordedEvents = field(default_factory=RecordedEvents)
    provisioner: AcmeProvisioner = field(init=False)
    validation: Validation = field(init=False)
    authorizations: Authorizations = field(init=False)

    def __post_init__(self) -> None:
        checks = Checks(caa=self.caa, patience=timedelta(seconds=self.patience))
        settings = provisioner_settings({"type": "ACME", "name": "acme", **self.entry})
        self.provisioner = AcmeProvisioner(replace(settings, checks=checks))
        dns = DnsClient(self.resolver, timeout=self.timeout)
        connecting = Connecting(dns if self.resolves else None)
        self.validation = Validation(
            store=self.store,
            clock=self.clock,
            chance=SystemChance(),
            events=self.events,
            probes=Probes(
                http=HttpClient(connecting, port=self.port, timeout=self.timeout),
                dns=dns,
                tls=TlsClient(connecting, port=self.port, timeout=self.timeout),
            ),
            pauses=self.pauses,
        )
        self.authorizations = Authorizations(
            store=self.store,
            clock=self.clock,
            chance=SystemChance(),
            validator=self.validation,
        )

    async def authorization(self, name: str = "127.0.0.1") -> str:
        kind = IdentifierType.DNS if any(map(str.isalpha, name)) else IdentifierType.IP
        if name.startswith("device-"):
            kind = IdentifierType.PERMANENT
        made = self.authorizations.make(
            self.provisioner, ACCOUNT, Identifier(type=kind, value=name)
        )
        await self.store.commit(made.operations)
        return made.authorization.row.id

    async def challenge(self, key: str, kind: ChallengeType = HTTP) -> ChallengeRow:
        found = await self.authorizations.find(key)
        assert found is not None
        return next(each.row for each in found.challenges if each.row.type == kind)

    async def status(self, key: str) -> AuthorizationStatus:
        found = await self.authorizations.find(key)
        assert found is not None
        return found.status

    async def respond(
        self, key: str, kind: ChallengeType = HTTP, payload: bytes = b"{}"
    ) -> ChallengeRow:
        held = await self.authorizations.respond(
            self.provisioner,
            ACCOUNT,
            key,
            (await self.challenge(key, kind)).id,
            thumbprint=THUMBPRINT,
            account_url="https://ca.example/acme/acme/account/account",
            payload=payload,
        )
        return held.row

    async def settled(self, key: str, kind: ChallengeType = HTTP) -> ChallengeRow:
        """Wait as a client does that polls."""
        with trio.fail_after(PATIENCE):
            while (row := await self.challenge(key, kind)).status in (
                ChallengeStatus.PENDING,
                ChallengeStatus.PROCESSING,
            ):
                await trio.sleep(0.01)
        return row


@asynccontextmanager
async def working(bench: Bench) -> AsyncIterator[Bench]:
    async with trio.open_nursery() as nursery:
        await nursery.start(bench.validation.run, lambda _: bench.provisioner)
        yield bench
        nursery.cancel_scope.cancel()


def echoing(thumbprint: str = THUMBPRINT) -> Talk:
    """Answer any challenge, as a web server does that serves all tokens of an account."""

    async def talk(stream: trio.SocketStream) -> None:
        token = (await request_of(stream)).split(" ")[1].rpartition("/")[2]
        await stream.send_all(http("200 OK", f"{token}.{thumbprint}\r\n".encode()))

    return talk


async def test_a_challenge_that_is_met_makes_its_authorization_valid() -> None:
    async with tcp(echoing()) as port, working(Bench(port)) as bench:
        key = await bench.authorization()
        await bench.respond(key)
        row = await bench.settled(key)
        assert (row.status, row.error) == (ChallengeStatus.VALID, None)
        assert row.validated_at == "2026-03-01T12:00:00Z"
        assert await bench.status(key) is AuthorizationStatus.VALID
        assert numbers(bench) == [
            "hearth_acme_challenges_in_work 0",
            'hearth_acme_challenges_total{outcome="met",type="http-01"} 1',
        ]


def numbers(bench: Bench) -> list[str]:
    lines = prometheus.render(bench.validation.tally.families()).splitlines()
    return [line for line in lines if not line.startswith("#")]


async def test_a_response_returns_at_once_and_shows_processing() -> None:
    """RFC 8555 7.5.1; the target hangs."""
    async with tcp(hang) as port, working(Bench(port, timeout=60)) as bench:
        key = await bench.authorization()
        with trio.fail_after(PATIENCE):
            assert (await bench.respond(key)).status is ChallengeStatus.PROCESSING
        assert numbers(bench) == ["hearth_acme_challenges_in_work 1"]
        assert await bench.status(key) is AuthorizationStatus.PENDING


async def test_of_two_responses_at_a_time_one_begins_and_both_see_it(tmp_path: Path) -> None:
    """What the one has noted is on its way to the disk when the other comes."""
    store = await open_store(tmp_path / "db")
    async with tcp(hang) as port, working(Bench(port, timeout=60, store=store)) as bench:
        key, seen = await bench.authorization(), []

        async def respond() -> None:
            seen.append((await bench.respond(key)).status)

        async with trio.open_nursery() as both:
            both.start_soon(respond)
            both.start_soon(respond)
        assert seen == [ChallengeStatus.PROCESSING] * 2
        assert numbers(bench) == ["hearth_acme_challenges_in_work 1"]
    await store.aclose()


async def test_a_wrong_answer_is_final_and_told() -> None:
    """As in step-ca: content that is wrong makes the challenge invalid at once."""
    async with tcp(echoing("another")) as port, working(Bench(port, pauses=(60.0,))) as bench:
        key = await bench.authorization()
        await bench.respond(key)
        row = await bench.settled(key)
        assert row.status is ChallengeStatus.INVALID
        assert row.error is not None
        assert row.error.type == "urn:ietf:params:acme:error:incorrectResponse"
        assert f"{row.token}.another" in row.error.detail
        assert f"127.0.0.1 port {port}: connected" in row.error.detail
        assert await bench.status(key) is AuthorizationStatus.INVALID
        event = bench.events.events[-1]
        assert (event.kind, event.operation, event.subject, event.provisioner) == (
            EventKind.REFUSED, "acme-challenge", "127.0.0.1", "acme",
        )  # fmt: skip
        assert event.reason == row.error.detail
        assert numbers(bench)[1:] == [
            'hearth_acme_challenges_total{outcome="failed",type="http-01"} 1'
        ]


async def test_while_nothing_answers_the_error_is_shown_and_it_is_looked_at_again() -> None:
    """What step's client polls for: the error of a challenge that is not settled yet."""
    async with tcp(hang) as port:
        pass
    async with working(Bench(port, pauses=(0.3,), patience=1.0)) as bench:
        key = await bench.authorization()
        await bench.respond(key)
        with trio.fail_after(60):
            while (row := await bench.challenge(key)).error is None:
                await trio.sleep(0.01)
        assert row.status is ChallengeStatus.PROCESSING
        assert row.error.type == "urn:ietf:params:acme:error:connection"
        assert "Connection refused" in row.error.detail
        listeners = await trio.open_tcp_listeners(port, host="127.0.0.1")
        async with trio.open_nursery() as late:
            late.start_soon(trio.serve_listeners, echoing(), listeners)
            row = await bench.settled(key)
            late.cancel_scope.cancel()
        assert (row.status, row.error) == (ChallengeStatus.VALID, None)


async def test_what_does_not_come_up_is_given_up() -> None:
    """RFC 8555 8.2: invalid only once the server has given up."""
    async with tcp(answering(http("503 Busy"))) as port, working(Bench(port)) as bench:
        key = await bench.authorization()
        await bench.respond(key)
        row = await bench.settled(key)
        assert row.status is ChallengeStatus.INVALID
        assert row.error is not None
        assert "answered 503" in row.error.detail
        assert len(bench.events.events) == 1


async def test_dns_01_waits_for_the_record() -> None:
    async with nameserver({("_acme-challenge.app.example.", "A"): ["192.0.2.1"]}) as server:
        bench = Bench(resolver=("127.0.0.1", server.port), pauses=(0.1,), patience=2.0)
        async with working(bench):
            key = await bench.authorization("*.app.example")
            token = (await bench.respond(key, DNS)).token
            with trio.fail_after(60):
                while (row := await bench.challenge(key, DNS)).error is None:
                    await trio.sleep(0.01)
            assert "found: none" in row.error.detail
            record = challenges.text_record(challenges.key_authorization(token, THUMBPRINT))
            server.records["_acme-challenge.app.example.", "TXT"] = [f'"{record}"', '"old"']
            assert (await bench.settled(key, DNS)).status is ChallengeStatus.VALID


async def test_a_name_that_does_not_exist_is_of_type_dns() -> None:
    async with nameserver() as server:
        bench = Bench(resolver=("127.0.0.1", server.port))
        async with working(bench):
            key = await bench.authorization("none.example")
            await bench.respond(key, DNS)
            row = await bench.settled(key, DNS)
    assert row.error is not None
    assert row.error.type == "urn:ietf:params:acme:error:dns"


async def test_a_second_challenge_ends_when_the_first_is_met() -> None:
    """The authorization is valid; the other is left to be pending, with what was found."""
    async with (
        nameserver() as server,
        tcp(echoing()) as port,
        working(
            Bench(port, resolver=("127.0.0.1", server.port), pauses=(0.2,), patience=0.5)
        ) as bench,
    ):
        key = await bench.authorization("localhost")
        await bench.respond(key, DNS)
        await bench.respond(key, HTTP)
        assert (await bench.settled(key)).status is ChallengeStatus.VALID
        with trio.fail_after(60):
            while (await bench.challenge(key, DNS)).status is ChallengeStatus.PROCESSING:
                await trio.sleep(0.01)
        assert (await bench.challenge(key, DNS)).status is ChallengeStatus.PENDING
        assert await bench.status(key) is AuthorizationStatus.VALID


async def test_after_a_restart_what_was_processing_goes_on() -> None:
    async with tcp(echoing()) as port:
        before = Bench(port)
        account = AccountRow(
            id=ACCOUNT,
            key={"kid": THUMBPRINT},
            contact=None,
            status=AccountStatus.VALID,
            location_prefix="",
            provisioner_name="acme",
        )
        await before.store.commit([records.created(account)])
        keys = [await before.authorization() for _ in range(3)]
        for key in keys[:2]:
            await before.respond(key)
        after = Bench(port, store=before.store)
        async with working(after):
            for key in keys[:2]:
                assert (await after.settled(key)).status is ChallengeStatus.VALID
        assert (await after.challenge(keys[2])).status is ChallengeStatus.PENDING


@pytest.mark.parametrize(
    ("device", "status"), [("device-1", ChallengeStatus.VALID), ("2", ChallengeStatus.INVALID)]
)
async def test_what_a_device_attests_is_judged_in_the_request(
    device: str, status: ChallengeStatus
) -> None:
    """As step's client expects it: the answer to the response is final."""
    vendor, key = Vendor(now=START), ec.generate_private_key(ec.SECP256R1())
    roots = base64.b64encode(pem.encode("CERTIFICATE", vendor.root).encode()).decode()
    entry = {
        "type": "ACME", "name": "da", "challenges": ["device-attest-01"], "attestationRoots": roots,
    }  # fmt: skip
    bench = Bench(entry=entry)
    kind = ChallengeType.DEVICE_ATTEST_01
    authorization = await bench.authorization("device-1")
    token = (await bench.challenge(authorization, kind)).token
    statement = attesting.apple(vendor, key, token, device)
    row = await bench.respond(authorization, kind, attesting.payload("apple", statement))
    assert row.status is status
    found = await bench.authorizations.find(authorization)
    assert found is not None
    assert bool(found.row.fingerprint) is (status is ChallengeStatus.VALID)
    if status is ChallengeStatus.INVALID:
        assert row.error is not None
        assert row.error.type.endswith(":badAttestationStatement")
        assert row.error.subproblems


async def test_targets_that_hang_hold_up_nobody_else() -> None:
    """Issue 5: 200 orders in flight, half of the targets hang; the rest complete."""
    hanging, met = [], []
    async with (
        tcp(echoing()) as port,
        tcp(hang, host="127.0.0.2", port=port),
        working(Bench(port, timeout=30)) as bench,
    ):
        for _ in range(100):
            hanging.append(await bench.authorization("127.0.0.2"))
            met.append(await bench.authorization("127.0.0.1"))
        started = trio.current_time()
        for one, other in zip(hanging, met, strict=True):
            await bench.respond(one)
            await bench.respond(other)
        for key in met:
            assert (await bench.settled(key)).status is ChallengeStatus.VALID
        assert trio.current_time() - started < 5
        for key in hanging:
            assert (await bench.challenge(key)).status is ChallengeStatus.PROCESSING


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("app.example", "app.example"),
        ("127.0.0.1", "1.0.0.127.in-addr.arpa"),
        ("2001:db8::1", "1." + "0." * 23 + "8.b.d.0.1.0.0.2.ip6.arpa"),
    ],
)
def test_addresses_are_asked_for_by_their_reverse_names(value: str, expected: str) -> None:
    """RFC 8738 6."""
    assert proofs.server_name(value) == expected


async def test_the_last_look_is_when_patience_ends() -> None:
    """A pause that is longer than what is left is cut, not left out."""
    port = 1
    async with working(Bench(port, pauses=(60.0,), patience=0.3)) as bench:
        key = await bench.authorization()
        started = trio.current_time()
        await bench.respond(key)
        assert (await bench.settled(key)).status is ChallengeStatus.INVALID
        assert 0.25 < trio.current_time() - started < 5


async def test_an_account_that_is_given_up_is_looked_at_no_more() -> None:
    bench = Bench(1, pauses=(0.1,), patience=30)
    account = AccountRow(id=ACCOUNT, key={}, status=AccountStatus.DEACTIVATED)
    await bench.store.commit([records.created(account)])
    async with working(bench):
        key = await bench.authorization()
        await bench.respond(key)
        assert await _left(bench, key) is ChallengeStatus.PENDING


async def test_what_no_provisioner_is_there_for_is_left_to_its_client_after_a_restart() -> None:
    before = Bench(1)
    key = await before.authorization()
    await before.respond(key)
    after = Bench(1, store=before.store)
    async with trio.open_nursery() as nursery:
        await nursery.start(after.validation.run)
        assert await _left(after, key) is ChallengeStatus.PENDING
        nursery.cancel_scope.cancel()


async def _left(bench: Bench, key: str) -> ChallengeStatus:
    """Wait until a challenge is no longer processing."""
    with trio.fail_after(PATIENCE):
        while (found := (await bench.challenge(key)).status) is ChallengeStatus.PROCESSING:
            await trio.sleep(0.01)
    return found
