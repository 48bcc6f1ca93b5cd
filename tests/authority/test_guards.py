"""The gate before issuing: a disk that is nearly full, and a clock that jumps both ways."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from appliance.authority import journal
from appliance.authority.conditions import ConditionBoard
from appliance.authority.diskguard import DiskGuard, Room
from appliance.authority.gate import Bar, IssuanceGate
from appliance.authority.journal import noted
from appliance.authority.timeguard import TimeGuard
from appliance.authority.x509 import SignRequest
from appliance.model.errors import Unavailable
from appliance.model.upkeep import ClockSettings, DiskSettings
from appliance.ports.store import Store
from appliance.ports.timekeeping import Reading
from appliance.stores.memory import MemoryStore
from tests.support.authority import CONTEXT, START, Appliance, StandingClock

MB = 2**20
SECOND, MINUTE, HOUR, DAY = (
    timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
)  # fmt: skip


@dataclass
class Box:
    """A machine with a clock, and a CA on it that is started again and again."""

    store: Store = field(default_factory=MemoryStore)
    settings: ClockSettings = field(default_factory=ClockSettings)
    wall: datetime = START
    elapsed: float = 100.0
    synchronized: bool | None = None

    def __post_init__(self) -> None:
        self.started()

    def started(self) -> None:
        self.gate = IssuanceGate()
        self.board = ConditionBoard(StandingClock())
        self.guard = TimeGuard(self.store, self.gate, self.board)
        self.guard.configure(self.settings)

    @property
    def reading(self) -> Reading:
        return Reading(wall=self.wall, elapsed=self.elapsed, synchronized=self.synchronized)

    async def boot(self, at: datetime) -> None:
        """Switch it off and on again, the clock as it then is."""
        self.started()
        self.wall, self.elapsed = at, 10.0
        await self.guard.load(self.reading)

    async def run(self, span: timedelta, step: timedelta = MINUTE) -> None:
        for _ in range(span // step):
            self.wall += step
            self.elapsed += step.total_seconds()
            self.guard.look(self.reading)
            await self.guard.keep(self.wall)

    def leap(self, span: timedelta) -> None:
        self.wall += span
        self.guard.look(self.reading)

    def signs(self) -> bool:
        return Bar.CLOCK not in self.gate.bars

    def believed(self) -> bool:
        return self.guard.is_believed

    def wrong(self) -> set[str]:
        return {each.name for each in self.board.conditions() if not each.ok}


async def test_a_box_that_boots_in_the_past_signs_when_the_time_is_right_again() -> None:
    box = Box()
    await box.boot(START)
    await box.run(2 * HOUR)
    await box.boot(datetime(1970, 1, 1, 0, 5, tzinfo=START.tzinfo))
    assert not box.signs()
    (sentence,) = box.gate.bars.values()
    assert "the clock shows 1970-01-01 00:05:00 UTC" in sentence
    assert "hearth clock confirm" in sentence
    with pytest.raises(Unavailable, match="has seen 2026-03-01"):
        box.gate.check_time()
    assert box.wrong() == {"clock"}
    await box.run(HOUR)
    assert not box.signs()
    box.leap(START + 4 * HOUR - box.wall)
    assert box.signs()
    assert box.wrong() == {"clock-leap"}, "nobody said yet that this time is true"
    box.synchronized = True
    await box.run(MINUTE)
    assert box.wrong() == set()
    assert box.believed()


async def test_what_was_written_last_is_known_however_the_box_ended() -> None:
    """The row may be ten minutes old: the journal has the time of what was acknowledged."""
    box = Box()
    await box.boot(START)
    late = START + 3 * HOUR
    await box.store.commit([journal.row(noted("test", late, "it happened"))])
    await box.boot(START + HOUR)
    assert not box.signs()
    box.leap(2 * HOUR)
    assert box.signs()


async def test_a_person_may_say_that_the_time_is_right() -> None:
    """A clock that was in 2099 for a day, with a certificate of that time in the journal."""
    box = Box()
    await box.boot(START)
    far = START + 73 * 365 * DAY
    await box.boot(far)
    await box.run(DAY + HOUR)
    assert box.believed()
    await box.store.commit([journal.row(noted("test", box.wall, "issued"))])
    await box.boot(START + 2 * DAY)
    assert not box.signs()
    status = await box.guard.confirm(box.reading)
    assert (status.problem, box.signs()) == ("", True)
    await box.boot(START + 3 * DAY)
    assert box.signs(), "the word holds after a start"
    await box.run(MINUTE)
    await box.boot(START + 2 * DAY)
    assert not box.signs(), "and there is a latest time again"


async def test_a_leap_ahead_is_told_removes_nothing_and_is_not_the_latest_time() -> None:
    box = Box()
    await box.boot(START)
    await box.run(HOUR)
    box.leap(3650 * DAY)
    assert box.signs(), "a machine that nobody tells the time is not locked out"
    assert box.wrong() == {"clock-leap"}
    assert not box.believed()
    assert box.guard.status(box.reading).ahead == 3650 * DAY
    await box.run(HOUR)
    assert box.guard.status(box.reading).highest == START + HOUR
    box.leap(-3650 * DAY)
    assert box.believed()
    assert box.wrong() == set()
    await box.run(HOUR)
    assert box.guard.status(box.reading).highest == box.wall
    box.leap(-MINUTE)
    assert box.signs(), "a step of a minute is nothing"
    box.leap(-DAY)
    assert not box.signs()


async def test_a_leap_is_believed_after_a_day_or_when_the_system_is_sure() -> None:
    for synchronized, patience in ((None, 25 * HOUR), (True, MINUTE)):
        box = Box()
        await box.boot(START)
        box.leap(30 * DAY)
        assert not box.believed()
        box.synchronized = synchronized
        await box.run(patience)
        assert box.believed()


async def test_sleep_is_no_leap_and_a_month_off_is_one() -> None:
    box = Box()
    await box.boot(START)
    await box.run(3 * DAY, step=DAY)
    assert box.believed()
    await box.boot(box.wall + 20 * DAY)
    assert box.believed()
    await box.boot(box.wall + 40 * DAY)
    assert not box.believed()
    assert box.signs()


async def test_a_clock_that_nobody_sets_is_told_and_refused_only_by_setting() -> None:
    box = Box(synchronized=False)
    await box.boot(START)
    await box.run(9 * MINUTE)
    assert box.wrong() == set()
    await box.run(2 * MINUTE)
    assert (box.wrong(), box.signs()) == ({"clock-sync"}, True)
    box.settings = ClockSettings(require_synchronized=True)
    await box.boot(START + HOUR)
    await box.run(9 * MINUTE)
    assert box.signs(), "within the grace"
    await box.run(2 * MINUTE)
    assert not box.signs()
    with pytest.raises(Unavailable, match="not synchronised"):
        box.gate.check()
    await box.guard.confirm(box.reading)
    await box.run(HOUR)
    assert box.signs()


def test_a_disk_that_fills_bars_issuing_and_opens_again_by_itself() -> None:
    gate, board = IssuanceGate(), ConditionBoard(StandingClock())
    guard = DiskGuard(gate, board)
    guard.configure(DiskSettings(warn_below=200 * MB, refuse_below=32 * MB))
    story = []
    for free in (300, 199, 33, 31, 33, 39, 41, 250):
        guard.look(Room(free=free * MB))
        (condition,) = board.conditions()
        story.append((free, bool(gate.bars), condition.ok))
    assert story == [
        (300, False, True), (199, False, False), (33, False, False), (31, True, False),
        (33, True, False), (39, True, False), (41, False, False), (250, False, True),
    ]  # fmt: skip
    guard.look(Room(free=900 * MB, files=3))
    with pytest.raises(Unavailable, match="room for 3 files") as raised:
        gate.check()
    assert raised.value.retry_after == 60
    guard.look(None)
    assert gate.bars, "what is not known changes nothing"
    gate.check_time()  # lists go on


async def test_a_closed_gate_uses_no_token_and_writes_nothing() -> None:
    ca = Appliance(entries=[])
    ca.x509.gate.close(Bar.DISK, "the disk is full")
    with pytest.raises(Unavailable, match="the disk is full"):
        await ca.x509.sign(SignRequest(csr=b"", token="t", context=CONTEXT))
    assert ca.events == []
