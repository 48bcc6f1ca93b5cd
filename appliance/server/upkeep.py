"""The box looks after its clock, its disk and its database, until it is told otherwise.

every 5 s     the clock, the room on the disk, and a database that a failed write has closed
every hour    what may be forgotten; when much was, the database is compacted
"""

import logging
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Final, Protocol, final

import trio

from appliance.authority import retention
from appliance.authority.diskguard import DiskGuard
from appliance.authority.gate import Bar, IssuanceGate
from appliance.authority.kinds import SOUGHT_IN_VAIN
from appliance.authority.timeguard import TimeGuard
from appliance.config.settings import LevelDbSettings, Settings
from appliance.model.conditions import Severity
from appliance.model.errors import HearthError, NotSupported
from appliance.model.upkeep import ClockStatus, DatabaseStats, ScrubPart
from appliance.ports.conditions import ConditionSink
from appliance.ports.store import LearningStore, MaintainedStore, Store
from appliance.ports.timekeeping import Timekeeper
from appliance.provisioners.tokens import LEEWAY
from appliance.server import disk
from appliance.server.clock import SystemTimekeeper

log = logging.getLogger(__name__)

_LOOK: Final = 5.0  # seconds
_ROUND: Final = 3600.0
_MUCH: Final = 20_000  # things removed, after which their room is worth a compaction
_LEEWAY: Final = timedelta(seconds=LEEWAY)


@final
class Upkeep:
    """Looks after the box that the CA runs on."""

    def __init__(
        self,
        store: Store,
        gate: IssuanceGate,
        conditions: ConditionSink,
        settings: Callable[[], Settings],
        timekeeper: Timekeeper | None = None,
    ) -> None:
        self._store, self._gate, self._conditions = store, gate, conditions
        self._settings = settings
        self._timekeeper = timekeeper or SystemTimekeeper()
        self._time = TimeGuard(store, gate, conditions)
        self._disk = DiskGuard(gate, conditions)
        self._removed = 0  # since the last compaction

    async def begin(self) -> None:
        """Look once, before anything is served. Raises Broken."""
        self._configure()
        await self._time.load(self._timekeeper.read())
        self._look_at_disk()

    async def learn(self) -> None:
        """Have the store know what there is where mostly nothing is found."""
        if isinstance(self._store, LearningStore):
            try:
                await self._store.learn(SOUGHT_IN_VAIN)
            except HearthError as error:
                log.warning("the keys of the database: %s", error)

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        due = trio.current_time() + _ROUND
        while True:
            await trio.sleep(_LOOK)
            try:
                await self.look()
                if trio.current_time() >= due:
                    due = trio.current_time() + _ROUND
                    await self.tidy()
            except HearthError as error:
                log.warning("the upkeep of the database: %s", error)

    async def look(self) -> None:
        """Look at clock, disk and database. Raises Broken."""
        self._configure()
        reading = self._timekeeper.read()
        self._time.look(reading)
        self._look_at_disk()
        await self._look_at_store()
        await self._time.keep(reading.wall)

    async def tidy(self) -> None:
        """Remove what is kept no longer, unless the clock is in doubt. Raises Broken."""
        if not self._time.is_believed:
            log.warning("nothing is removed by its time: the clock is in doubt")
            return
        now = self._timekeeper.read().wall
        self._removed += await retention.tidy(
            self._store, self._settings().retention, now, leeway=_LEEWAY
        )
        if self._removed >= _MUCH and isinstance(self._store, MaintainedStore):
            self._removed = 0
            await self._store.compact()
            await self.learn()  # without what is gone

    # ---- what an operator asks

    def clock(self) -> ClockStatus:
        """Say how the clock is."""
        return self._time.status(self._timekeeper.read())

    async def confirm_clock(self) -> ClockStatus:
        """Take the time for right. Raises Broken."""
        return await self._time.confirm(self._timekeeper.read())

    def stats(self) -> DatabaseStats:
        """Say how large the database is. Raises NotSupported without one."""
        return database_stats(
            directory_of(self._settings()),
            refuse_below=self._disk.settings.refuse_below,
            failure=maintained(self._store).failure,
            barred=tuple(self._gate.bars.values()),
        )

    async def scrub(self, start: bytes) -> ScrubPart:
        """Read a part of the database with its checksums. Raises NotSupported, Broken."""
        part = await maintained(self._store).scrub(start)
        if part.problems:
            self._conditions.report(
                "database",
                ok=False,
                text="rows of the database cannot be read: `hearth db scrub` says which",
                severity=Severity.CRITICAL,
            )
        elif not start and not part.next:
            self._conditions.report("database", ok=True)
        return part

    async def compact(self) -> None:
        """Give back the room of what was removed. Raises NotSupported, Broken."""
        await maintained(self._store).compact()

    # ---- looking

    def _configure(self) -> None:
        settings = self._settings()
        self._time.configure(settings.clock)
        self._disk.configure(settings.disk)

    def _look_at_disk(self) -> None:
        database = self._settings().database
        if isinstance(database, LevelDbSettings):
            self._disk.look(disk.room(database.directory))

    async def _look_at_store(self) -> None:
        """Open the database again after a failed write, once there is room."""
        store = self._store
        if not isinstance(store, MaintainedStore) or not (store.failure or self._is_shut):
            return
        sentence = (
            "the database could not be written: nothing is issued until it could be opened again"
        )
        self._gate.close(Bar.STORE, sentence)
        self._conditions.report("store", ok=False, text=sentence, severity=Severity.CRITICAL)
        if Bar.DISK in self._gate.bars:
            return
        await store.recover()
        if not store.failure:
            self._gate.open(Bar.STORE)
            self._conditions.report("store", ok=True)
            log.warning("the database was opened again after a failed write")

    @property
    def _is_shut(self) -> bool:
        return Bar.STORE in self._gate.bars


def database_stats(
    directory: Path, *, refuse_below: int, failure: str = "", barred: tuple[str, ...] = ()
) -> DatabaseStats:
    """Say how large the files of a database are, and what room is left."""
    sizes = []
    for each in directory.iterdir():
        try:
            sizes.append(each.stat().st_size)
        except OSError:  # a table that was replaced meanwhile
            continue
    room = disk.room(directory)
    return DatabaseStats(
        directory=str(directory),
        files=len(sizes),
        octets=sum(sizes),
        free=room.free if room else 0,
        refuse_below=refuse_below,
        failure=failure,
        barred=barred,
    )


class Database(Protocol):
    """The part of an Operator that is about the database."""

    async def database(self) -> DatabaseStats:
        """Say how large it is."""
        ...

    async def scrub_database(self, start: bytes = b"") -> ScrubPart:
        """Read a part of it with its checksums."""
        ...

    async def compact_database(self) -> None:
        """Give back the room of what was removed."""
        ...


@final
class StoredDatabase:
    """That of a CA that does not run."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store, self._settings = store, settings

    async def database(self) -> DatabaseStats:
        """Say how large it is. Raises NotSupported."""
        directory = directory_of(self._settings)
        return database_stats(directory, refuse_below=self._settings.disk.refuse_below)

    async def scrub_database(self, start: bytes = b"") -> ScrubPart:
        """Read a part of it with its checksums. Raises NotSupported, Broken."""
        return await maintained(self._store).scrub(start)

    async def compact_database(self) -> None:
        """Give back the room of what was removed. Raises NotSupported, Broken."""
        await maintained(self._store).compact()


def maintained(store: Store) -> MaintainedStore:
    """Give a store as one with files. Raises NotSupported."""
    if not isinstance(store, MaintainedStore):
        raise NotSupported("this CA has no `db`")
    return store


def directory_of(settings: Settings) -> Path:
    """Give where the database is. Raises NotSupported."""
    if not isinstance(settings.database, LevelDbSettings):
        raise NotSupported("this CA has no `db`")
    return settings.database.directory
