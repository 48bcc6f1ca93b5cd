"""What clients are told of dns-persist-01 (draft-ietf-acme-dns-persist-02 3)."""

from appliance.model.acme import ChallengeType
from tests.support.acme_by_hand import HOST, AcmeWorld, PromptValidator

ENTRY = {
    "type": "ACME", "name": "acme", "challenges": ["http-01", "dns-persist-01", "dns-account-01"],
    "caaIdentities": ["ca.example"],
}  # fmt: skip


async def test_the_directory_and_the_challenge_say_what_a_record_must_have() -> None:
    world = AcmeWorld(entries=[ENTRY], validator=PromptValidator(types=frozenset(ChallengeType)))
    client = await world.client()
    meta = client.directory["meta"]
    assert meta["issuerDomainNames"] == meta["caaIdentities"] == ["ca.example"]
    assert meta["accountHashPrefix"] == f"https://{HOST}/acme/acme/account-hash/"
    assert client.kid.startswith(f"https://{HOST}/acme/acme/account/")
    order = (await client.order("*.home.arpa")).json
    found = (await client.post(order["authorizations"][0])).json["challenges"]
    assert [each["type"] for each in found] == ["dns-account-01", "dns-persist-01"]
    account, lasting = found
    assert account["token"]
    assert lasting["issuerDomainNames"] == ["ca.example"]
    assert "token" not in lasting
    answer = await client.post(lasting["url"], {})
    assert (answer.json["status"], answer.json["issuerDomainNames"]) == ("valid", ["ca.example"])


async def test_by_default_the_challenges_are_those_of_step_ca() -> None:
    world = AcmeWorld(validator=PromptValidator(types=frozenset(ChallengeType)))
    client = await world.client()
    assert "accountHashPrefix" not in client.directory.get("meta", {})
    order = (await client.order("nas.home.arpa")).json
    found = (await client.post(order["authorizations"][0])).json["challenges"]
    assert [each["type"] for each in found] == ["dns-01", "http-01", "tls-alpn-01"]
