"""Backups that the server makes by itself, as `backup` of ca.json says.

What is in the place says when the last one was made, so a restart loses nothing. The condition
`backup` tells how it stands: whoever watches conditions hears of a backup that failed.
"""

import logging
import os
from collections.abc import Callable
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
from appliance.ports.store import SnapshotStore, Store
from appliance.server.backup import contents, keeping, snapshots
from appliance.server.backup.contents import Contents

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
                await self._attempt(settings, plan, now)
        except trio.TooSlowError:
            self._failed(plan, now, "it took more than two hours")
        except HearthError as error:
            self._failed(plan, now, str(error))
        except Exception:
            log.exception("a backup met a fault")
            self._failed(plan, now, "a fault of this program; the log has the details")

    async def _attempt(self, settings: Settings, plan: BackupPlan, now: datetime) -> None:
        authorities = await trio.to_thread.run_sync(keeping.own_authorities, settings)
        place = keeping.open_place(plan.place, os.environ, authorities)
        collect = partial(contents.collect, settings, now, with_keys=plan.with_keys)
        collected: Contents = await trio.to_thread.run_sync(collect)
        if self._due is None:
            there = await keeping.kept(place, collected.name.authority)
            last = keeping.newest(there)
            self._newest = last.name.made_at if last else None
            if last is not None and now < last.name.made_at + plan.every:
                self._succeeded(plan, min(last.name.made_at, now))
                return
        if not isinstance(self._store, SnapshotStore):
            raise NotSupported("this database cannot be backed up while it is in use")
        passphrase = await trio.to_thread.run_sync(_passphrase, plan)
        snapshot = self._store.snapshot()
        try:
            stored = await keeping.store(
                place,
                collected,
                lambda: snapshots.packed(snapshot),
                passphrase,
                self._chance,
                plan.keep,
            )
        finally:
            await snapshot.aclose()
        log.info(
            "backup %s: %d rows, %d octets, in %s; %d older ones removed",
            stored.name,
            stored.made.rows,
            stored.made.size,
            place.description,
            len(stored.removed),
        )
        self._succeeded(plan, now)

    def _succeeded(self, plan: BackupPlan, made_at: datetime) -> None:
        self._due, self._newest = made_at + plan.every, made_at
        text = f"last backup at {_shown(made_at)}"
        self._conditions.report(CONDITION, ok=True, text=text)

    def _failed(self, plan: BackupPlan, now: datetime, reason: str) -> None:
        self._due = now + min(_AGAIN, plan.every)
        log.warning("the backup failed: %s", reason)
        before = f"the one before is of {_shown(self._newest)}" if self._newest else "none is known"
        text = f"the last backup failed, and the log says why; {before}"
        self._conditions.report(CONDITION, ok=False, text=text, severity=Severity.WARNING)


def _shown(moment: datetime) -> str:
    return format_time(moment.replace(microsecond=0))


def _passphrase(plan: BackupPlan) -> Password | None:
    if plan.passphrase is None:
        return None
    try:
        return Password.from_file_content(plan.passphrase.read_bytes())
    except OSError as error:
        raise ConfigError(
            f"the passphrase of backups cannot be read: {error.strerror}",
            file=str(plan.passphrase),
        ) from error
