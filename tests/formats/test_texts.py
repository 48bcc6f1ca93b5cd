"""Durations, times and serial numbers are read as Go and step read them."""

from datetime import UTC, datetime, timedelta

import pytest

from appliance.formats import goduration, serial, timeorduration
from appliance.model.errors import FormatError

NOW = datetime(2030, 6, 1, 12, 0, 0, 500, UTC)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("24h", 86400),
        ("1h30m", 5400),
        ("-1.5h", -5400),
        ("+5s", 5),
        (".5s", 0.5),
        ("1.s", 1),
        ("100ms", 0.1),
        ("1us", 1e-6),
        ("1\u00b5s", 1e-6),
        ("1\u03bcs", 1e-6),
        ("1999ns", 1e-6),
        ("1s1s", 2),
    ],
)
def test_durations_as_go_reads_them(text: str, seconds: float) -> None:
    assert goduration.parse(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text",
    ["", "+", "1", "h", ".s", "1d", "1 h", "1h ", "1H", "1.2.3s", "--1s", "2562048h", "9" * 300]
    + ["1٣s"],
)
def test_other_durations_are_refused(text: str) -> None:
    with pytest.raises(FormatError, match="invalid duration"):
        goduration.parse(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (90000 + 60, "25h1m0s"),
        (3600, "1h0m0s"),
        (60, "1m0s"),
        (1.5, "1.5s"),
        (0.02, "20ms"),
        (0.0015, "1.5ms"),
        (3e-6, "3µs"),
        (-3661, "-1h1m1s"),
        (3600.000001, "1h0m0.000001s"),
    ],
)
def test_durations_as_go_writes_them(seconds: float, text: str) -> None:
    assert goduration.format_duration(timedelta(seconds=seconds)) == text
    assert goduration.parse(text) == timedelta(seconds=seconds)


def test_the_longest_durations() -> None:
    longest = timedelta(microseconds=9_223_372_036_854_775)
    assert goduration.parse("2562047h47m16.854775807s") == longest
    assert goduration.parse("-2562047h47m16.854775808s") == -longest
    with pytest.raises(FormatError):
        goduration.parse("2562047h47m16.854775808s")


def test_an_end_of_validity_is_a_time_a_duration_or_nothing() -> None:
    assert timeorduration.parse("") is None
    assert timeorduration.parse("0s") is None
    assert timeorduration.parse("-5m") == timedelta(minutes=-5)
    assert timeorduration.parse("2030-01-31T12:00:00Z") == datetime(2030, 1, 31, 12, tzinfo=UTC)
    assert timeorduration.parse("2030-01-31T12:00:00.25+02:30") == datetime(
        2030, 1, 31, 9, 30, 0, 250000, UTC
    )


@pytest.mark.parametrize(
    "text",
    ["tomorrow", "2030-01-31", "2030-01-31T12:00:00", "2030-01-31t12:00:00z", "2030-1-31T12:00:00Z"]
    + ["2030-02-30T12:00:00Z", "2030-01-31T12:00:60Z", "2030-01-31T12:00:00+25:00", "5", "1d"]
    + ["2030-01-31T12:00:00,5Z", "0000-01-01T00:00:00Z", "9999-12-31T23:59:59-01:00", " 1h"],
)
def test_other_ends_are_refused(text: str) -> None:
    with pytest.raises(FormatError):
        timeorduration.parse(text)


def test_a_duration_counts_from_now_where_it_is_used_now() -> None:
    assert timeorduration.moment("", now=NOW) is None
    assert timeorduration.moment("0s", now=NOW) == NOW
    assert timeorduration.moment("1h", now=NOW) == NOW + timedelta(hours=1)
    assert timeorduration.moment("2030-01-31T12:00:00Z", now=NOW) == datetime(
        2030, 1, 31, 12, tzinfo=UTC
    )
    with pytest.raises(FormatError, match="out of range"):
        timeorduration.moment("2000000h", now=datetime(9999, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        ("12345", 12345),
        ("0x1F", 31),
        ("0XfF", 255),
        ("0b101", 5),
        ("017", 15),
        ("0o17", 15),
        ("1_000", 1000),
        ("0x_ff", 255),
        ("-5", -5),
        ("+5", 5),
        ("00", 0),
        (str(2**128), 2**128),
    ],
)
def test_serial_numbers_in_every_base(text: str, number: int) -> None:
    assert serial.parse(text) == number


@pytest.mark.parametrize(
    "text", ["", "x", "0x", "1f", "08", "1__0", "_1", "1_", " 1", "1 ", "٣", "1.0", "1" * 700]
)
def test_other_serial_numbers_are_refused(text: str) -> None:
    with pytest.raises(FormatError, match="not a valid serial number"):
        serial.parse(text)
