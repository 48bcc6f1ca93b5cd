"""Tokens in the console: what they wait for, and their PIN, typed unseen."""

from dataclasses import replace

from appliance.model.overview import Overview
from appliance.model.tokens import TokenState, TokenStatus
from tests.support.console import Driven, drive
from tests.support.key_tokens import SAMPLE_PIN
from tests.support.sample_operator import SampleOperator

WAITING = TokenStatus(
    name="yubikey 87650009",
    uri="yubikey:serial=87650009",
    state=TokenState.PIN_NEEDED,
    tries_left=3,
    detail="the YubiKey waits for its PIN",
)


class WithTokens(SampleOperator):
    """The overview tells of the same tokens."""

    async def overview(self) -> Overview:
        return replace(await super().overview(), tokens=self.token_states)


async def waits(console: Driven, token: TokenStatus) -> None:
    console.operator.token_states = (token,)
    await console.until(lambda: f"{token.name}: {token.state}" in console.lines[0])


def test_a_pin_is_typed_unseen_once_for_each_try_and_opens_the_token() -> None:
    async def act(console: Driven) -> None:
        await waits(console, WAITING)
        await console.press("u", *"9999")
        assert "Tries left: 3" in console.text
        assert "••••" in console.text
        assert "9999" not in console.text
        await console.press("enter")
        await console.until(lambda: f"■ the token '{WAITING.name}' refused" in console.text)
        assert "••" not in console.text
        await console.press("enter")
        assert "Nothing was tried" in console.text
        await console.press(*SAMPLE_PIN, "enter")
        await console.until(lambda: "● serving" in console.lines[0])
        (opened,) = console.operator.token_states
        assert opened.state is TokenState.READY
        await console.press("u")
        told = console.app._notifications
        await console.until(lambda: any("No token waits" in each.message for each in told))

    drive(act, operator=WithTokens())


def test_the_last_try_is_used_only_when_that_is_said() -> None:
    async def act(console: Driven) -> None:
        await waits(console, replace(WAITING, tries_left=1))
        await console.press("u", *SAMPLE_PIN, "enter")
        assert "One try is left" in console.text
        await console.press("shift+tab", "space", "tab", *SAMPLE_PIN, "enter")
        await console.until(lambda: "● serving" in console.lines[0])

    drive(act, operator=WithTokens())


def test_what_no_pin_helps_says_what_does() -> None:
    async def act(console: Driven) -> None:
        await waits(console, replace(WAITING, state=TokenState.BLOCKED, detail=""))
        await console.press("u")
        await console.until(lambda: "its PUK" in console.text)
        assert "Tries left" not in console.text
        await console.press("escape")
        assert "its PUK" not in console.text

    drive(act, operator=WithTokens())
