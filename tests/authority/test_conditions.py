"""How things are is one list, in which `since` moves when something gets well or ill."""

from datetime import timedelta

import pytest

from appliance.authority.conditions import ConditionBoard
from appliance.formats import prometheus
from appliance.model.conditions import Severity
from tests.support.authority import START, StandingClock


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock()


@pytest.fixture
def board(clock: StandingClock) -> ConditionBoard:
    return ConditionBoard(clock)


def test_what_is_said_last_holds_since_it_changed(
    board: ConditionBoard, clock: StandingClock
) -> None:
    board.report("disk", ok=True)
    clock.moment += timedelta(hours=1)
    board.report("disk", ok=False, text="91 % full")
    clock.moment += timedelta(hours=1)
    board.report("disk", ok=False, text="99 % full", severity=Severity.CRITICAL)
    (disk,) = board.conditions()
    assert (disk.ok, disk.text, disk.severity) == (False, "99 % full", Severity.CRITICAL)
    assert disk.since == START + timedelta(hours=1)


def test_they_come_by_name_and_can_be_forgotten(board: ConditionBoard) -> None:
    board.report("token:b", ok=True)
    board.report("token:a", ok=True)
    board.report("clock", ok=True)
    assert [each.name for each in board.conditions()] == ["clock", "token:a", "token:b"]
    board.forget("token:a")
    board.forget("never known")
    assert [(each.name, each.subject) for each in board.conditions()] == [
        ("clock", "clock"),
        ("token:b", "token"),
    ]


def test_they_are_numbers_for_prometheus(board: ConditionBoard) -> None:
    board.report("disk", ok=False)
    board.report("token:a", ok=True)
    lines = prometheus.render(board.families()).splitlines()
    assert lines[2:] == [
        'hearth_condition_ok{condition="disk"} 0',
        'hearth_condition_ok{condition="token:a"} 1',
    ]


def test_a_severity_has_a_rank() -> None:
    assert sorted(Severity, key=lambda each: each.rank) == [
        Severity.NOTICE,
        Severity.WARNING,
        Severity.CRITICAL,
    ]
