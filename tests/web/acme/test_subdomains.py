"""Authorizations of a domain that are for all below it (RFC 9444)."""

from typing import Any

import pytest

from appliance.issuance.acme import subdomains
from appliance.model.acme import Identifier, IdentifierType
from tests.support.acme_by_hand import ACME_ENTRY, AcmeWorld, Answer, Client, csr

ENTRY = {**ACME_ENTRY, "options": {"acme": {"subdomains": True}}}


def world(entry: Any = ENTRY) -> AcmeWorld:
    return AcmeWorld(entries=[entry])


async def authorized(client: Client, name: str, **members: Any) -> Answer:
    return await client.post(
        client.directory["newAuthz"], {"identifier": {"type": "dns", "value": name}, **members}
    )


async def prove(client: Client, authorization: Answer) -> None:
    (challenge,) = (e for e in authorization.json["challenges"] if e["type"] == "dns-01")
    assert (await client.post(challenge["url"], {})).status == 200


async def ordered(client: Client, *names: str, ancestor: str) -> Answer:
    identifiers = [{"type": "dns", "value": each, "ancestorDomain": ancestor} for each in names]
    return await client.post(client.directory["newOrder"], {"identifiers": identifiers})


async def test_what_was_proven_of_a_domain_holds_for_orders_below_it() -> None:
    """RFC 9444 4.2: nothing is left to prove, for any number of names."""
    client = await world().client()
    assert client.directory["meta"]["subdomainAuthAllowed"] is True
    made = await authorized(client, "home.arpa", subdomainAuthAllowed=True)
    assert (made.status, made.json["subdomainAuthAllowed"]) == (201, True)
    await prove(client, made)
    assert (await client.post(made.header("location"))).json["subdomainAuthAllowed"] is True
    names = ("home.arpa", "nas.home.arpa", "*.home.arpa", "a.b.home.arpa")
    order = (await client.order(*names)).json
    assert order["authorizations"] == [made.header("location")]
    assert order["status"] == "ready"
    done = await client.finalize(order, csr(*names))
    assert done.json["status"] == "valid"


async def test_an_order_may_be_proven_by_a_domain_above() -> None:
    """4.3: one authorization, of the domain, for all names that say so."""
    client = await world().client()
    order = (await ordered(client, "a.home.arpa", "*.home.arpa", ancestor="home.arpa")).json
    assert [each["value"] for each in order["identifiers"]] == ["a.home.arpa", "*.home.arpa"]
    (url,) = order["authorizations"]
    authorization = await client.post(url)
    assert authorization.json["identifier"]["value"] == "home.arpa"
    assert authorization.json["subdomainAuthAllowed"] is True
    await prove(client, authorization)
    done = await client.finalize(order, csr("a.home.arpa", "*.home.arpa"))
    assert done.json["status"] == "valid"
    refused = await client.finalize(
        (await ordered(client, "b.home.arpa", ancestor="arpa")).json, b""
    )
    assert refused.status == 400


async def test_only_the_dns_speaks_for_what_is_below() -> None:
    client = await world().client()
    made = await authorized(client, "home.arpa", subdomainAuthAllowed=True)
    assert [each["type"] for each in made.json["challenges"]] == ["dns-01"]
    entry = {**ENTRY, "challenges": ["http-01"]}
    client = await world(entry).client()
    made = await authorized(client, "home.arpa", subdomainAuthAllowed=True)
    assert made.problem == "rejectedIdentifier"


async def test_what_was_proven_of_one_name_is_for_none_below() -> None:
    client = await world().client()
    plain = await authorized(client, "home.arpa")
    assert "subdomainAuthAllowed" not in plain.json
    await prove(client, plain)
    order = (await client.order("nas.home.arpa")).json
    assert order["status"] == "pending"
    assert plain.header("location") not in order["authorizations"]
    more = await authorized(client, "home.arpa", subdomainAuthAllowed=True)
    assert (more.status, more.header("location") != plain.header("location")) == (201, True)


async def test_it_is_for_names_below_alone_and_for_the_account_alone() -> None:
    server = world()
    client, stranger = await server.client(), await server.client()
    await prove(client, await authorized(client, "home.arpa", subdomainAuthAllowed=True))
    for who, name in ((client, "nothome.arpa"), (client, "arpa"), (stranger, "a.home.arpa")):
        assert (await who.order(name)).json["status"] == "pending", name


async def test_what_was_given_up_or_is_over_proves_nothing() -> None:
    server = world()
    client = await server.client()
    made = await authorized(client, "home.arpa", subdomainAuthAllowed=True)
    await prove(client, made)
    assert (await client.order("a.home.arpa")).json["status"] == "ready"
    await client.post(made.header("location"), {"status": "deactivated"})
    assert (await client.order("a.home.arpa")).json["status"] == "pending"


async def test_without_the_setting_each_name_is_proven_itself() -> None:
    client = await AcmeWorld().client()
    assert "meta" not in client.directory
    made = await authorized(client, "home.arpa", subdomainAuthAllowed=True)
    assert "subdomainAuthAllowed" not in made.json
    await prove(client, made)
    order = (await ordered(client, "a.home.arpa", ancestor="home.arpa")).json
    (url,) = order["authorizations"]
    assert (await client.post(url)).json["identifier"]["value"] == "a.home.arpa"


@pytest.mark.parametrize("ancestor", ["a.home.arpa", "other.arpa", "*.arpa", "", 5, "rpa", "x y"])
async def test_what_is_not_above_a_name_is_malformed(ancestor: Any) -> None:
    client = await world().client()
    assert (await ordered(client, "a.home.arpa", ancestor=ancestor)).problem == "malformed"
    made = await authorized(client, "home.arpa", subdomainAuthAllowed="yes")
    assert made.problem == "malformed"


async def test_the_flag_may_be_in_the_identifier() -> None:
    client = await world().client()
    identifier = {"type": "dns", "value": "home.arpa", "subdomainAuthAllowed": True}
    made = await client.post(client.directory["newAuthz"], {"identifier": identifier})
    assert made.json["subdomainAuthAllowed"] is True


def test_the_domains_above_a_name() -> None:
    def above(value: str, kind: IdentifierType = IdentifierType.DNS) -> list[str]:
        return [each.value for each in subdomains.ancestors(Identifier(type=kind, value=value))]

    assert above("a.b.example") == ["b.example", "example"]
    assert above("*.b.example") == ["b.example", "example"]
    assert above("lan") == []
    assert above("192.0.2.1", IdentifierType.IP) == []
