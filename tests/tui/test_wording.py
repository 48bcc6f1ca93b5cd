"""How the console says times, spans, names and serials."""

from datetime import UTC, datetime, timedelta

import pytest
from rich.cells import cell_len

from appliance.model.events import EventKind
from tests.support.sample_operator import NOW, event, serial_of
from tui import wording
from tui.wording import Calendar

CALENDAR = Calendar(zone=UTC, now=NOW)


@pytest.mark.parametrize(
    ("length", "said"),
    [
        (timedelta(), "0 s"),
        (timedelta(milliseconds=41), "41 ms"),
        (timedelta(seconds=45), "45 s"),
        (timedelta(minutes=5), "5 min"),
        (timedelta(hours=24, minutes=1), "24 h"),
        (timedelta(days=90), "90 d"),
        (timedelta(days=3650), "10 y"),
    ],
)
def test_a_span_is_one_rounded_number(length: timedelta, said: str) -> None:
    assert wording.span(length) == said


@pytest.mark.parametrize(
    ("length", "said"),
    [
        (timedelta(seconds=-5), "0 s"),
        (timedelta(seconds=59), "59 s"),
        (timedelta(hours=3, minutes=12, seconds=50), "3 h 12 min"),
        (timedelta(days=12, minutes=3), "12 d"),
        (timedelta(days=366), "1 y 1 d"),
    ],
)
def test_a_long_span_has_its_two_largest_units(length: timedelta, said: str) -> None:
    assert wording.long_span(length) == said


@pytest.mark.parametrize(
    ("at", "said"),
    [
        (NOW, "14:02:11"),
        (NOW - timedelta(days=1), "20 Nov"),
        (datetime(2025, 3, 1, tzinfo=UTC), "Mar 2025"),
    ],
)
def test_a_time_of_another_day_is_said_as_a_day(at: datetime, said: str) -> None:
    assert CALENDAR.brief(at) == said


def test_times_are_relative_with_the_absolute_one_in_full() -> None:
    assert CALENDAR.relative(NOW + timedelta(hours=23)) == "in 23 h"
    assert CALENDAR.relative(NOW - timedelta(minutes=5)) == "5 min ago"
    assert CALENDAR.relative(NOW) == "just now"
    assert CALENDAR.full(NOW) == "2026-11-21 14:02:11 UTC"


def test_nothing_from_a_certificate_steers_the_terminal() -> None:
    """Names come from strangers: escapes, line ends and changes of direction are replaced."""
    assert wording.printable("a\x1b[2Jb\nc\u202ed") == "a�[2Jb�c�d"
    assert wording.printable("bücher.example") == "bücher.example"


@pytest.mark.parametrize(
    "text", ["short", "exactly ten", "a name that is too long", "漢字漢字漢字"]
)
@pytest.mark.parametrize("width", [1, 8, 10, 30])
def test_a_cell_is_exactly_as_wide_as_its_column(text: str, width: int) -> None:
    assert cell_len(wording.fit(text, width)) == width
    assert cell_len(wording.fit_right(text, width)) == width


def test_a_serial_shows_its_end_as_people_compare_it() -> None:
    assert wording.serial_end(12_345_678_901_234) == "…78901234"
    assert wording.serial_end(7) == "…00000007"
    assert wording.serial_end(None) == ""
    assert wording.serial_end(serial_of(1)) == f"…{str(serial_of(1))[-8:]}"


@pytest.mark.parametrize(
    ("width", "said"),
    [
        (40, "git.home.arpa, code.home.arpa, 192.0.2.9"),
        (33, "git.home.arpa, code.home.arpa +1"),
        (20, "git.home.arpa +2"),
        (10, "git.ho… +2"),
    ],
)
def test_a_subject_shows_as_many_names_as_fit_and_counts_the_rest(width: int, said: str) -> None:
    sans = ("git.home.arpa", "code.home.arpa", "192.0.2.9")
    assert wording.subject(event(1, EventKind.ISSUED, "git.home.arpa", *sans), width) == said


def test_a_request_without_names_says_so() -> None:
    assert wording.subject(event(1, EventKind.ISSUED, ""), 20) == "no name"
