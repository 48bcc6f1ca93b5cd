"""Consoles that nobody uses are covered, and opened by the passphrase alone."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, timedelta

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from tests.support.kept_lock import PASSPHRASE, KeptLock
from tests.support.piloted import play
from tests.support.sample_operator import SampleOperator
from tests.support.stage import Stage
from tui.app import Console
from tui.ending import Ending
from tui.feed import Rhythm
from tui.screens.help import Help
from tui.screens.locked import pause_after
from tui.terminal import Seat, Terminal


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A seat that is not the box's own: nothing of it is used but that it is there."""

    terminal: Terminal
    attachment: object = True


ELSEWHERE = Elsewhere(Terminal())


def drive(
    act: Callable[[Stage], Awaitable[None]], lock: KeptLock | None, seat: object = ELSEWHERE
) -> Console:
    assert isinstance(seat, Seat | Elsewhere)
    app = Console(
        SampleOperator(),
        zone=UTC,
        rhythm=Rhythm(events=0.05, overview=0.05),
        seat=Seat(terminal=Terminal()),
        lock=lock,
    )
    app.seat = seat  # type: ignore[assignment]

    async def begin(pilot: Pilot[Ending]) -> None:
        await act(Stage(app=app, pilot=pilot))

    play(app, begin)
    return app


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.lockable._LOOK", 0.02)


def test_an_idle_console_shows_and_does_nothing_until_the_passphrase_is_typed() -> None:
    lock = KeptLock(timedelta(seconds=60))

    async def act(stage: Stage) -> None:
        await stage.shows("● serving", "Needs you")
        await stage.press("2", "a")
        await stage.shows("external account keys")
        lock.after = timedelta(seconds=0.1)
        await stage.shows("Locked")
        lock.after = timedelta(seconds=60)
        for keys in (("ctrl+q",), ("ctrl+c",), ("ctrl+p",), ("q", "u", "2", "escape")):
            await stage.press(*keys)
        assert "Locked" in stage.text
        for part in ("home.arpa", "Home CA", "serving", "external", "192.0.2"):
            assert part not in stage.text, part
        await stage.press(*"wrong", "enter")
        await stage.shows("■ That is not the passphrase.")
        await stage.press(*PASSPHRASE)
        assert PASSPHRASE not in stage.text
        await stage.press("enter")
        await stage.shows("external account keys")
        assert lock.tried == ["wrong", PASSPHRASE]

    drive(act, lock)


def test_what_is_still_under_way_lays_nothing_on_top_before_it_is_opened() -> None:
    async def act(stage: Stage) -> None:
        await stage.shows("● serving")
        assert isinstance(stage.app, Console)
        stage.app.action_lock()
        await stage.shows("Locked")
        await stage.app.push_screen(Help("Something that was asked before", ()))
        assert "Locked" in stage.text
        assert "asked before" not in stage.text
        await stage.press(*PASSPHRASE, "enter")
        await stage.shows("Something that was asked before")

    drive(act, KeptLock(timedelta(seconds=60)))


def test_wrong_tries_cost_more_time_from_one_to_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [pause_after(wrong) for wrong in range(1, 10)] == [0, 0, 2, 4, 8, 16, 32, 60, 60]
    monkeypatch.setattr("tui.screens.locked._FIRST_FREE", -9)

    async def act(stage: Stage) -> None:
        await stage.shows("● serving")
        assert isinstance(stage.app, Console)
        stage.app.action_lock()
        await stage.shows("Locked")
        await stage.press(*"guess", "enter")
        await stage.shows("That is not the passphrase. Wait")
        assert stage.app.screen.query_one(Input).disabled
        await stage.press(*PASSPHRASE, "enter", "q", "1", "ctrl+q")
        assert "Locked" in stage.text

    lock = KeptLock(timedelta(seconds=60))
    drive(act, lock)
    assert lock.tried == ["guess"]


def test_a_key_keeps_it_open_and_without_a_passphrase_it_never_locks() -> None:
    async def act(stage: Stage) -> None:
        await stage.shows("● serving")
        assert isinstance(stage.app, Console)
        before = stage.app._used
        await stage.press("2")
        assert stage.app._used > before
        stage.app._used -= 3600
        await stage.pilot.pause(0.1)
        assert not stage.app.is_locked
        lock.after = timedelta(minutes=59)
        await stage.until(lambda: stage.app.is_locked)  # type: ignore[attr-defined]

    lock = KeptLock(None)
    drive(act, lock)


def test_the_boxs_own_console_begins_covered() -> None:
    async def act(stage: Stage) -> None:
        await stage.shows("Locked")
        await stage.press(*PASSPHRASE, "enter")
        await stage.shows("● serving")
        await stage.press("q")
        await stage.shows("Quit?")
        await stage.press("k")

    app = drive(act, KeptLock(timedelta(minutes=10)), Seat())
    assert app.return_value is Ending.KEEP_SERVING
