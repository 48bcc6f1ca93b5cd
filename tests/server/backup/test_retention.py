"""Which backups stay, decided by their names; and how backups are called."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.model.backups import BackupName, Keep
from appliance.server.backup.retention import superfluous

NOW = datetime(2026, 3, 31, 12, tzinfo=UTC)


def name(made_at: datetime) -> BackupName:
    return BackupName(authority="home-1f2e3d4c", made_at=made_at)


def daily(days: int) -> list[BackupName]:
    """A backup at noon and one at six in the morning of each of so many days, up to now."""
    noons = [NOW - timedelta(days=day) for day in range(days)]
    return [name(each) for noon in noons for each in (noon, noon - timedelta(hours=6))]


def staying(names: list[BackupName], keep: Keep) -> list[datetime]:
    gone = superfluous(names, keep)
    assert gone == sorted(gone, key=lambda each: each.made_at)
    return sorted((each.made_at for each in names if each not in gone), reverse=True)


def test_without_a_number_all_stay() -> None:
    assert superfluous(daily(400), Keep()) == []


def test_the_newest_stay() -> None:
    found = staying(daily(10), Keep(last=3))
    assert found == [NOW, NOW - timedelta(hours=6), NOW - timedelta(days=1)]


def test_the_newest_of_each_day_stays() -> None:
    assert staying(daily(10), Keep(daily=3)) == [NOW - timedelta(days=day) for day in range(3)]


def test_the_newest_of_each_week_stays() -> None:
    """The weeks of ISO 8601 begin on Mondays; NOW is a Tuesday."""
    found = staying(daily(30), Keep(weekly=3))
    assert found == [NOW, NOW - timedelta(days=2), NOW - timedelta(days=9)]


def test_the_newest_of_each_month_stays() -> None:
    found = staying(daily(400), Keep(monthly=12))
    assert len(found) == 12
    assert [each.month for each in found] == [3, 2, 1, 12, 11, 10, 9, 8, 7, 6, 5, 4]
    assert all((each + timedelta(days=1)).day == 1 for each in found[1:])


def test_numbers_go_together() -> None:
    found = staying(daily(400), Keep(last=2, daily=7, weekly=4, monthly=12))
    assert len(found) <= 2 + 7 + 4 + 12
    assert set(staying(daily(400), Keep(monthly=12))) <= set(found)


@given(
    st.lists(st.integers(0, 10_000), unique=True, max_size=40),
    st.builds(
        Keep, last=st.integers(0, 5), daily=st.integers(0, 5), weekly=st.integers(0, 5),
        monthly=st.integers(0, 5),
    ),
)  # fmt: skip
def test_the_newest_always_stays_and_what_went_once_would_go_again(
    hours: list[int], keep: Keep
) -> None:
    names = [name(NOW - timedelta(hours=each)) for each in hours]
    gone = superfluous(names, keep)
    left = [each for each in names if each not in gone]
    assert not names or max(names, key=lambda each: each.made_at) in left
    assert superfluous(left, keep) == []


@pytest.mark.parametrize(
    ("common_name", "label"),
    [
        ("Home Root CA", "home-root-ca"),
        ("  Müller & Söhne  ", "m-ller-s-hne"),
        ("../../etc", "etc"),
        ("日本", "ca"),
        ("x" * 100, "x" * 40),
    ],
)
def test_a_name_tells_the_ca_and_the_time(common_name: str, label: str) -> None:
    made = BackupName.of(common_name, "1f2e3d4c" * 8, NOW)
    assert str(made) == f"{label}-1f2e3d4c-20260331T120000Z.hearth-backup"
    assert BackupName.parse(str(made)) == made


@pytest.mark.parametrize(
    "text",
    ["", "x", "a-20260331T120000Z", "a-20261331T120000Z.hearth-backup", ".a-x.hearth-backup",
     "A-20260331T120000Z.hearth-backup", "a-20260331T120000Z.hearth-backup.partial"],
)  # fmt: skip
def test_files_of_other_names_are_no_backups(text: str) -> None:
    assert BackupName.parse(text) is None
