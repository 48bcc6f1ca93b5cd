"""Profiles (draft-ietf-acme-profiles): an order chooses template, lifetime and issuer by a name."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from tests.support.acme_by_hand import ACME_ENTRY, AcmeWorld, csr, new_key

SERVER, CLIENT = ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH
BUILT_IN: Mapping[str, Any] = {"short-lived": {}, "server": {}, "device": {}}
TEMPLATE = '{"subject": {"commonName": "made by {{ .maker }}"}, "sans": {{ toJson .SANs }}}'


def world_of(
    profiles: Mapping[str, Any] = BUILT_IN, *, x509: Mapping[str, Any] | None = None, **acme: Any
) -> AcmeWorld:
    options = {"acme": {"profiles": profiles, **acme}, "x509": x509 or {}}
    return AcmeWorld(entries=[{**ACME_ENTRY, "options": options}])


async def issued(world: AcmeWorld, **members: Any) -> x509.Certificate:
    client = await world.client()
    order = (await client.order("a.example", **members)).json
    await client.authorize(order)
    done = await client.finalize(order, csr("a.example"))
    assert done.status == 200, done
    assert done.json.get("profile") == order.get("profile")
    chain = await client.post(done.json["certificate"])
    return x509.load_pem_x509_certificates(chain.body)[0]


def purposes(certificate: x509.Certificate) -> list[x509.ObjectIdentifier]:
    return list(certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)


def length(certificate: x509.Certificate) -> timedelta:
    return certificate.not_valid_after_utc - certificate.not_valid_before_utc


async def test_the_directory_names_profiles_and_says_what_they_are() -> None:
    world = world_of({"server": {}, "printer": {"description": "for printers"}, "plain": {}})
    meta = (await world.client()).directory["meta"]
    assert meta["profiles"] == {
        "server": "certificates for servers alone",
        "printer": "for printers",
        "plain": "plain",
    }
    assert "meta" not in (await AcmeWorld().client()).directory


async def test_an_order_has_the_profile_that_it_asked_for() -> None:
    client = await world_of().client()
    answer = await client.order("a.example", profile="server")
    assert answer.json["profile"] == "server"
    assert (await client.post(answer.header("location"))).json["profile"] == "server"
    assert "profile" not in (await client.order("a.example")).json


async def test_where_none_is_asked_for_the_default_is_taken() -> None:
    world = world_of(defaultProfile="device")
    assert (await (await world.client()).order("a.example")).json["profile"] == "device"
    assert purposes(await issued(world)) == [CLIENT]


@pytest.mark.parametrize("profiles", [BUILT_IN, {}])
@pytest.mark.parametrize("asked", ["tlsserver", "Server", "x" * 300])
async def test_a_profile_that_is_not_there_is_refused(profiles: dict[str, Any], asked: str) -> None:
    client = await world_of(profiles).client()
    answer = await client.order("a.example", profile=asked)
    assert (answer.status, answer.problem) == (400, "invalidProfile")
    assert ("short-lived, server, device" in answer.json["detail"]) == bool(profiles)


async def test_a_profile_must_be_text() -> None:
    client = await world_of().client()
    assert (await client.order("a.example", profile=5)).problem == "malformed"


async def test_built_in_profiles_are_for_servers_for_devices_and_short() -> None:
    world = world_of()
    assert purposes(await issued(world)) == [SERVER, CLIENT]
    assert purposes(await issued(world, profile="short-lived")) == [SERVER, CLIENT]
    assert purposes(await issued(world, profile="server")) == [SERVER]
    assert purposes(await issued(world, profile="device")) == [CLIENT]


@pytest.mark.parametrize(
    ("longest", "expected"), [("24h", timedelta(hours=24)), ("2160h", timedelta(hours=144))]
)
async def test_short_is_six_days_where_the_claims_allow_them(
    longest: str, expected: timedelta
) -> None:
    claims = {"maxTLSCertDuration": longest, "defaultTLSCertDuration": longest}
    options: Mapping[str, Any] = {"acme": {"profiles": {"short-lived": {}}}}
    world = AcmeWorld(entries=[{**ACME_ENTRY, "claims": claims, "options": options}])
    made = await issued(world, profile="short-lived")
    assert length(made) == expected + timedelta(minutes=1)  # the backdate


async def test_a_lifetime_holds_and_is_the_longest_that_can_be_asked_for() -> None:
    world = world_of({"quick": {"lifetime": "1h"}})
    assert length(await issued(world, profile="quick")) == timedelta(hours=1, minutes=1)
    assert length(await issued(world)) == timedelta(hours=24, minutes=1)
    client, now = await world.client(), world.clock.now()
    asked = {"profile": "quick", "notAfter": (now + timedelta(hours=2)).isoformat()}
    assert (await client.order("a.example", **asked)).problem == "malformed"
    asked["notAfter"] = (now + timedelta(minutes=30)).isoformat()
    assert (await client.order("a.example", **asked)).status == 201


async def test_a_template_and_its_data_are_the_profile_s() -> None:
    own = {"template": TEMPLATE, "templateData": {"maker": "the profile"}}
    world = world_of(
        {"own": own, "server": {}, "usual": {"templateData": {"maker": "its data"}}},
        x509={"template": TEMPLATE, "templateData": {"maker": "the provisioner"}},
    )
    made = {}
    for name in ("own", "usual", "server", ""):
        made[name] = await issued(world, **({"profile": name} if name else {}))
    subjects = {name: each.subject.rfc4514_string() for name, each in made.items()}
    assert subjects == {
        "own": "CN=made by the profile",
        "usual": "CN=made by its data",
        "server": "",
        "": "CN=made by the provisioner",
    }
    assert purposes(made["server"]) == [SERVER]


async def test_policies_hold_whatever_the_profile() -> None:
    world = world_of(x509={"deny": {"dns": ["a.example"]}})
    answer = await (await world.client()).order("a.example", profile="server")
    assert answer.problem == "rejectedIdentifier"


async def test_an_order_whose_profile_went_away_gets_nothing() -> None:
    world = world_of()
    client = await world.client()
    order = (await client.order("a.example", profile="server")).json
    await client.authorize(order)
    changed = world_of({"device": {}})
    world = AcmeWorld(
        entries=changed.entries, store=world.store, clock=world.clock, validator=world.validator
    )
    client.send = world.send
    answer = await client.finalize(order, csr("a.example", key=new_key()))
    assert answer.problem == "invalidProfile"
