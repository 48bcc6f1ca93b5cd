"""Whatever one client or one provisioner's configuration does, others get their certificates."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import trio
import trio.testing

from appliance.authority import deciding
from tests.authority.ours import OurTarget
from tests.authority.scenarios import Ask, provisioners
from tests.support.authority import Appliance, StandingClock
from tests.support.idp import Mood, idp
from tests.support.webhooks import Outside, Reply

FLOOD = 20
PATIENCE = 20
BOMBS = {
    "loops": "{{ range until 49000 }}{{ $x := add . 1 }}{{ end }}{{ fail `end` }}",
    "nested loops": "{{ range until 200 }}{{ range until 240 }}{{ $x := 1 }}{{ end }}{{ end }}"
    "{{ fail `end` }}",
    "a regular expression": '{{ range until 9000 }}{{ regexMatch "(a*)*b" (repeat 99 "a") }}'
    "{{ end }}",
}


def entry(name: str, **options: Any) -> dict[str, Any]:
    return {**provisioners()[0], "name": name, "options": options}


async def overtake(
    app: Appliance, others: Callable[[], Awaitable[Any]], *, count: int = FLOOD
) -> None:
    """Let many ask for trouble; whoever asks after them has the certificate before they end."""
    ended: list[str] = []

    async def trouble() -> None:
        await others()
        ended.append("trouble")

    with trio.fail_after(PATIENCE):
        async with trio.open_nursery() as nursery:
            for _ in range(count):
                nursery.start_soon(trouble)
            await trio.testing.wait_all_tasks_blocked()
            outcome = await Ask(target=OurTarget(app)).sign()
            assert outcome.status == 201, outcome.message
            ended.append("issued")
            nursery.cancel_scope.cancel()
    assert ended.index("issued") == 0, ended


@pytest.mark.parametrize("bomb", BOMBS)
async def test_a_template_that_uses_up_its_budget(bomb: str) -> None:
    """It is rendered aside: only requests of its kind wait for it, and it ends by itself."""
    app = Appliance(entries=[*provisioners(), entry("bomb", x509={"template": BOMBS[bomb]})])
    ask = Ask(target=OurTarget(app))

    async def bombed() -> None:
        outcome = await ask.sign(ask.token(iss="bomb"))
        assert outcome.status in (400, 500), outcome.message

    await overtake(app, bombed, count=2)


async def test_a_request_of_very_many_names_and_a_policy_of_very_many_rules() -> None:
    rules = [f"*.{number}.example" for number in range(2000)]
    names = [f"a.{number}.example" for number in range(300)]
    app = Appliance(entries=[*provisioners(), entry("ruled", x509={"allow": {"dns": rules}})])
    ask = Ask(target=OurTarget(app))

    async def ruled() -> None:
        outcome = await ask.sign(ask.token(iss="ruled", sans=names), ask.csr(sans=[]))
        assert outcome.status == 403, outcome.message

    assert len(names) > deciding.FEW_NAMES
    await overtake(app, ruled, count=2)


async def test_webhooks_that_hang() -> None:
    hook = {"name": "slow", "url": "https://hook.example/", "kind": "ENRICHING", "secret": "AAAA"}
    app = Appliance(
        entries=[*provisioners(), entry("hooked", webhooks=[hook])],
        outbound=Outside({hook["url"]: [Reply()]}, takes=PATIENCE),
    )
    ask = Ask(target=OurTarget(app))

    async def hooked() -> None:
        await ask.sign(ask.token(iss="hooked"))

    await overtake(app, hooked)


async def test_a_provider_of_identities_that_hangs() -> None:
    with idp() as provider:
        token = provider.token(email="jane@example.com")
        provider.mood = Mood.HANGING
        clock = StandingClock(datetime.now(UTC))
        app = Appliance(entries=[*provisioners(), provider.entry()], clock=clock)

        async def logged_in() -> None:
            await Ask(target=OurTarget(app)).sign(token)

        await overtake(app, logged_in)
