"""A renewal is late by the habit of who renews, not by how near the end is."""

from datetime import datetime, timedelta

import pytest

from appliance.authority.alerts import habits
from appliance.authority.alerts.habits import Line
from appliance.model.events import Event, EventKind
from appliance.model.inventory import CertificateKind
from tests.support.authority import START

DAY = timedelta(days=1)
LONG_AGO = START - 1000 * DAY


def line(lifetime: timedelta, *issued: timedelta) -> Line:
    """A line whose certificates were issued so long after its start."""
    found: Line | None = None
    for serial, each in enumerate(issued):
        new = Line(
            kind=CertificateKind.X509, names=("a.example",), serial=serial,
            issued_at=START + each, not_after=START + each + lifetime,
        )  # fmt: skip
        found = habits.continued(found, new)
    assert found is not None
    return found


def rules(at: Line, when: datetime, able_since: datetime = LONG_AGO) -> list[str]:
    return [each.rule for each in habits.findings(at, when, able_since)]


def test_what_was_never_renewed_is_never_late() -> None:
    assert rules(line(DAY, timedelta()), START + 10 * DAY) == []


def test_a_second_try_is_no_habit() -> None:
    twice = line(90 * DAY, timedelta(), timedelta(minutes=1))
    assert twice.usual_wait is None
    assert rules(twice, START + 100 * DAY) == []


@pytest.mark.parametrize("unit", [timedelta(minutes=5), DAY, 90 * DAY, 365 * DAY])
def test_late_is_half_way_from_the_usual_time_to_the_end(unit: timedelta) -> None:
    usual = line(unit, unit * 0, unit * 0.6, unit * 1.2)
    newest = START + unit * 1.2
    assert rules(usual, newest + unit * 0.79) == []
    assert rules(usual, newest + unit * 0.81) == ["renewal-late"]
    silence = min(max(unit / 2, timedelta(hours=1)), timedelta(days=7))
    assert rules(usual, newest + unit + silence * 0.9) == ["renewal-late"]
    assert rules(usual, newest + unit + silence * 1.1) == ["renewal-late", "host-quiet"]


def test_who_always_renews_after_the_end_is_not_late_at_the_end() -> None:
    usual = line(DAY, *(timedelta(hours=30 * n) for n in range(5)))
    assert rules(usual, START + timedelta(hours=120 + 30)) == []
    assert "renewal-late" in rules(usual, START + timedelta(hours=120 + 34))


def test_one_late_renewal_among_many_is_no_habit() -> None:
    hours = [0, 16, 32, 48, 64, 164, 180]
    assert line(DAY, *(timedelta(hours=n) for n in hours)).usual_wait == pytest.approx(16 / 24)


def test_two_kinds_of_key_for_the_same_names_are_one_habit() -> None:
    pairs = [60 * DAY * n + timedelta(minutes=m) for n in range(4) for m in (0, 2)]
    assert line(90 * DAY, *pairs).usual_wait == pytest.approx(2 / 3, abs=0.01)


def test_while_the_ca_was_away_nobody_could_renew() -> None:
    usual = line(DAY, timedelta(), timedelta(hours=16), timedelta(hours=32))
    when = START + timedelta(hours=32 + 23)
    assert rules(usual, when) == ["renewal-late"]
    assert rules(usual, when, able_since=when - timedelta(hours=1)) == []
    later = when + timedelta(hours=3)
    assert rules(usual, later, able_since=when - timedelta(hours=1)) == ["renewal-late"]


def test_a_line_is_forgotten_a_month_after_it_went_quiet() -> None:
    usual = line(DAY, timedelta(), timedelta(hours=16), timedelta(hours=32))
    assert usual.quiet_at is not None
    assert rules(usual, usual.quiet_at + 29 * DAY) == ["renewal-late", "host-quiet"]
    assert rules(usual, usual.quiet_at + 31 * DAY) == []


def issued(**changes: object) -> Event:
    fields: dict[str, object] = {
        "at": START, "kind": EventKind.ISSUED, "operation": "sign", "subject": "a.example",
        "sans": ("b.example", "a.example"), "serial": 7, "not_after": START + DAY,
    }  # fmt: skip
    return Event(**(fields | changes))  # type: ignore[arg-type]


def test_the_order_of_names_does_not_matter_and_the_kind_does() -> None:
    one = habits.of_event(issued())
    other = habits.of_event(issued(sans=("a.example", "b.example"), subject="", serial=8))
    host = habits.of_event(issued(operation="ssh-sign", certificate_type="host"))
    assert one is not None
    assert other is not None
    assert host is not None
    assert one.key == other.key != host.key
    assert (one.title, host.title) == ("a.example, b.example", "a.example, b.example (SSH)")


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": EventKind.REFUSED},
        {"serial": None},
        {"provisioner_type": "OIDC"},
        {"operation": "ssh-sign", "certificate_type": "user"},
        {"subject": "", "sans": ()},
    ],
)
def test_people_and_what_is_no_issuance_are_not_followed(changes: dict[str, object]) -> None:
    assert habits.of_event(issued(**changes)) is None
