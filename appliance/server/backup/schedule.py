"""Backups that the server makes by itself, as `backup` of ca.json says.

What is in the place says when the last one was made, so a restart loses nothing. The condition
`backup` tells how it stands: whoever watches conditions hears of a backup that failed.
"""

import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import Final, final

import trio

from appliance.config.settings import Settings
from appliance.formats.timeorduration import format_time
from appliance.model.backups import BackupPlan
from appliance.model.conditions import Severity
from appliance.model.errors import ConfigError, HearthError, NotSupported
from appliance.model.secret import Password
from appliance.ports.chance import Chance
from appliance.ports.clock import Clock
from appliance.ports.conditions import ConditionSink
from appliance.ports.places import Place
from appliance.ports.store import SnapshotStore, Store
from appliance.server.backup import contents, keeping, snapshots
from appliance.server.backup.contents import Contents
from appliance.server.backup.keeping import Stored

log = logging.getLogger(__name__)

CONDITION: Final = "backup"
_LOOK: Final = 30.0  # seconds; the wall clock can jump, so it is looked at often
_AGAIN: Final = timedelta(minutes=10)  # after a failure
_PATIENCE: Final = 2 * 3600.0  # seconds that one backup may take


@final
class Schedule:
    """Makes backups when they are due. `settings` gives the configuration at work."""

    def __init__(
        self,
        settings: Callable[[], Settings],
        store: Store,
        clock: Clock,
        chance: Chance,
        conditions: ConditionSink,
    ) -> None:
        self._settings = settings
        self._store = store
        self._clock = clock
        self._chance = chance
        self._conditions = conditions
        self._plan: BackupPlan | None = None
        self._due: datetime | None = None  # None: not known yet
        self._newest: datetime | None = None  # None: there is none, or not known yet
        self._turn = trio.Lock()
        self.failure = ""  # why the last one failed, for the operator
        self.made = 0  # since the start

    @property
    def due(self) -> datetime | None:
        """Give when the next one is made; None: there is no plan, or it is not known yet."""
        return self._due

    async def run(self) -> None:
        """Make backups until cancelled."""
        while True:
            await self.look()
            await trio.sleep(_LOOK)

    async def look(self) -> None:
        """Make a backup if one is due now."""
        settings, now = self._settings(), self._clock.now()
        plan = settings.backup
        if plan != self._plan:
            self._plan, self._due, self._newest = plan, None, None
            if plan is None:
                self._conditions.forget(CONDITION)
        if plan is None or (self._due is not None and now < self._due <= now + plan.every):
            return
        try:
            with trio.fail_after(_PATIENCE):
                async with self._turn:
                    await self._attempt(settings, plan, now)
        except trio.TooSlowError:
            self._failed(plan, now, "it took more than two hours")
        except HearthError as error:
            self._failed(plan, now, str(error))
        except Exception:
            log.exception("a backup met a fault")
            self._failed(plan, now, "a fault of this program; the log has the details")

    async def make(self, read: Callable[[int], None]) -> tuple[Stored, str]:
        """Make one now, due or not; `read` is told of octets of rows. Gives it and its place.

        Raises NotSupported without a plan, and what making it raises.
        """
        settings, now = self._settings(), self._clock.now()
        if (plan := settings.backup) is None:
            raise NotSupported("ca.json has no `backup`: name a place")
        async with self._turn:
            try:
                place, collected = await _prepared(settings, plan, now)
                return await self._make(plan, place, collected, read), place.description
            except HearthError as error:
                self._failed(plan, now, str(error))
                raise

    async def _attempt(self, settings: Settings, plan: BackupPlan, now: datetime) -> None:
        place, collected = await _prepared(settings, plan, now)
        if self._due is None:
            there = await keeping.kept(place, collected.name.authority)
            last = keeping.newest(there)
            self._newest = last.name.made_at if last else None
            if last is not None and now < last.name.made_at + plan.every:
                self._succeeded(plan, min(last.name.made_at, now))
                return
        await self._make(plan, place, collected)

    async def _make(
        self,
        plan: BackupPlan,
        place: Place,
        collected: Contents,
        read: Callable[[int], None] = lambda _octets: None,
    ) -> Stored:
        passphrase = await trio.to_thread.run_sync(passphrase_of, plan)
        async with rows_of(self._store, read) as rows:
            stored = await keeping.store(
                place, collected, rows, passphrase, self._chance, plan.keep
            )
        log.info(
            "backup %s: %d rows, %d octets, in %s; %d older ones removed",
            stored.name,
            stored.made.rows,
            stored.made.size,
            place.description,
            len(stored.removed),
        )
        self._succeeded(plan, collected.name.made_at)
        self.made += 1
        return stored

    def _succeeded(self, plan: BackupPlan, made_at: datetime) -> None:
        self._due, self._newest, self.failure = made_at + plan.every, made_at, ""
        text = f"last backup at {_shown(made_at)}"
        self._conditions.report(CONDITION, ok=True, text=text)

    def _failed(self, plan: BackupPlan, now: datetime, reason: str) -> None:
        self._due, self.failure = now + min(_AGAIN, plan.every), reason
        log.warning("the backup failed: %s", reason)
        before = f"the one before is of {_shown(self._newest)}" if self._newest else "none is known"
        text = f"the last backup failed, and the log says why; {before}"
        self._conditions.report(CONDITION, ok=False, text=text, severity=Severity.WARNING)


def _shown(moment: datetime) -> str:
    return format_time(moment.replace(microsecond=0))


async def _prepared(settings: Settings, plan: BackupPlan, now: datetime) -> tuple[Place, Contents]:
    """Open the place, and read what goes into a backup of now beside the rows."""
    authorities = await trio.to_thread.run_sync(keeping.own_authorities, settings)
    place = keeping.open_place(plan.place, os.environ, authorities)
    collect = partial(contents.collect, settings, now, with_keys=plan.with_keys)
    return place, await trio.to_thread.run_sync(collect)


@asynccontextmanager
async def rows_of(
    store: Store, read: Callable[[int], None]
) -> AsyncIterator[Callable[[], Awaitable[bytes]]]:
    """Give what reads a store's rows of this moment, packed; `read` is told how much it was.

    Raises NotSupported.
    """
    if not isinstance(store, SnapshotStore):
        raise NotSupported("this database cannot be backed up while it is in use")
    snapshot = store.snapshot()

    async def rows() -> bytes:
        packed = await snapshots.packed(snapshot)
        read(len(packed))
        return packed

    try:
        yield rows
    finally:
        await snapshot.aclose()


def passphrase_of(plan: BackupPlan) -> Password | None:
    """Read what the keys in backups are sealed with. Raises ConfigError."""
    if plan.passphrase is None:
        return None
    try:
        return Password.from_file_content(plan.passphrase.read_bytes())
    except OSError as error:
        raise ConfigError(
            f"the passphrase of backups cannot be read: {error.strerror}",
            file=str(plan.passphrase),
        ) from error
