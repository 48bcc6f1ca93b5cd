"""Each alert is told once, again when it is worse, and when it is over; what passes is not told."""

from datetime import timedelta

import pytest

from appliance.authority.alerts.changes import Told, told
from appliance.model.alerts import Alert, Change, Finding, Mute
from appliance.model.conditions import Severity
from tests.support.authority import START

MINUTE = timedelta(minutes=1)


class Story:
    """Findings minute by minute, and what was told of them."""

    def __init__(self, hold: timedelta = timedelta()) -> None:
        self.open: dict[str, Alert] = {}
        self.mutes: list[Mute] = []
        self.hold = hold
        self.minute = 0

    def look(self, *found: Finding) -> list[str]:
        now = START + self.minute * MINUTE
        self.minute += 1
        outcome: Told = told(
            self.open, found, now, mutes=self.mutes, holds=lambda rule: self.hold
        )  # fmt: skip
        self.open = dict(outcome.open)
        return [change.value for change, _ in outcome.notices]


def disk(severity: Severity = Severity.WARNING) -> Finding:
    return Finding(name="disk", since=START, text="full", severity=severity)


def test_it_is_told_once_and_when_it_is_over() -> None:
    story = Story()
    assert [story.look(disk()), story.look(disk()), story.look(), story.look()] == [
        ["firing"], [], ["recovered"], [],
    ]  # fmt: skip


def test_it_is_told_again_when_it_gets_worse_and_not_when_it_gets_better() -> None:
    story = Story()
    assert story.look(disk()) == ["firing"]
    assert story.look(disk(Severity.CRITICAL)) == ["firing"]
    assert story.look(disk()) == []


def test_what_comes_and_goes_within_its_hold_is_not_told() -> None:
    story = Story(hold=3 * MINUTE)
    assert [story.look(disk()), story.look(disk()), story.look()] == [[], [], []]


def test_what_flaps_is_one_alert() -> None:
    story = Story(hold=2 * MINUTE)
    assert [story.look(disk()) for _ in range(3)] == [[], [], ["firing"]]
    assert [story.look(), story.look(disk()), story.look(), story.look(disk())] == [[]] * 4
    assert [story.look(), story.look(), story.look()] == [[], [], ["recovered"]]


@pytest.mark.parametrize("name", ["disk", "*"])
def test_a_muted_alert_is_told_when_the_mute_ends_and_it_still_is(name: str) -> None:
    story = Story()
    story.mutes = [Mute(name=name, until=START + 2 * MINUTE)]
    assert [story.look(disk()), story.look(disk()), story.look(disk())] == [[], [], ["firing"]]
    assert story.look() == ["recovered"]


def test_of_what_was_never_told_no_recovery_is_told() -> None:
    story = Story()
    story.mutes = [Mute(name="disk")]
    assert [story.look(disk()), story.look()] == [[], []]


def test_a_mute_of_a_rule_covers_all_that_it_finds() -> None:
    mute = Mute(name="host-quiet")
    assert mute.covers("host-quiet:a.example", START)
    assert not mute.covers("renewal-late:a.example", START)
    assert not Mute(name="host-quiet:b", until=None).covers("host-quiet:a", START)


def test_a_change_says_what_it_is() -> None:
    assert [each.value for each in Change] == ["firing", "recovered", "noted", "test"]
