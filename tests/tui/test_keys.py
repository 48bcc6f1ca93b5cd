"""Keys in the console: what signs what, what vouches for a key, and the next intermediate."""

from dataclasses import replace

from appliance.model.overview import Overview
from appliance.model.signing_keys import IssuerChange, KeyReport
from appliance.model.tokens import TokenState, TokenStatus
from tests.support.console import Driven, drive
from tests.support.key_tokens import SAMPLE_PIN
from tests.support.sample_box import KEYS
from tests.support.sample_operator import SampleOperator

TOKEN = TokenStatus(
    name="yubikey 12345678",
    uri="yubikey:serial=12345678",
    state=TokenState.PIN_NEEDED,
    model="YubiKey 5 NFC",
    tries_left=3,
)


class WithToken(SampleOperator):
    """Its intermediate is on a YubiKey that waits for its PIN."""

    token_states = (TOKEN,)

    async def overview(self) -> Overview:
        return replace(await super().overview(), tokens=self.token_states)


def test_each_key_is_a_line_and_tokens_come_after_them() -> None:
    async def act(console: Driven) -> None:
        await console.until(lambda: "■ token" in console.text)
        for what, part in (
            ("○ root", "19 y"), ("■ intermediate", "slot 9c"), ("▲ intermediate", "10 y"),
            ("● SSH users", "ssh_user_ca_key"), ("● this server", "in memory"),
            ("■ token", "PIN needed"),
        ):  # fmt: skip
            assert part in console.line(what), what
        assert "■ yubikey 12345678: PIN needed" in console.lines[0]
        assert "type its PIN" in console.text
        await console.press("end", "enter")
        await console.until(lambda: "Tries left" in console.text)
        await console.press("u", *SAMPLE_PIN, "enter")
        await console.until(lambda: "● all tokens are ready" in console.lines[0])

    drive(act, start="5", operator=WithToken())


def test_a_device_is_asked_to_vouch_only_when_that_is_wanted() -> None:
    async def act(console: Driven) -> None:
        await console.until(lambda: "● SSH users" in console.text)
        await console.press("down", "enter")
        await console.until(lambda: "yubikey:slot-id=9c" in console.text)
        assert "made in YubiKey" not in console.text
        await console.press("a")
        await console.until(lambda: "● made in YubiKey 12345678" in console.text)
        await console.press("escape", "end", "enter", "a")
        assert "Attestation" not in console.text

    drive(act, start="5")


def test_a_step_is_taken_after_its_name_was_typed_and_a_refusal_is_said() -> None:
    async def act(console: Driven) -> None:
        operator = console.operator
        await console.until(lambda: "▲ Let the intermediate 2036 issue" in console.text)
        await console.press("n")
        await console.until(lambda: "▲ due now" in console.text)
        assert "hearth ca intermediate activate 2036" in console.text
        await console.press("enter", *"2035", "enter")
        await console.until(lambda: "That is not 2036. Nothing was done." in console.text)
        operator.refused = "clients would refuse it"
        await console.press(*["backspace"] * 4, *"2036", "enter")
        await console.until(lambda: "■ clients would refuse it" in console.text)
        assert not operator.asked
        operator.refused = ""
        await console.press("enter")
        await console.until(lambda: "● nothing is due" in console.lines[0])
        assert operator.asked[:] == ((IssuerChange.ACTIVATE, "2036"),)
        await console.press("enter")
        assert "Type " not in console.text
        assert "On the box, type" in console.text
        await console.press("c")
        assert console.app.clipboard.startswith("hearth ca intermediate create 2026 --csr")
        await console.press("escape")
        await console.until(lambda: "No change of the intermediate is due" in console.text)

    drive(act, start="5")


def test_an_end_that_is_near_or_over_is_seen_without_colour() -> None:
    operator = SampleOperator()
    root, signing, *_ = KEYS
    now = operator.state.now
    near = replace(signing, not_after=now + (signing.not_after or now).resolution)
    operator.key_report = KeyReport(keys=(replace(root, not_after=now), near), steps=())

    async def act(console: Driven) -> None:
        await console.until(lambda: "■ root" in console.text)
        assert "ended" in console.line("■ root")
        assert console.line("▲ intermediate")
        await console.press("question_mark")
        assert "Keys: help" in console.text

    drive(act, start="5", operator=operator)
