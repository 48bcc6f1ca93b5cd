"""A token finds its provisioner by step-ca's rules, before anything of it is true."""

from typing import Any

import pytest

from appliance.model.errors import Unauthorized
from tests.authority import credential_scenarios as scenarios
from tests.authority.scenarios import URL, Ask
from tests.support.authority import START, registry

NOBODY = "http://127.0.0.1:9/"
ENTRIES = [
    *scenarios.credential_provisioners(),
    {"type": "OIDC", "name": "one", "clientID": "client-1", "configurationEndpoint": NOBODY},
    {"type": "OIDC", "name": "two", "clientID": "client-2", "configurationEndpoint": NOBODY},
    {"type": "X5C", "name": "broken", "roots": ""},
]


class Clock:
    """A target that only tells the time."""

    def now(self) -> int:
        return int(START.timestamp())


async def refusal(**claims: Any) -> str:
    """Show such a token; the provisioner that is found says why it refuses it."""
    ask = Ask(target=Clock())  # type: ignore[arg-type]
    with pytest.raises(Unauthorized) as raised:
        await registry(ENTRIES).authorize_sign(ask.token(**claims), START)
    return str(raised.value)


@pytest.mark.parametrize(
    ("claims", "name"),
    [
        ({"aud": "client-1"}, "one"),
        ({"aud": ["client-2", "client-1"]}, "two"),
        ({"aud": "other", "azp": "client-2"}, "two"),
        ({"aud": "client-1", "azp": "client-2"}, "two"),
        ({"aud": "client-1", "azp": "other"}, "one"),
        ({"aud": "client-1", "tid": "tenant", "email": "a@b.example"}, "one"),
        ({"aud": "client-1", "tid": "client-2"}, "two"),
        ({"aud": "client-1", "tid": "client-2", "email": "a@b.example"}, "one"),
        ({"aud": "client-1#fragment", "azp": "client-2"}, "two"),
    ],
)
async def test_a_client_of_an_identity_provider(claims: dict[str, Any], name: str) -> None:
    assert f"provisioner '{name}' is disabled" in await refusal(**claims)


async def test_one_that_could_not_be_made_refuses() -> None:
    said = await refusal(aud=f"{URL}/1.0/sign#x5c/broken")
    assert "provisioner 'broken' is disabled due to an initialization error" in said


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": None},
        {"aud": []},
        {"aud": "nobody"},
        {"aud": "nobody", "tid": 5, "azp": ["client-1"]},
        {"aud": f"{URL}/1.0/sign#nobody", "azp": "client-1"},
        {"aud": f"{URL}/1.0/sign", "azp": "client-1"},
    ],
)
async def test_nobody_is_found(claims: dict[str, Any]) -> None:
    """What is meant for us names one of ours, and no client of somebody else."""
    assert "no provisioner goes with the token" in await refusal(**claims)


async def test_a_service_account_is_told_by_its_issuer() -> None:
    said = await refusal(iss="kubernetes/serviceaccount", aud="client-1", azp="client-2")
    assert "cluster's keys" in said


def test_two_may_not_take_the_same_tokens() -> None:
    """step-ca's rows and tokens know an OIDC provisioner by its client."""
    client = {"type": "OIDC", "clientID": "c", "configurationEndpoint": NOBODY}
    with pytest.raises(Exception, match="two provisioners have the name 'b' or the id 'c'"):
        registry([{**client, "name": "a"}, {**client, "name": "b"}])
