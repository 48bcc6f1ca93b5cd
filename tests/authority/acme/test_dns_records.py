"""CAA records, dns-account-01 and dns-persist-01, asked of a nameserver on loopback."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
import trio

from appliance.authority.acme import records
from appliance.issuance.acme import challenges, persistent
from appliance.issuance.acme.checks import CaaMode, Checks
from appliance.model.acme import AcmeError, AuthorizationStatus, ChallengeStatus, ChallengeType
from appliance.model.events import EventKind
from appliance.ports.store import Put
from appliance.provisioners.acme import AcmeProvisioner
from tests.authority.acme.test_validation import DNS, THUMBPRINT, Bench, working
from tests.support.authority import START, provisioner_settings
from tests.support.targets import Nameserver, nameserver

URL = "https://ca.example/acme/acme/account/account"
ACCOUNT_01, PERSIST = ChallengeType.DNS_ACCOUNT_01, ChallengeType.DNS_PERSIST_01
ALL = {"challenges": ["dns-01", ACCOUNT_01, PERSIST], "caaIdentities": ["CA.example."]}


@asynccontextmanager
async def house(
    records_there: dict[tuple[str, str], list[str]], caa: CaaMode = CaaMode.OFF
) -> AsyncIterator[tuple[Nameserver, Bench]]:
    """A nameserver, and a bench at work that asks it."""
    async with nameserver(records_there) as server, working(bench_at(server, caa)) as bench:
        yield server, bench


def bench_at(server: Nameserver, caa: CaaMode = CaaMode.OFF, patience: float = 0.12) -> Bench:
    return Bench(
        resolver=("127.0.0.1", server.port), caa=caa, entry=ALL, patience=patience, timeout=0.5
    )


async def proven(
    bench: Bench, server: Nameserver, name: str, kind: ChallengeType = DNS
) -> tuple[ChallengeStatus, str, str]:
    """Show what dns-01 asks for, and give what came of it: status, problem, detail; the key."""
    key = await bench.authorization(name)
    token = (await bench.challenge(key, kind)).token
    text = challenges.text_record(challenges.key_authorization(token, THUMBPRINT))
    label = f"{challenges.account_label(URL)}." if kind is ACCOUNT_01 else ""
    where = f"{label}_acme-challenge.{name.removeprefix('*.')}."
    server.records[where, "TXT"] = [f'"{text}"']
    await bench.respond(key, kind)
    row = await bench.settled(key, kind)
    told = (row.error.type.rpartition(":")[2], row.error.detail) if row.error else ("", "")
    return row.status, *told


@pytest.mark.parametrize(
    ("name", "written", "expected"),
    [
        ("app.example.com", {"app.example.com.": ['0 issue "ca.example"']}, "valid"),
        ("app.example.com", {"example.com.": ['0 issue "letsencrypt.org"']}, "invalid"),
        (
            "app.example.com",  # the nearest records alone count
            {
                "app.example.com.": ['0 issue "ca.example"'],
                "example.com.": ['0 issue "letsencrypt.org"'],
            },
            "valid",
        ),
        (
            "*.example.com",
            {"example.com.": ['0 issue "ca.example"', '0 issuewild ";"']},
            "invalid",
        ),
        ("app.example.com", {"example.com.": [f'0 issue "ca.example; accounturi={URL}"']}, "valid"),
        (
            "app.example.com",
            {"example.com.": ['0 issue "ca.example; validationmethods=http-01"']},
            "invalid",
        ),
        ("app.example.com", {"example.com.": ['128 future "x"']}, "invalid"),
        ("app.example.com", {}, "valid"),
    ],
)
async def test_strictly_held_records_decide(
    name: str, written: dict[str, Sequence[str]], expected: str
) -> None:
    async with nameserver() as server:
        server.records |= {(domain, "CAA"): list(each) for domain, each in written.items()}
        async with working(bench_at(server, CaaMode.STRICT)) as bench:
            status, problem, detail = await proven(bench, server, name)
    assert status == expected
    if expected == "invalid":
        assert problem == "caa"
        assert "CAA records of" in detail
        assert "(tried: TXT records of" in detail


async def test_by_default_records_warn_after_the_name_was_proven() -> None:
    """An event and a line in the log; the certificate is issued. Once an hour for a name."""
    there = {("example.com.", "CAA"): ['0 issue "letsencrypt.org"']}
    async with house(there, CaaMode.WARN) as (server, bench):
        for _ in range(2):
            assert (await proven(bench, server, "app.example.com"))[0] == "valid"
        with trio.fail_after(60):
            while not bench.events.events:
                await trio.sleep(0.01)
        await trio.sleep(0.05)
    (event,) = bench.events.events
    assert (event.kind, event.operation) == (EventKind.WARNED, "acme-caa")
    assert "app.example.com was proven, but the CAA records of example.com" in event.reason


@pytest.mark.parametrize("name", ["nas", "nas.home.arpa", "nas.local", "*.lan"])
async def test_names_of_the_house_are_not_asked_for(name: str) -> None:
    async with nameserver() as server, working(bench_at(server, CaaMode.WARN)) as bench:
        assert (await proven(bench, server, name))[0] == "valid"
        await trio.sleep(0.05)
        assert not [each for each in server.asked if each.startswith("CAA")]


async def test_a_resolver_that_does_not_know_of_caa_blocks_nobody_but_where_strict() -> None:
    class NoCaa(Nameserver):
        def answer(self, raw: bytes, *, over_udp: bool) -> bytes | None:
            caa = b"\x01\x01\x00\x01" in raw  # type 257, class IN
            return None if caa else Nameserver.answer(self, raw, over_udp=over_udp)

    async with nameserver(server=NoCaa()) as server:
        async with working(bench_at(server, CaaMode.WARN)) as bench:
            assert (await proven(bench, server, "app.example.com"))[0] == "valid"
        async with working(bench_at(server, CaaMode.STRICT)) as bench:
            status, problem, detail = await proven(bench, server, "app.example.com")
    assert (status, problem) == ("invalid", "caa")
    assert "cannot be looked up" in detail


async def test_what_was_proven_hours_ago_is_looked_at_again_before_it_is_issued() -> None:
    """RFC 8659 asks for records at the time of issuance: no older than 8 hours."""
    async with nameserver() as server, working(bench_at(server, CaaMode.STRICT)) as bench:
        key = await bench.authorization("app.example.com")
        token = (await bench.challenge(key, DNS)).token
        text = challenges.text_record(challenges.key_authorization(token, THUMBPRINT))
        server.records["_acme-challenge.app.example.com.", "TXT"] = [f'"{text}"']
        await bench.respond(key, DNS)
        await bench.settled(key, DNS)
        server.records["example.com.", "CAA"] = ['0 issue "letsencrypt.org"']
        found = await bench.authorizations.find(key)
        assert found is not None
        bench.clock.advance(7 * 3600)
        await bench.validation.recheck(bench.provisioner, [found])
        bench.clock.advance(2 * 3600)
        with pytest.raises(AcmeError) as raised:
            await bench.validation.recheck(bench.provisioner, [found])
    assert raised.value.type.label == "caa"
    assert [each.identifier for each in raised.value.subproblems] == [found.identifier]


async def test_dns_account_01_looks_below_the_account_s_label() -> None:
    async with nameserver() as server, working(bench_at(server)) as bench:
        assert (await proven(bench, server, "*.app.example", ACCOUNT_01))[0] == "valid"
        assert server.asked == [f"TXT {challenges.account_label(URL)}._acme-challenge.app.example."]
        key = await bench.authorization("other.example")
        await bench.respond(key, ACCOUNT_01)
        row = await bench.settled(key, ACCOUNT_01)
    assert row.error is not None
    assert challenges.account_label(URL) in row.error.detail


def lasting(domain: str, more: str = "", thumbprint: str = THUMBPRINT) -> str:
    uri = persistent.account_uri(persistent.hash_prefix(URL), domain, thumbprint, URL)
    return f'"ca.example; accounturi={uri[:40]}" "{uri[40:]}{more}"'


@pytest.mark.parametrize(
    ("name", "at", "more", "status"),
    [
        ("nas.home.arpa", "nas.home.arpa", "", "valid"),
        ("*.home.arpa", "home.arpa", "; policy=wildcard", "valid"),
        ("*.home.arpa", "home.arpa", "", "invalid"),
        ("a.b.home.arpa", "home.arpa", "; policy=wildcard", "valid"),
        ("a.b.home.arpa", "home.arpa", "", "invalid"),
        ("nas.home.arpa", "nas.home.arpa", "; persistUntil=1", "invalid"),
        ("nas.home.arpa", "other.arpa", "", "invalid"),
    ],
)
async def test_dns_persist_01_needs_one_record_for_good(
    name: str, at: str, more: str, status: str
) -> None:
    async with house({(f"_validation-persist.{at}.", "TXT"): [lasting(at, more)]}) as (_, bench):
        for _ in range(2):
            key = await bench.authorization(name)
            await bench.respond(key, PERSIST)
            row = await bench.settled(key, PERSIST)
            assert row.status == status
            if row.error is not None:
                assert "ca.example; accounturi=https" in row.error.detail


async def test_an_authorization_lasts_no_longer_than_its_record() -> None:
    """4.1.5."""
    until = int(START.timestamp()) + 3600
    record = lasting("nas.home.arpa", f"; persistUntil={until}")
    async with house({("_validation-persist.nas.home.arpa.", "TXT"): [record]}) as (_, bench):
        key = await bench.authorization("nas.home.arpa")
        await bench.respond(key, PERSIST)
        assert (await bench.settled(key, PERSIST)).status == "valid"
        bench.clock.advance(3601)
        assert await bench.status(key) is AuthorizationStatus.EXPIRED


async def test_records_made_with_a_key_that_the_account_had_still_hold() -> None:
    """4.2: key change must not break what is in the zone."""
    record = lasting("nas.home.arpa", thumbprint="former")
    former = Put(records.FORMER_KEYS, records.former_key("account", "former"), b"1")
    async with house({("_validation-persist.nas.home.arpa.", "TXT"): [record]}) as (_, bench):
        await bench.store.commit([former])
        key = await bench.authorization("nas.home.arpa")
        await bench.respond(key, PERSIST)
        assert (await bench.settled(key, PERSIST)).status == "valid"


def test_without_a_name_of_its_own_a_ca_does_not_offer_dns_persist_01() -> None:
    entry = {"type": "ACME", "name": "acme", "challenges": ["dns-01", PERSIST]}
    settings = replace(provisioner_settings(entry), checks=Checks())
    assert AcmeProvisioner(settings).options.challenges == (DNS,)
