"""The live screen as a person uses it."""

import re
import time
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from appliance.model.events import EventKind
from appliance.model.tokens import TokenState, TokenStatus
from tests.support.console import Driven, drive
from tests.support.sample_operator import NOW, OVERVIEW, SampleOperator, event, serial_of
from tui.theme import PAPER


def test_the_header_says_whose_authority_this_is_where_and_how() -> None:
    async def look(console: Driven) -> None:
        for part in (
            OVERVIEW.name, OVERVIEW.url, OVERVIEW.address, OVERVIEW.fingerprint, "LevelDB",
            "up 12 d 3 h", "● serving   14:02:11",
        ):  # fmt: skip
            assert part in console.text
        assert "● 48 issued  ○ 331 renewed  ▲ 1 revoked  ■ 2 refused" in console.text

    drive(look)


@pytest.mark.parametrize("state", [each for each in TokenState if each is not TokenState.READY])
def test_the_header_says_which_token_cannot_sign_and_why(state: TokenState) -> None:
    """It goes before an end that is only near; a second one is counted."""

    async def act(console: Driven) -> None:
        tokens = [
            TokenStatus(name=name, uri=f"yubikey:serial={name}", state=state) for name in ("1", "2")
        ]
        soon = OVERVIEW.now + timedelta(days=2)
        for shown, more in ((tokens[:1], "   "), (tokens, " +1 ")):
            console.operator.state = replace(
                OVERVIEW, tokens=tuple(shown), intermediate_not_after=soon
            )
            expected = f"■ 1: {state}{more}"
            await console.until(partial(lambda text: text in console.text, expected))

    drive(act)


def test_a_line_says_when_what_for_whom_by_whom_and_which() -> None:
    async def look(console: Driven) -> None:
        line = console.line("printer.home.arpa")
        end = str(serial_of(19))[-8:]
        assert line.split() == [
            "14:01:05", "●", "issued", "printer.home.arpa", "+1", "jwk/admin", f"…{end}", "24",
            "h", "▐",
        ]  # fmt: skip

    drive(look)


def test_a_refusal_says_why() -> None:
    async def look(console: Driven) -> None:
        assert "the one-time token has been used before" in console.line("no name")

    drive(look, size=(120, 40))


def test_what_happens_appears_on_top_while_the_list_follows() -> None:
    async def act(console: Driven) -> None:
        console.operator.record(event(50, EventKind.RENEWED, "fresh.home.arpa"))
        await console.until(lambda: "fresh.home.arpa" in console.text)
        assert console.lines[8].startswith("▌ 14:02:11  ○ renewed  fresh.home.arpa")
        assert "● following" in console.text

    drive(act)


def test_the_list_stays_where_the_cursor_was_moved() -> None:
    async def act(console: Driven) -> None:
        await console.press("down", "down")
        before = console.line("▌")
        console.operator.record(*(event(each, subject=f"new{each}") for each in range(50, 60)))
        await console.until(lambda: "○ 12 newer above" in console.text)
        assert console.line("▌") == before
        await console.press("g")
        assert "● following" in console.text
        assert "new59" in console.line("▌")

    drive(act)


def test_space_holds_the_list_still_and_goes_on() -> None:
    async def act(console: Driven) -> None:
        await console.press("space")
        before = console.lines[8:]
        console.operator.record(event(50, EventKind.ISSUED, "later.home.arpa"))
        await console.until(lambda: "‖ paused, 1 waiting" in console.text)
        assert console.lines[8:] == before
        await console.press("space")
        assert "later.home.arpa" in console.line("▌")
        assert "● following" in console.text

    drive(act)


def test_the_newest_key_ends_a_pause() -> None:
    async def act(console: Driven) -> None:
        await console.press("space", "down")
        console.operator.record(event(50, EventKind.ISSUED, "later.home.arpa"))
        await console.until(lambda: "1 waiting" in console.text)
        await console.press("g")
        assert "later.home.arpa" in console.line("▌")

    drive(act)


def test_a_filter_works_with_each_letter_and_esc_shows_everything() -> None:
    async def act(console: Driven) -> None:
        await console.press("slash", "t", "v")
        assert "2 shown of 19" in console.text
        assert "tv.home.arpa" in console.text
        assert "git.home.arpa" not in console.text
        await console.press("minus")
        assert "1 shown of 19" in console.text
        await console.press("escape")
        assert "19 shown" in console.text
        assert "git.home.arpa" in console.text

    drive(act)


def test_a_kept_filter_holds_for_what_comes() -> None:
    async def act(console: Driven) -> None:
        await console.press("slash", *"refused", "enter")
        console.operator.record(
            event(50, EventKind.ISSUED, "quiet.home.arpa"),
            event(51, EventKind.REFUSED, "loud.example", reason="no"),
        )
        await console.until(lambda: "loud.example" in console.text)
        assert "quiet.home.arpa" not in console.text
        assert "/ refused" in console.text
        await console.press("escape")
        assert "quiet.home.arpa" in console.text
        assert "/ refused" not in console.text

    drive(act)


def test_keys_of_the_list_are_letters_while_a_filter_is_typed() -> None:
    async def act(console: Driven) -> None:
        await console.press("slash", "q", "g", "space", "question_mark")
        assert "/ qg ?" in console.text
        assert not console.app.journal.paused

    drive(act)


def test_a_filter_without_a_match_says_how_to_go_back() -> None:
    async def act(console: Driven) -> None:
        await console.press("slash", *"zzz", "enter")
        assert "Esc shows everything" in console.text
        await console.press("enter", "down", "end", "pagedown", "escape")
        assert "19 shown" in console.text

    drive(act)


def test_filtering_keeps_the_line_that_is_being_read() -> None:
    async def act(console: Driven) -> None:
        await console.press("down", "down")
        assert "tv.home.arpa" in console.line("▌")
        await console.press("slash", *"tv", "enter")
        assert "tv.home.arpa" in console.line("▌")
        await console.press("escape")
        assert "tv.home.arpa" in console.line("▌")

    drive(act)


def test_help_explains_the_screen() -> None:
    async def act(console: Driven) -> None:
        await console.press("question_mark")
        assert "Live: help" in console.text
        assert "a request that was turned down, and why" in console.text
        await console.press("escape")
        assert "Live: help" not in console.text

    drive(act)


def test_any_command_can_be_found() -> None:
    async def act(console: Driven) -> None:
        await console.press("ctrl+p", *"light")
        await console.until(lambda: "Change the colours" in console.text)
        await console.press("enter")
        await console.until(lambda: console.app.theme == PAPER.name)
        assert "● serving" in console.text

    drive(act)


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (40, 10), (20, 5)])
def test_every_size_works(size: tuple[int, int]) -> None:
    async def act(console: Driven) -> None:
        await console.until(lambda: "following" in console.text)
        assert len(console.lines) == size[1]
        assert any("git.home" in line for line in console.lines) or size < (40, 10)
        await console.press("end", "home", "pagedown", "pageup", "enter", "escape")
        await console.press("slash", "x", "escape", "question_mark", "escape", "q", "escape")
        assert console.app.is_running

    drive(act, size=size)


def test_a_low_terminal_shows_the_list_first() -> None:
    async def act(console: Driven) -> None:
        assert "Home CA" in console.lines[0]
        assert "following" in console.lines[1]
        assert "git.home" in console.lines[2]
        assert OVERVIEW.fingerprint not in console.text

    drive(act, size=(40, 10))


def test_resizing_draws_anew() -> None:
    async def act(console: Driven) -> None:
        await console.press("down", "down", "down")
        for width, height in ((40, 10), (120, 40), (80, 24)):
            await console.pilot.resize_terminal(width, height)
            await console.until(lambda height=height: len(console.lines) == height)  # type: ignore[misc]
            assert console.line("▌"), "the cursor stays in view"
        assert OVERVIEW.fingerprint in console.text
        assert "client" not in console.text

    drive(act)


def test_the_wheel_and_a_click_move_the_cursor() -> None:
    async def act(console: Driven) -> None:
        await console.pilot.click("#events", offset=(10, 4))
        await console.pilot.pause()
        assert "printer.home.arpa" in console.line("▌")
        await console.pilot.click("#events", offset=(10, 4))
        await console.until(lambda: "Valid until" in console.text)

    drive(act)


def test_a_burst_is_shown_at_once_bounded_and_counted() -> None:
    """5,000 events between two looks: more than the ring holds, and the screen goes on."""

    async def act(console: Driven) -> None:
        await console.press("space", "space")
        console.operator.record(*(event(at, subject=f"host{at}") for at in range(100, 5100)))
        await console.until(lambda: "host5099" in console.text)
        for _ in range(20):
            await console.press("down")
        assert console.app.journal.kept == 4096 + 19
        assert "904 skipped" in console.text

    drive(act, size=(120, 40))


def test_five_hundred_a_second_cost_little() -> None:
    """Ten seconds of it, in looks of a quarter of a second each, take far less than that."""
    operator = SampleOperator()

    async def act(console: Driven) -> None:
        spent = 0.0
        for start in range(1000, 6000, 125):
            console.operator.record(
                *(event(at, subject=f"h{at}") for at in range(start, start + 125))
            )
            began = time.process_time()
            await console.until(lambda end=start + 124: f"h{end} " in console.text)  # type: ignore[misc]
            spent += time.process_time() - began
        assert spent < 5
        assert console.app.journal.skipped == 0
        assert re.search(r"19 older not kept", console.text)

    drive(act, operator=operator)


def test_a_server_that_does_not_answer_is_said_to_be_silent_until_it_does() -> None:
    async def act(console: Driven) -> None:
        console.operator.silent = True
        await console.until(lambda: "■ not answering" in console.text)
        console.operator.silent = False
        await console.until(lambda: "● serving" in console.text)

    drive(act)


@pytest.mark.parametrize(
    ("left", "said"),
    [
        (timedelta(days=12), "▲ intermediate ends in 12 d"),
        (timedelta(seconds=-1), "■ intermediate has ended"),
    ],
)
def test_an_end_that_is_near_is_said(left: timedelta, said: str) -> None:
    operator = SampleOperator()

    async def act(console: Driven) -> None:
        console.operator.state = replace(OVERVIEW, intermediate_not_after=NOW + left)
        await console.until(lambda: said in console.text)

    drive(act, operator=operator)


def test_an_empty_authority_says_that_nothing_has_happened() -> None:
    async def look(console: Driven) -> None:
        assert "Nothing has happened yet." in console.text
        console.operator.record(event(1))
        await console.until(lambda: "nas.home.arpa" in console.text)

    drive(look, operator=SampleOperator(past=(), live=()))


def test_a_name_with_escapes_stays_text() -> None:
    async def act(console: Driven) -> None:
        console.operator.record(
            event(50, EventKind.REFUSED, "a\x1b[2J\n[red]b[/red]", reason="bad \x07 name")
        )
        await console.until(lambda: "[red]b[/red]" in console.text)
        await console.press("enter")
        await console.until(lambda: "Reason" in console.text)
        assert "\x1b" not in console.text
        assert "\x07" not in console.text

    drive(act, size=(120, 40))
