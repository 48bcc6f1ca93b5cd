"""Import: a database of step-ca becomes one of ours, all of it or nothing.

    source ─ read, every row judged ─ beside the target, written and indexed ─ read again and
    compared ─ renamed to the target

What was begun and cut off is a directory `….importing` beside the target, and is begun anew. The
source is read twice and never written. A database of ours that is there already keeps its rows.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Final

from appliance.authority import importing, row_forms
from appliance.authority.importing import Origin
from appliance.config.step_directory import StepDirectory
from appliance.formats.embedded import Row, Unreadable
from appliance.formats.timeorduration import format_time
from appliance.issuance.issuers import Issuer
from appliance.model.errors import Broken, ConfigError, Conflict
from appliance.ports.store import Store
from appliance.server import import_target, material, moving, source
from appliance.server.import_target import Target
from appliance.server.source import Source
from appliance.stores.leveldb import open_store

_BATCH: Final = 500  # rows a transaction
_HELD: Final = "it is here already, and newer"
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
    unknown_issuers: int = 0  # certificates whose signatures could not be looked at
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
    is something else at the target, Unavailable while step-ca has its database open, FormatError
    for one that cannot be read at all, ConfigError, Broken when ours cannot be written.
    """
    files = moving.files(order.found, order.target) if order.whole else []
    target = import_target.choose(order.target, whole=order.whole)
    with source.opened(order.found, int(order.now.timestamp())) as opened:
        report = Report(source=opened.description, target=order.target, notes=[*opened.notes])
        issuers = _issuers(order.found, report)
        if order.dry:
            for each in opened.rows():
                _judge(each, report, issuers)
            return report
        target.begin()
        try:
            await _build(order, opened, target, report, issuers)
            if report.unreadable_count and not order.leave_out:
                return report
            named = [replace(each, path=target.beside / each.path) for each in files]
            target.finish(named, order.found.database.stat())
        finally:
            target.clear()
    report.written = True
    if target.joins:
        report.notes.append(f"what {target.place} was before is kept in {target.kept}")
    return report


async def _build(
    order: Order, opened: Source, target: Target, report: Report, issuers: Sequence[Issuer]
) -> None:
    """Write a database and compare it with the source."""
    store = await open_store(target.database)
    try:
        if await importing.origin(store) is not None:
            raise Conflict(f"{target.place} was imported before")
        batch: list[Row] = []
        for each in opened.rows():
            row = _judge(each, report, issuers)
            if row is None or (target.joins and await _is_held(store, row, report)):
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


async def _is_held(store: Store, row: Row, report: Report) -> bool:
    """Say whether a row is here already, as something else: what happened here is newer."""
    held = await store.get(row.table, row.key)
    if held is None or held == row.value:
        return False
    report.imported[row.table] -= 1
    report.skipped[row.table, _HELD] += 1
    return True


def _judge(each: Row | Unreadable, report: Report, issuers: Sequence[Issuer]) -> Row | None:
    """Count what was read; give the row if it is to be taken."""
    if isinstance(each, Unreadable):
        report.lose(each)
        return None
    if reason := importing.reason_to_skip(each):
        report.skipped[each.table, reason] += 1
        return None
    report.imported[each.table] += 1
    problem = row_forms.problem(each.table, each.key, each.value, issuers)
    if problem == row_forms.UNKNOWN_ISSUER:
        report.unknown_issuers += 1
    elif problem:
        report.suspect(each, problem)
    return each


async def _compare(opened: Source, store: Store, report: Report) -> None:
    """Read everything again and see that it is in the store, octet by octet. Raises Broken."""
    for each in opened.rows():
        if isinstance(each, Unreadable) or importing.reason_to_skip(each):
            continue
        if await store.get(each.table, each.key) == each.value:
            report.verified += 1
        elif not report.skipped[each.table, _HELD]:
            raise Broken(
                "a row was not written as it was read; nothing was imported",
                detail=f"{each.table}/{_shown(each.key)}",
            )
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


def _shown(key: bytes) -> str:
    text = key.decode(errors="backslashreplace")
    return text if text.isprintable() else key.hex()
