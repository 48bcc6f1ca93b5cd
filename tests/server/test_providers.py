"""An identity provider that does not answer keeps nobody from starting, nor other requests."""

import secrets
import time
from collections.abc import Iterator

import jwt
import pytest
import trio

from appliance.model.errors import Unauthorized
from appliance.provisioners.registry import Registry
from appliance.server import providers
from tests.authority.scenarios import KID, PROVISIONER_KEY, provisioners
from tests.support.authority import StandingClock, registry
from tests.support.idp import Idp, Mood, idp

CLOCK = StandingClock()


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[Idp]:
    for name, value in (("_TIMEOUT", 0.5), ("_PATIENCE", 0.6), ("_RETRY", 0.05)):
        monkeypatch.setattr(f"appliance.provisioners.identity_provider.{name}", value)
    monkeypatch.setattr("appliance.server.providers._LOOK", 0.1)
    with idp() as running:
        yield running


def of(provider: Idp, count: int = 1) -> Registry:
    entries = [provider.entry(name=f"idp-{i}", clientID=f"client-{i}") for i in range(count)]
    return registry([provisioners()[0], *entries], started_at=None)


async def test_a_start_waits_for_all_providers_at_once_and_not_long(provider: Idp) -> None:
    provider.mood = Mood.HANGING
    silent = of(provider, 5)
    begun = trio.current_time()
    await providers.introduce(silent)
    assert trio.current_time() - begun < 2
    assert len(silent.problems) == 5
    assert all("no answer within" in line for line in silent.problems)


async def test_a_provider_that_comes_back_is_found_without_a_token(provider: Idp) -> None:
    provider.mood = Mood.DOWN
    current, said = of(provider), list[str]()
    await providers.introduce(current)
    assert current.problems
    async with trio.open_nursery() as nursery:
        nursery.start_soon(providers.keep_known, lambda: current, said.append)
        await trio.sleep(0.2)
        assert said == []
        provider.mood = Mood.WELL
        with trio.fail_after(60):
            while current.problems:
                await trio.sleep(0.02)
            while not said:
                await trio.sleep(0.02)
        nursery.cancel_scope.cancel()
    assert said == ['the identity provider of "idp-0" answers now']


async def test_a_hanging_provider_costs_its_own_requests_only(provider: Idp) -> None:
    current = of(provider)
    provider.mood = Mood.HANGING
    now = CLOCK.now()
    outcome: list[str] = []

    async def person() -> None:
        with pytest.raises(Unauthorized):
            await current.authorize_sign(provider.token(aud="client-0"), now)
        outcome.append("person")

    claims = {
        "iss": "admin", "aud": "https://ca.example/1.0/sign", "sub": "host.example",
        "jti": secrets.token_hex(16), "exp": int(now.timestamp()) + 300,
    }  # fmt: skip
    token = jwt.encode(claims, PROVISIONER_KEY, "ES256", headers={"kid": KID})
    async with trio.open_nursery() as nursery:
        nursery.start_soon(person)
        await trio.sleep(0.05)
        begun = time.monotonic()
        for _ in range(20):
            assert (await current.authorize_sign(token, now)).subject == "host.example"
        assert time.monotonic() - begun < 0.4
        outcome.append("machines")
    assert outcome == ["machines", "person"]


async def test_a_reload_goes_on_with_what_was_known(provider: Idp) -> None:
    former = of(provider, 2)
    await providers.introduce(former)
    provider.mood = Mood.DOWN
    later = of(provider, 3)
    await providers.introduce(later)
    later.resume(former)
    (line,) = later.problems
    assert '"idp-2"' in line
