"""The wizard: each step answered by keys alone, left, taken up, and told what is wrong."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from appliance.model.errors import BadRequest, Unavailable
from appliance.model.founding import Boot, Check, Founded, Mark, Topic, Unlock
from appliance.model.secret import Password
from tests.support.piloted import Piloted, play
from tests.support.sample_founding import (
    ASKED,
    DRAFT,
    FOUNDED,
    PROGRESS,
    SECRETS,
    YUBIKEY,
    SampleCertificates,
    SampleFounding,
)
from tests.support.sample_operator import SampleOperator
from tui.app import Console
from tui.ending import Ending
from tui.wizard import Wizard


@dataclass(frozen=True, slots=True, kw_only=True)
class Guided(Piloted):
    """A wizard under test."""

    app: Wizard
    founding: SampleFounding

    async def to(self, number: int) -> None:
        """Go on to a step by Enter alone, from the one before."""
        await self.shows(f"{number - 1} of 9")
        if number == 4:
            await self.shows("Intermediate, and keys")
        await self.press("enter")
        await self.shows(f"{number} of 9")


def drive(
    act: Callable[[Guided], Awaitable[None]],
    founding: SampleFounding | None = None,
    size: tuple[int, int] = (80, 24),
) -> Wizard:
    source = founding or SampleFounding()
    app = Wizard(source)

    async def begin(pilot: Pilot[Founded]) -> None:
        guided = Guided(app=app, founding=source, pilot=pilot)
        await guided.shows(" of 9")
        await act(guided)

    play(app, begin, size)
    return app


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_from_nothing_to_what_was_made_by_enter_alone(size: tuple[int, int]) -> None:
    async def act(guided: Guided) -> None:
        for number in range(2, 6):
            await guided.to(number)
        await guided.press(*"correct horse", "tab", *"correct horse")
        await guided.to(6)
        await guided.to(7)
        await guided.shows("Intermediate  encrypted file", "Enter makes it.")
        await guided.to(8)
        await guided.shows("c8b5 e7f2", "academic agency alarm", "recovery.html", "▀")
        await guided.press("enter")

    app = drive(act, size=size)
    assert app.return_value == FOUNDED
    founding = app.founding
    assert isinstance(founding, SampleFounding)
    assert [topic for topic, _ in founding.kept] == [*list(Topic)[1:7], Topic.MAKING]
    assert founding.passwords is not None
    assert founding.passwords.provisioner == Password(b"correct horse")
    assert founding.passwords.keys == Password(b"correct horse")


def test_a_wrong_answer_is_told_beside_its_field_and_stays() -> None:
    async def act(guided: Guided) -> None:
        await guided.press("ctrl+u", "delete", *["backspace"] * 9, "enter")
        await guided.shows("■ give it a name", "1 of 9")
        await guided.press(*"Lab", "enter")
        await guided.shows("2 of 9")
        assert guided.founding.kept[0][1].name == "Lab"

    drive(act)


def test_a_new_warning_is_shown_before_enter_goes_on() -> None:
    async def act(guided: Guided) -> None:
        warning = Check(mark=Mark.LOOK, text="ca.home.arpa is not this machine")
        guided.founding.checks[Topic.NAME] = [warning]
        await guided.press("enter")
        await guided.shows("▲ ca.home.arpa is not this machine", "goes on all the same")
        await guided.press("enter")
        await guided.shows("2 of 9")

    drive(act)


def test_the_own_address_can_be_left_out_and_taken_in() -> None:
    async def act(guided: Guided) -> None:
        await guided.press("tab", "tab", "space")
        await guided.shows("[ ] and at 192.0.2.1")
        assert "ca.home.arpa, 192" not in guided.text
        names = guided.app.screen.query_one("#dns_names", Input)
        names.value = "ca.home.arpa 192.0.2.1"  # by hand: the tick follows
        await guided.shows("[x] and at 192.0.2.1")
        names.value = "ca.home.arpa"
        await guided.shows("[ ] and at 192.0.2.1")
        await guided.press("space", "enter")
        await guided.shows("2 of 9")
        assert guided.founding.kept[0][1].dns_names == "ca.home.arpa, 192.0.2.1"

    drive(act)


def test_the_time_can_be_typed() -> None:
    async def act(guided: Guided) -> None:
        await guided.to(2)
        await guided.shows("2026-11-21 14:02:11 UTC")
        await guided.press(*"noon", "enter")
        await guided.shows("■ noon is not a time")
        await guided.press("ctrl+u", *["backspace"] * 5, *"2026-11-21 14:05", "enter")
        await guided.shows("The clock is set")
        assert guided.founding.set == [datetime(2026, 11, 21, 14, 5, tzinfo=UTC)]

    drive(act)


def test_found_tokens_are_listed_and_chosen() -> None:
    async def act(guided: Guided) -> None:
        guided.founding.found = [YUBIKEY]
        await guided.to(2)
        await guided.to(3)
        await guided.shows("YubiKey 12345678   firmware 5.4.3   factory PIN", "(●) encrypted file")
        await guided.press("down", "space", "tab", "down", "down", "space")
        await guided.shows("(●) YubiKey 12345678", "(●) another place")
        await guided.press("tab", *"/media/stick")
        await guided.to(4)
        draft = guided.founding.kept[-1][1]
        assert (draft.keys_at, draft.root_at) == (YUBIKEY.uri, "/media/stick")

    founding = SampleFounding()
    drive(act, founding)


def test_passwords_are_compared_masked_and_can_differ() -> None:
    async def act(guided: Guided) -> None:
        await guided.press(*"short", "tab", *"shirt", "enter")
        await guided.shows("■ the two are not the same", "▲ shorter than 10")
        assert "shirt" not in guided.text
        await guided.press(*["backspace"] * 5, *"short", "tab", "space", "tab")
        await guided.press(*"other password", "tab", *"other password", "enter")
        await guided.shows("6 of 9")
        assert guided.app.passwords.keys == Password(b"other password")
        assert guided.app.passwords.provisioner == Password(b"short")

    drive(act, SampleFounding(replace(PROGRESS, topic=Topic.ACCESS)))


def test_services_and_start_are_chosen() -> None:
    async def act(guided: Guided) -> None:
        await guided.press("space", "tab", "space", "tab", "space")
        await guided.to(5)
        draft = guided.founding.kept[-1][1]
        assert (draft.acme, draft.ssh, draft.published) == (False, True, True)
        await guided.to(6)
        await guided.press("down", "space")
        await guided.to(7)
        assert guided.founding.kept[-1][1].unlock is Unlock.FILE
        await guided.shows("Opened by     a file", "CRL and OCSP on :80")

    drive(act, SampleFounding(replace(PROGRESS, topic=Topic.SERVICES)))


def test_a_service_is_offered_with_who_opens_its_keys_and_told_when_it_cannot_be() -> None:
    draft = replace(DRAFT, service=True)
    boot = Boot(is_possible=True, can_ask=True, can_seal=True)
    start = replace(PROGRESS, topic=Topic.START, draft=draft, boot=boot)

    async def act(guided: Guided) -> None:
        await guided.shows("[x] A service of this machine", "Sealed: the disk alone")
        wrong = Check(mark=Mark.ACT, text="a token's PIN cannot be sealed", field="unlock")
        guided.founding.checks[Topic.START] = [wrong]
        await guided.press("tab", "down", "down", "space", "enter")
        await guided.shows("■ a token's PIN cannot be sealed")
        guided.founding.checks.clear()
        await guided.to(7)
        kept = guided.founding.kept[0][1]
        assert (kept.service, kept.unlock) == (True, Unlock.SEALED)
        await guided.shows("at boot, as a service", "a file sealed to this machine")

    drive(act, SampleFounding(start))

    async def told(guided: Guided) -> None:
        await guided.shows("At boot: `sudo hearth install`")
        assert "A service of this machine" not in guided.text

    elsewhere = replace(start, boot=Boot(otherwise="`sudo hearth install` does it"))
    drive(told, SampleFounding(elsewhere))


def test_it_is_left_at_any_step_and_goes_back_with_its_answers() -> None:
    async def act(guided: Guided) -> None:
        await guided.press("ctrl+u", "delete", *["backspace"] * 9, *"Lab")
        await guided.to(2)
        await guided.press("escape")
        await guided.shows("1 of 9", "Lab")
        await guided.to(2)
        await guided.press("ctrl+s")

    app = drive(act)
    assert app.return_value is None
    assert isinstance(app.founding, SampleFounding)
    assert app.founding.kept[-1][0] is Topic.CLOCK


def test_every_step_explains_itself() -> None:
    async def act(guided: Guided) -> None:
        await guided.press("f1")
        await guided.shows("Name and addresses: help", "Ctrl+S")
        await guided.press("escape")
        await guided.shows("1 of 9")

    drive(act)


def test_questions_are_asked_and_secrets_taken_away() -> None:
    """What is shown once is gone when it was written down, and typed unseen."""

    async def act(guided: Guided) -> None:
        guided.founding.asks = ASKED
        await guided.press("enter")
        await guided.shows("Plug it in.", "Enter when it is done", "root key made")
        await guided.press("enter")
        secret = next(iter(SECRETS.values()))
        await guided.shows("Write these down", secret)
        await guided.press("enter")
        await guided.shows("The PIN of YubiKey 12345678")
        assert secret not in guided.text
        await guided.press(*secret)
        assert secret not in guided.text
        await guided.press("enter")
        await guided.shows("Go on all the same?", "y yes")
        await guided.press("y")
        await guided.shows("8 of 9")
        assert guided.founding.answers == [True, True, Password(secret.encode()), True]

    drive(act, SampleFounding(replace(PROGRESS, topic=Topic.MAKING)))


def test_what_failed_half_way_is_tried_again_or_undone() -> None:
    stopped = replace(PROGRESS, stopped_at="Make the keys where they live", wants_passwords=False)

    async def act(guided: Guided) -> None:
        await guided.shows("interrupted at: Make the keys", "undoes what")
        guided.founding.fails = Unavailable("the YubiKey is not plugged in")
        await guided.press("enter")
        await guided.shows("■ the YubiKey is not plugged in", "Enter tries again")
        await guided.press("escape", "u")
        await guided.shows("1 of 9")
        assert guided.founding.undone

    drive(act, SampleFounding(stopped))


def test_passwords_are_asked_for_again_before_what_was_interrupted_goes_on() -> None:
    stopped = replace(PROGRESS, topic=Topic.MAKING, stopped_at="Sign", resumed=True)

    async def act(guided: Guided) -> None:
        await guided.shows("5 of 9", "Taken up where it was left")
        await guided.press(*"correct horse", "tab", *"correct horse", "enter")
        await guided.shows("7 of 9")

    drive(act, SampleFounding(stopped))


def test_the_first_certificate_is_issued_over_the_live_view() -> None:
    certificates = SampleCertificates()
    certificates.fails = BadRequest("/srv/nas.home.arpa.crt is there already")

    app = Console(SampleOperator(), zone=UTC)
    app.greet(certificates, FOUNDED)

    async def act(pilot: Pilot[Ending]) -> None:
        console = Piloted(app=app, pilot=pilot)
        await console.shows("nas.home.arpa")
        await console.shows("9 of 9")
        await console.press("enter")
        await console.shows("■ /srv/nas.home.arpa.crt is there already")
        certificates.fails = None
        await console.press("enter")
        await console.shows("● issued  nas.home.arpa")
        assert FOUNDED.fingerprint in console.text
        await console.press("enter")
        await console.until(lambda: "9 of 9" not in console.text)

    play(app, act)
    assert certificates.names == ["nas.home.arpa"]


def test_drafts_hold_no_password() -> None:
    assert not [name for name in DRAFT.__dataclass_fields__ if "password" in name or "pin" in name]
