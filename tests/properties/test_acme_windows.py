"""Renewal windows: within a certificate's life, its own, side by side (RFC 9773 4.2)."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.issuance.acme import certificate_ids, windows
from appliance.issuance.acme.windows import Reason
from appliance.model.errors import FormatError
from appliance.model.validity import Validity

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
NAMES = st.binary(min_size=8, max_size=30)
LENGTHS = st.integers(2, 400 * 86400).map(lambda seconds: timedelta(seconds=seconds))
OFFSETS = st.integers(-400 * 86400, 400 * 86400).map(lambda seconds: timedelta(seconds=seconds))
LIVES = st.builds(
    lambda name, length: windows.Life(name=name, begin=NOW, end=NOW + length), NAMES, LENGTHS
)


@given(LIVES, st.none() | OFFSETS, st.none() | OFFSETS)
def test_a_window_lies_within_the_life_and_ends_after_it_begins(
    life: windows.Life, revoked: timedelta | None, goes: timedelta | None
) -> None:
    found = windows.window(
        life,
        revoked=None if revoked is None else min(NOW + revoked, life.end),
        issuer_goes=None if goes is None else NOW + goes,
    )
    assert life.begin <= found.start < found.end <= life.end
    assert found.start.microsecond == found.end.microsecond == 0


@given(LIVES, OFFSETS)
def test_the_window_of_a_revoked_certificate_is_past(life: windows.Life, after: timedelta) -> None:
    revoked = max(life.begin + timedelta(seconds=1), min(NOW + abs(after), life.end))
    found = windows.window(life, revoked=revoked, issuer_goes=NOW)
    assert found.end <= revoked
    assert found.reason is Reason.REVOKED


@given(LIVES, OFFSETS)
def test_an_issuer_that_goes_brings_the_window_forward_and_never_puts_it_off(
    life: windows.Life, goes: timedelta
) -> None:
    usual = windows.window(life)
    found = windows.window(life, issuer_goes=NOW + goes)
    assert found.start <= usual.start
    if found.reason is Reason.ISSUER:
        assert found.end <= max(life.begin, NOW + goes) + DAY
        assert found.start >= NOW + goes


@given(LIVES)
def test_the_usual_window_is_about_two_thirds_into_a_life(life: windows.Life) -> None:
    found = windows.window(life)
    slack = timedelta(seconds=2)
    assert life.begin + life.length * 0.60 - slack <= found.start
    assert found.end <= life.begin + life.length * 0.73 + slack


@given(LIVES)
def test_who_asks_is_told_to_look_again_before_the_window_is_over(life: windows.Life) -> None:
    again = windows.look_again(life)
    assert timedelta(minutes=1) <= again <= timedelta(hours=6)
    assert again <= max(life.length / 24, timedelta(minutes=1))


@pytest.mark.parametrize("length", [timedelta(minutes=10), DAY, 90 * DAY])
@pytest.mark.parametrize("goes", [None, NOW])
def test_a_fleet_issued_in_one_second_does_not_come_at_once(
    length: timedelta, goes: datetime | None
) -> None:
    """Of 1000 certificates no twentieth of the spread has more than three times its share."""
    found = sorted(
        windows.window(
            windows.Life(name=bytes([each >> 8, each & 255]), begin=NOW, end=NOW + length),
            issuer_goes=goes,
        ).start
        for each in range(1000)
    )
    spread = found[-1] - found[0]
    assert spread > min(length / 16, DAY / 3)
    slots = [0] * 21
    for each in found:
        slots[int((each - found[0]) / spread * 20)] += 1
    assert max(slots) <= 150
    assert max(b - a for a, b in pairwise(found)) < spread / 20


def test_a_life_begins_when_the_certificate_was_issued_and_ends_with_its_issuer() -> None:
    validity = Validity(not_before=NOW - timedelta(minutes=1), not_after=NOW + DAY)
    issued, above = NOW + timedelta(microseconds=5), NOW + timedelta(hours=3)
    found = windows.life(b"x", validity, issued, above)
    assert (found.begin, found.end) == (NOW + timedelta(seconds=1), above)
    assert windows.window(found).end < above
    assert windows.life(b"x", validity, None, NOW + 9 * DAY).end == validity.not_after


@given(st.text(max_size=60) | st.from_regex(r"[A-Za-z0-9_-]{1,30}\.[A-Za-z0-9_-]{1,30}"))
def test_a_certificate_identifier_is_read_or_refused(text: str) -> None:
    try:
        key_id, serial = certificate_ids.read(text)
    except FormatError:
        return
    assert key_id
    assert serial > 0


def test_the_example_of_the_rfc_is_read() -> None:
    """RFC 9773 4.1: a serial whose first octet is a zero for the sign."""
    key_id, serial = certificate_ids.read("aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE")
    assert key_id.hex(":") == "69:88:5b:6b:87:46:40:41:e1:b3:7b:84:7b:a0:ae:2c:de:01:c8:d4"
    assert serial == 0x8765_4321
    assert certificate_ids.read("aYhba4dGQEHhs3uEe6CuLN4ByNQ.h2VDIQ")[1] == serial, "mod_md's"
    canonical = certificate_ids.canonical("aYhba4dGQEHhs3uEe6CuLN4ByNQ.h2VDIQ")
    assert canonical == "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE"
    for wrong in ("aYhba4dGQEHhs3uEe6CuLN4ByNQ.AACHZUMh", "aYhb.AAAAAQ", "aYhb.", ".AQ", "a.A="):
        with pytest.raises(FormatError):
            certificate_ids.read(wrong)
