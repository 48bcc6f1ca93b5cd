"""Backups as the operator at the box has them: listed, made now, proven.

A place may be another machine that is slow or gone, so it is asked beside, and what it said last is
what is told. Which backup was proven, and when, is remembered in the database.

    hearth_backup_proofs    name of the backup → BackupProof, in JSON
"""

import os
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, final

import msgspec
import trio

from appliance.config.backup import read_place
from appliance.config.settings import Settings
from appliance.config.showing import written
from appliance.model.backups import (
    SUFFIX,
    BackupOrder,
    BackupPlace,
    BackupProof,
    BackupReport,
    BackupRow,
    Keep,
    ProofOrder,
)
from appliance.model.errors import BadRequest, FormatError, HearthError, NotSupported
from appliance.model.secret import Password
from appliance.model.work import Work, WorkKind
from appliance.ports.chance import Chance
from appliance.ports.clock import Clock
from appliance.ports.places import Place
from appliance.ports.store import Put, SnapshotStore, Store
from appliance.server.backup import contents, keeping, making, opening, schedule, verifying
from appliance.server.backup.keeping import KeptBackup
from appliance.server.backup.schedule import Schedule
from appliance.server.works import Progress, WorkDesk

PROOFS: Final = "hearth_backup_proofs"
_STALE: Final = timedelta(minutes=1)
_LISTING: Final = 60.0  # seconds


@final
class BackupDesk:
    """Backups of the configuration at work. `password` opens the CA's keys."""

    def __init__(
        self,
        settings: Callable[[], Settings],
        store: Store,
        planned: Schedule,
        works: WorkDesk,
        *,
        clock: Clock,
        chance: Chance,
        password: Password | None,
    ) -> None:
        self._settings = settings
        self._store = store
        self._planned = planned
        self._works = works
        self._clock = clock
        self._chance = chance
        self._password = password
        self._nursery: trio.Nursery | None = None
        self._place: BackupPlace | None = None  # the one that was listed
        self._listed: tuple[KeptBackup, ...] = ()
        self._listed_at: datetime | None = None
        self._problem = ""
        self._is_listing = False
        self._made = 0  # by the schedule when it was listed

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Let places be asked, until cancelled."""
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            task_status.started()
            await trio.sleep_forever()

    async def report(self) -> BackupReport:
        """Give what is known, and ask the place meanwhile if that is old. Raises Broken."""
        plan = self._settings().backup
        if plan is None:
            return BackupReport()
        if plan.place != self._place:
            self._place, self._listed, self._listed_at, self._problem = plan.place, (), None, ""
        if self._is_stale and not self._is_listing and self._nursery is not None:
            self._is_listing = True
            self._nursery.start_soon(self._list, plan.place)
        proofs = await self._proofs()
        return BackupReport(
            place=written(plan.place),
            every=plan.every,
            keep=plan.keep,
            with_keys=plan.with_keys,
            due=self._planned.due,
            rows=tuple(
                BackupRow(
                    name=str(each.name),
                    made_at=each.name.made_at,
                    size=each.size,
                    proof=proofs.get(str(each.name)),
                )
                for each in reversed(self._listed)
            ),
            listed_at=self._listed_at,
            problem=self._problem,
            failure=self._planned.failure,
        )

    def begin_backup(self, order: BackupOrder) -> Work:
        """Make a backup. Raises BadRequest, NotSupported."""
        settings = self._settings()
        if not isinstance(self._store, SnapshotStore):
            raise NotSupported("this CA has no `db` to back up")
        if not order.place:
            if settings.backup is None:
                raise BadRequest("where? ca.json has no `backup`: name a directory, sftp:// or s3:")
            subject = written(settings.backup.place)
            return self._works.begin(WorkKind.BACKUP, subject, self._make_planned)
        if order.passphrase and len(order.passphrase.encode()) < making.SHORTEST:
            raise BadRequest(f"the passphrase needs {making.SHORTEST} characters or more")
        place = _read_place(order.place)

        async def make(progress: Progress) -> None:
            await self._make_elsewhere(order, place, progress)

        return self._works.begin(WorkKind.BACKUP, written(place), make)

    def begin_proof(self, order: ProofOrder) -> Work:
        """Prove a backup. Raises BadRequest."""
        if not order.name:
            raise BadRequest("which backup?")

        async def prove(progress: Progress) -> None:
            await self._prove(order, progress)

        return self._works.begin(WorkKind.PROOF, order.name, prove)

    # ---- making

    async def _make_planned(self, progress: Progress) -> None:
        progress.stage("the rows of the database are read")
        stored, place = await self._planned.make(progress.done)
        progress.told(f"{stored.name} in {place}", *_what(stored.made))
        if stored.removed:
            progress.told(f"{len(stored.removed)} older ones were removed, as `keep` says")

    async def _make_elsewhere(
        self, order: BackupOrder, wanted: BackupPlace, progress: Progress
    ) -> None:
        settings, now = self._settings(), self._clock.now()
        passphrase = Password(order.passphrase.encode()) if order.passphrase else None
        place = await self._opened(settings, wanted)
        collected = await trio.to_thread.run_sync(
            lambda: contents.collect(settings, now, with_keys=passphrase is not None)
        )
        progress.stage("the rows of the database are read")
        async with schedule.rows_of(self._store, progress.done) as rows:
            stored = await keeping.store(place, collected, rows, passphrase, self._chance, Keep())
        progress.told(f"{stored.name} in {place.description}", *_what(stored.made))
        self._listed_at = None  # it may be the place that is listed

    # ---- proving

    async def _prove(self, order: ProofOrder, progress: Progress) -> None:
        settings = self._settings()
        progress.stage("it is fetched")
        async with self._fetched(settings, order.name) as file:
            progress.stage("every part is read against its checksum")
            given = await self._passphrase(settings, file, order)
            examined, size = await verifying.examine(file, given)
            proof = await verifying.prove(
                examined,
                self._password,
                issue=True,
                clock=self._clock,
                chance=self._chance,
                stage=progress.stage,
            )
        rows = f"{examined.end.rows} rows and {examined.end.files} files, {size} octets: whole"
        opened = f"{len(examined.sealed)} keys opened" if examined.sealed else ""
        issued = (
            f"a test certificate was issued from it: serial {proof.serial}"
            if proof.serial is not None
            else f"no test certificate: {proof.reason}"
        )
        told = [each for each in (rows, opened, issued) if each]
        progress.told(*told)
        kept = BackupProof(at=self._clock.now(), text="; ".join(told))
        row = Put(PROOFS, Path(order.name).name.encode(), msgspec.json.encode(kept))
        await self._store.commit([row])

    @asynccontextmanager
    async def _fetched(self, settings: Settings, name: str) -> AsyncIterator[Path]:
        """Give the file of a backup: a path, or fetched from the place of ca.json for a while."""
        if "/" in name:
            yield Path(name)
            return
        if settings.backup is None:
            raise BadRequest(f"where is {name}? ca.json has no `backup`: name a file")
        place = await self._opened(settings, settings.backup.place)
        with tempfile.TemporaryDirectory(prefix="hearth-backup-") as directory:
            file = Path(directory) / "backup"
            await place.get(name, file)
            yield file

    async def _passphrase(
        self, settings: Settings, file: Path, order: ProofOrder
    ) -> Password | None:
        """Give what opens the keys in it, if that is known; the rest can be proven without."""
        about = await trio.to_thread.run_sync(opening.peek, file)
        if not about.has_secrets:
            return None
        if order.passphrase:
            return Password(order.passphrase.encode())
        if settings.backup is None:
            return None
        return await trio.to_thread.run_sync(schedule.passphrase_of, settings.backup)

    # ---- listing

    @property
    def _is_stale(self) -> bool:
        if self._listed_at is None or self._made != self._planned.made:
            return True
        return self._clock.now() - self._listed_at > _STALE

    async def _list(self, wanted: BackupPlace) -> None:
        found: tuple[KeptBackup, ...] = ()
        problem, made = "", self._planned.made
        try:
            with trio.fail_after(_LISTING):
                place = await self._opened(self._settings(), wanted)
                found = tuple(await keeping.kept(place))
        except trio.TooSlowError:
            problem = f"no answer within {_LISTING:.0f} seconds"
        except HearthError as error:
            problem = error.public
        finally:
            self._is_listing = False
        if wanted == self._place:
            self._problem, self._listed_at, self._made = problem, self._clock.now(), made
            self._listed = self._listed if problem else found

    async def _opened(self, settings: Settings, place: BackupPlace) -> Place:
        authorities = await trio.to_thread.run_sync(keeping.own_authorities, settings)
        return keeping.open_place(place, os.environ, authorities)

    async def _proofs(self) -> Mapping[str, BackupProof]:
        found = {}
        for key, value in await self._store.scan(PROOFS):
            try:
                proof = msgspec.json.decode(value, type=BackupProof)
            except msgspec.DecodeError:
                continue
            found[key.decode(errors="replace")] = proof
        return found


def _what(made: making.Made) -> tuple[str, ...]:
    sealed = f", {made.sealed} keys sealed in it" if made.sealed else ", without keys"
    return (f"{made.rows} rows and {made.files} files, {made.size} octets{sealed}",)


def _read_place(text: str) -> BackupPlace:
    """Read where to. Raises BadRequest."""
    if text.endswith(SUFFIX):
        raise BadRequest("name the directory: the backup's own name has the time in it")
    if "://" not in text and not Path(text).is_absolute():
        raise BadRequest("name the whole path, from / on: the server has a directory of its own")
    try:
        return read_place(text)
    except FormatError as error:
        raise BadRequest(error.public) from error
