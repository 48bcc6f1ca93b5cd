"""What dns-01 sees of nameservers: every record, through aliases, and no longer than it takes."""

import dns.rcode
import pytest
import trio

from appliance.model.caa import CaaRecord
from appliance.model.errors import FormatError
from appliance.ports.probes import Fault, ProbeFailed
from appliance.upstream.dns_probe import DnsClient, server_address
from tests.support.targets import nameserver

NAME = "_acme-challenge.app.example"


def client(port: int, timeout: float = 4.0) -> DnsClient:
    return DnsClient(("127.0.0.1", port), timeout=timeout)


async def test_all_texts_of_a_name_are_given_their_strings_joined() -> None:
    records = {(f"{NAME}.", "TXT"): ['"one"', '"tw" "o"']}
    async with nameserver(records) as server:
        found = await client(server.port).texts(NAME)
    assert sorted(found.values) == ["one", "two"]
    assert found.tried[0].what == f"TXT records of {NAME}"
    assert "'one'" in found.tried[0].outcome


async def test_aliases_are_followed_where_the_server_does_not() -> None:
    """acme-dns: the challenge's name points to another zone (RFC 8555 8.4)."""
    records = {
        (f"{NAME}.", "CNAME"): ["one.auth.example."],
        ("one.auth.example.", "CNAME"): ["two.auth.example."],
        ("two.auth.example.", "TXT"): ['"far"'],
    }
    async with nameserver(records) as server:
        found = await client(server.port).texts(NAME)
    assert found.values == ("far",)
    assert [each.outcome for each in found.tried[:2]] == [
        f"{NAME}. is an alias of one.auth.example.",
        "one.auth.example. is an alias of two.auth.example.",
    ]


async def test_aliases_in_a_circle_end() -> None:
    records = {
        ("a.example.", "CNAME"): ["b.example."],
        ("b.example.", "CNAME"): ["a.example."],
    }
    async with nameserver(records) as server:
        with pytest.raises(ProbeFailed) as failed:
            await client(server.port).texts("a.example")
    assert failed.value.fault is Fault.DNS
    assert len(server.asked) < 20


async def test_a_truncated_answer_is_asked_for_again_over_tcp() -> None:
    records = {(f"{NAME}.", "TXT"): [f'"{"x" * 250}"', '"wanted"']}
    async with nameserver(records) as server:
        server.truncates = True
        found = await client(server.port).texts(NAME)
    assert "wanted" in found.values
    assert server.asked == [f"TXT {NAME}.", f"TXT {NAME}. tcp"]


async def test_no_record_is_an_answer_and_no_name_a_failure() -> None:
    async with nameserver({(f"{NAME}.", "A"): ["192.0.2.1"]}) as server:
        assert (await client(server.port).texts(NAME)).values == ()
        with pytest.raises(ProbeFailed, match=r"the name other\.example does not exist"):
            await client(server.port).texts("other.example")


@pytest.mark.parametrize("code", [dns.rcode.SERVFAIL, dns.rcode.REFUSED])
async def test_a_resolver_that_fails_is_told_with_its_code(code: dns.rcode.Rcode) -> None:
    async with nameserver() as server:
        server.rcode = code
        with pytest.raises(ProbeFailed, match=code.name) as failed:
            await client(server.port, timeout=2).texts(NAME)
    assert failed.value.fault is Fault.DNS


async def test_a_silent_resolver_ends_with_the_deadline() -> None:
    async with nameserver() as server:
        server.silent = True
        started = trio.current_time()
        with pytest.raises(ProbeFailed, match=r"no resolver answered within 0\.3 s"):
            await client(server.port, timeout=0.3).texts(NAME)
    assert trio.current_time() - started < 2


@pytest.mark.parametrize("garbage", [b"\x81\x80", b"\xff" * 600, b"\x81\x80" + b"\x00\x01" * 4])
async def test_garbage_is_no_answer(garbage: bytes) -> None:
    async with nameserver() as server:
        server.garbage = garbage
        with pytest.raises(ProbeFailed):
            await client(server.port, timeout=0.5).texts(NAME)


async def test_nobody_at_the_resolvers_address_is_a_failure() -> None:
    async with nameserver() as server:
        pass
    with pytest.raises(ProbeFailed):
        await client(server.port, timeout=0.5).texts(NAME)


@pytest.mark.parametrize("name", ["a..example", f"{'x' * 64}.example", f"{'x.' * 200}example"])
async def test_what_is_no_name_is_a_failure(name: str) -> None:
    with pytest.raises(ProbeFailed):
        await client(1).texts(name)


async def test_caa_records_are_given_and_none_where_there_is_no_name() -> None:
    records = {("app.example.", "CAA"): ['128 ISSUE "ca.example; accounturi=https://x"']}
    async with nameserver(records) as server:
        found = await client(server.port).authorizations("app.example")
        assert await client(server.port).authorizations("none.example") == ()
    assert found == (
        CaaRecord(critical=True, tag="issue", value="ca.example; accounturi=https://x"),
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("192.168.1.1", ("192.168.1.1", 53)),
        ("192.168.1.1:5353", ("192.168.1.1", 5353)),
        ("[fd00::1]:53", ("fd00::1", 53)),
        ("fd00::1", ("fd00::1", 53)),
        ("dns.lan:54", ("192.0.2.7", 54)),
        ("dns.lan", ("192.0.2.7", 53)),
    ],
)
def test_a_resolver_is_named_with_or_without_a_port(text: str, expected: tuple[str, int]) -> None:
    assert server_address(text, lambda _: "192.0.2.7") == expected


@pytest.mark.parametrize("text", ["", ":53", "192.168.1.1:x", "192.168.1.1:70000", "dns.lan"])
def test_what_is_no_resolver_is_refused(text: str) -> None:
    with pytest.raises(FormatError, match="not the address of a resolver"):
        server_address(text)
