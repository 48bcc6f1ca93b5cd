"""Import: a database of step-ca becomes one of ours, all of it or nothing.

    source ─ read, every row judged ─ beside the target, written and indexed ─ read again and
    compared ─ renamed to the target

What was begun and cut off is a directory `….importing` beside the target, and is begun anew. The
source is read twice and never written.
"""

import os
import shutil
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Final

from appliance.authority import importing, row_forms
from appliance.authority.importing import Origin
from appliance.config import placing
from appliance.config.placing import NewFile
from appliance.config.step_directory import StepDirectory
from appliance.formats.embedded import Row, Unreadable
from appliance.formats.timeorduration import format_time
from appliance.issuance.issuers import Issuer
from appliance.model.errors import Broken, ConfigError, Conflict
from appliance.ports.store import Store
from appliance.server import material, moving, source
from appliance.server.source import Source
from appliance.stores.directory import Claim, StoreAbsent
from appliance.stores.leveldb import open_store

_BATCH: Final = 500  # rows a transaction
_TOLD: Final = 1000  # things that a report lists one by one; all are counted


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """Something about one row. The key is as text, what is not in hexadecimal."""

    table: str
    key: str
    text: str


@dataclass(slots=True, kw_only=True)
class Report:
    """What became of every row. `damaged` were taken as they are, though their value looks wrong.

    `unreadable` and `damaged` list the first ones; the counts are of all.
    """

    source: str
    target: Path
    imported: Counter[str] = field(default_factory=Counter)  # by table
    skipped: Counter[tuple[str, str]] = field(default_factory=Counter)  # by table and reason
    unreadable: list[Remark] = field(default_factory=list)
    unreadable_count: int = 0
    damaged: list[Remark] = field(default_factory=list)
    damaged_count: int = 0
    notes: list[str] = field(default_factory=list)
    certificates: int = 0  # in the index
    verified: int = 0  # rows read back and compared
    written: bool = False

    def lose(self, lost: Unreadable) -> None:
        """Count something that cannot be read."""
        self.unreadable_count += 1
        if len(self.unreadable) < _TOLD:
            self.unreadable.append(Remark(table=lost.table, key=_shown(lost.key), text=lost.reason))

    def suspect(self, row: Row, problem: str) -> None:
        """Count a row that is taken and looks wrong."""
        self.damaged_count += 1
        if len(self.damaged) < _TOLD:
            self.damaged.append(Remark(table=row.table, key=_shown(row.key), text=problem))


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be imported, to where. `leave_out`: do it though something cannot be read.

    `whole`: the target is a new step directory, with its files and the database; else it is the
    database alone.
    """

    found: StepDirectory
    target: Path
    now: datetime
    whole: bool = False
    dry: bool = False
    leave_out: bool = False


async def import_database(order: Order) -> Report:
    """Import, or only look; the report says which.

    With something unreadable and not `leave_out`, nothing is written. Raises Conflict when there
    is something at the target, Unavailable while step-ca has its database open, FormatError for
    one that cannot be read at all, ConfigError, Broken when ours cannot be written.
    """
    _check_free(order.target)
    files = moving.files(order.found, order.target) if order.whole else []
    with source.opened(order.found, int(order.now.timestamp())) as opened:
        report = Report(source=opened.description, target=order.target, notes=[*opened.notes])
        issuers = _issuers(order.found, report)
        if order.dry:
            for each in opened.rows():
                _judge(each, report, issuers)
            return report
        beside = order.target.with_name(f"{order.target.name}.importing")
        _clear(beside)
        try:
            database = beside
            if order.whole:
                beside.mkdir(mode=0o700, parents=True)
                database = beside / moving.DATABASE
            await _build(order, opened, database, report, issuers)
            if report.unreadable_count and not order.leave_out:
                return report
            _place(beside, order, [replace(each, path=beside / each.path) for each in files])
        finally:
            _clear(beside)
    report.written = True
    return report


async def _build(
    order: Order, opened: Source, beside: Path, report: Report, issuers: Sequence[Issuer]
) -> None:
    """Write a database and compare it with the source."""
    store = await open_store(beside)
    try:
        batch: list[Row] = []
        for each in opened.rows():
            row = _judge(each, report, issuers)
            if row is None:
                continue
            batch.append(row)
            if len(batch) == _BATCH:
                await importing.take(store, batch)
                batch.clear()
        await importing.take(store, batch)
        if report.unreadable_count and not order.leave_out:
            return
        origin = Origin(
            source=str(order.found.database),
            kind=order.found.kind,
            at=format_time(order.now),
            rows=report.imported.total(),
        )
        report.certificates = await importing.complete(store, origin)
        await _compare(opened, store, report)
    finally:
        await store.aclose()


def _judge(each: Row | Unreadable, report: Report, issuers: Sequence[Issuer]) -> Row | None:
    """Count what was read; give the row if it is to be taken."""
    if isinstance(each, Unreadable):
        report.lose(each)
        return None
    if reason := importing.reason_to_skip(each):
        report.skipped[each.table, reason] += 1
        return None
    report.imported[each.table] += 1
    if problem := row_forms.problem(each.table, each.key, each.value, issuers):
        report.suspect(each, problem)
    return each


async def _compare(opened: Source, store: Store, report: Report) -> None:
    """Read everything again and see that it is in the store, octet by octet. Raises Broken."""
    for each in opened.rows():
        if isinstance(each, Unreadable) or importing.reason_to_skip(each):
            continue
        if await store.get(each.table, each.key) != each.value:
            raise Broken(
                "a row was not written as it was read; nothing was imported",
                detail=f"{each.table}/{_shown(each.key)}",
            )
        report.verified += 1
    if report.verified != report.imported.total():
        raise Broken("the database has changed while it was read; nothing was imported")


def _issuers(found: StepDirectory, report: Report) -> list[Issuer]:
    """Read the intermediate that signed most certificates, to hold them against it."""
    told = str(next((v for k, v in found.members.items() if k.lower() == "crt"), ""))
    file = Path(told.replace(str(found.former), str(found.folder), 1))
    try:
        return [material.read_issuer(file)]
    except ConfigError as error:
        report.notes.append(f"signatures of certificates were not looked at: {error}")
    return []


def _check_free(target: Path) -> None:
    try:
        if not target.exists() or (target.is_dir() and not any(target.iterdir())):
            return
    except OSError as error:
        raise Broken(f"{target} cannot be looked at: {error.strerror}") from error
    raise Conflict(
        f"there is something at {target} already, and an import replaces nothing: stop the CA and "
        "move it away, or name another place"
    )


def _place(beside: Path, order: Order, files: Sequence[NewFile]) -> None:
    """Put the other files to the finished database; then all of it gets its name and its owner."""
    if files:
        placing.place(files)
    try:
        owner = order.found.database.stat()
        if os.geteuid() == 0:
            for each in (beside, *beside.rglob("*")):
                os.chown(each, owner.st_uid, owner.st_gid)
        beside.rename(order.target)
        _sync(order.target.parent)
    except OSError as error:
        raise Broken(f"{order.target} cannot be made: {error.strerror}") from error


def _sync(directory: Path) -> None:
    """Have the names in a directory written to disk."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _clear(beside: Path) -> None:
    """Remove what an import that was cut off has left. Raises Unavailable for one under way."""
    if not beside.exists():
        return
    with suppress(StoreAbsent):
        Claim(beside, create=False).release()
    try:
        shutil.rmtree(beside)
    except OSError as error:
        raise Broken(f"{beside} cannot be removed: {error.strerror}") from error


def _shown(key: bytes) -> str:
    text = key.decode(errors="backslashreplace")
    return text if text.isprintable() else key.hex()
