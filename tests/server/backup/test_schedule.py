"""Backups that the server makes by itself: when they are due, where they go, and how it stands."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from appliance.config import loading
from appliance.config.settings import Settings
from appliance.model.conditions import Severity
from appliance.ports.store import Store
from appliance.server.backup.schedule import CONDITION, Schedule
from appliance.stores.leveldb import open_store
from appliance.stores.memory import MemoryStore
from tests.server.conftest import Authority, Start
from tests.support.authority import StandingClock, SystemChance

HOUR = timedelta(hours=1)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@dataclass(slots=True)
class Conditions:
    """What was said last of how backups stand."""

    history: list[tuple[bool, str] | None] = field(default_factory=list)

    @property
    def said(self) -> tuple[bool, str] | None:
        return self.history[-1] if self.history else None

    def report(
        self, name: str, *, ok: bool, text: str = "", severity: Severity = Severity.WARNING
    ) -> None:
        assert (name, severity) == (CONDITION, Severity.WARNING)
        self.history.append((ok, text))

    def forget(self, name: str) -> None:
        assert name == CONDITION
        self.history.append(None)


class House:
    """An authority whose ca.json says how backups are made, a clock, and what makes them."""

    def __init__(self, authority: Authority, store: Store) -> None:
        self.authority, self.store = authority, store
        self.place = authority.directory / "place"
        self.clock, self.conditions = StandingClock(NOON), Conditions()
        self.configure(every="6h")
        self.start()

    def configure(self, **backup: object) -> None:
        self.authority.configure(backup={"to": str(self.place), **backup})
        self.settings: Settings = loading.load(self.authority.file)

    def start(self) -> None:
        """Begin as a new process does."""
        self.schedule = Schedule(
            lambda: self.settings, self.store, self.clock, SystemChance(), self.conditions
        )

    async def look(self, later: timedelta = timedelta()) -> list[str]:
        """Let time go by, look, and give the times of the backups that are there."""
        self.clock.moment += later
        await self.schedule.look()
        found = sorted(self.place.iterdir()) if self.place.is_dir() else []
        return [each.name.split("-")[2].split(".")[0] for each in found if each.suffix]


@pytest.fixture
async def house(authority: Authority) -> AsyncIterator[House]:
    store = await open_store(authority.directory / "db")
    yield House(authority, store)
    await store.aclose()


async def test_one_is_made_when_it_is_due_and_not_before(house: House) -> None:
    assert await house.look() == ["20260301T120000Z"]
    assert house.conditions.said == (True, "last backup at 2026-03-01T12:00:00Z")
    assert len(await house.look(6 * HOUR - timedelta(seconds=1))) == 1
    assert await house.look(timedelta(seconds=1)) == ["20260301T120000Z", "20260301T180000Z"]


async def test_a_new_process_goes_by_what_is_in_the_place(house: House) -> None:
    await house.look()
    house.start()
    house.conditions.history.clear()
    assert len(await house.look(5 * HOUR)) == 1
    assert house.conditions.said == (True, "last backup at 2026-03-01T12:00:00Z")
    house.start()
    assert len(await house.look(HOUR)) == 2


async def test_what_need_not_stay_is_removed_and_backups_of_others_are_not(house: House) -> None:
    house.configure(every="6h", keep={"last": 2})
    house.place.mkdir()
    other = house.place / "other-00000000-20200101T000000Z.hearth-backup"
    other.write_bytes(b"")
    for _ in range(3):
        await house.look(6 * HOUR)
    assert await house.look(6 * HOUR) == [
        "20200101T000000Z",
        "20260302T060000Z",
        "20260302T120000Z",
    ]


async def test_a_failure_is_told_tried_again_and_over_when_it_is_over(house: House) -> None:
    """Told with the age of the one that there is: an old backup is better known than trusted."""
    await house.look()
    house.place.rename(house.place.with_name("away"))
    house.place.write_text("in the way")
    await house.look(6 * HOUR)
    assert house.conditions.said == (
        False,
        "the last backup failed, and the log says why; the one before is of 2026-03-01T12:00:00Z",
    )
    await house.look(5 * HOUR / 60)
    assert len(house.conditions.history) == 2  # not tried again yet
    house.place.unlink()
    house.place.with_name("away").rename(house.place)
    assert await house.look(5 * HOUR / 60) == ["20260301T120000Z", "20260301T181000Z"]
    assert house.conditions.said == (True, "last backup at 2026-03-01T18:10:00Z")


async def test_keys_are_in_it_where_there_is_a_passphrase_and_its_loss_is_a_failure(
    house: House,
) -> None:
    passphrase = house.authority.directory / "pass"
    house.configure(passphraseFile=str(passphrase))
    await house.look()
    assert house.conditions.said == (
        False, "the last backup failed, and the log says why; none is known"
    )  # fmt: skip
    assert not house.place.exists()
    passphrase.write_text("correct horse battery")
    await house.look(HOUR)
    (made,) = house.place.iterdir()
    assert b"PBES2" not in made.read_bytes()
    assert b"eyJ" in made.read_bytes()


async def test_a_clock_that_jumps_back_does_not_stop_backups(house: House) -> None:
    await house.look()
    house.clock.moment -= timedelta(days=9000)
    assert len(await house.look()) == 2


async def test_a_changed_plan_takes_over_and_none_is_no_condition(house: House) -> None:
    await house.look()
    house.place = house.authority.directory / "other"
    house.configure(every="6h")
    assert await house.look(HOUR) == ["20260301T130000Z"]
    house.authority.configure()
    house.settings = loading.load(house.authority.file)
    await house.look(24 * HOUR)
    assert house.conditions.said is None


async def test_a_store_that_cannot_be_read_at_one_moment_is_told(authority: Authority) -> None:
    house = House(authority, MemoryStore())
    await house.look()
    assert house.conditions.said is not None
    assert not house.conditions.said[0]


async def test_the_server_makes_them_and_health_tells(start: Start, authority: Authority) -> None:
    place = authority.directory / "place"
    authority.configure(backup={"to": str(place)})
    async with start() as appliance:
        await appliance.output.wait_for("rows, ")
        answer = (await appliance.client.get("/health?verbose")).json()
        (made,) = place.iterdir()
    (condition,) = [each for each in answer["conditions"] if each["name"] == CONDITION]
    assert condition["ok"]
    assert made.suffix == ".hearth-backup"
    assert json.dumps(answer).count(str(Path(place))) == 0  # anybody may read it
