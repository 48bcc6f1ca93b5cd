"""`hearth db`: the database of a CA is read, compacted, measured and repaired."""

from collections import defaultdict
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import click
import msgspec
import trio

from appliance.authority import reindexing
from appliance.cli.appliance_source import with_appliance
from appliance.cli.ca_json import ca_json
from appliance.cli.clock import SystemClock
from appliance.cli.command import StepCommand, StepGroup
from appliance.cli.ownership import as_owner, owned_store
from appliance.cli.running import which_ca
from appliance.config.loading import load
from appliance.config.settings import LevelDbSettings
from appliance.model.errors import Broken, NotSupported
from appliance.model.upkeep import DatabaseStats
from appliance.server.upkeep import Database, StoredDatabase
from appliance.stores.repair import Repair, repair

T = TypeVar("T")
_MEGABYTE: Final = 2**20

db = StepGroup(
    "db",
    help=(
        "Look after the database of a CA, on the CA's own machine, as its user or as root.\n\n"
        "\b\nExamples:\n"
        "  $ hearth db stats\n"
        "  $ hearth db scrub\n"
        "  $ hearth db repair"
    ),
)


@db.command("stats", cls=StepCommand)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@which_ca
def stats(*, as_json: bool, ca_config: str | None, **_: Any) -> None:
    """Show how large the database is, what room there is, and what keeps the CA from issuing.

    \b
    Example:
      $ hearth db stats
    """

    async def use(database: Database) -> DatabaseStats:
        return await database.database()

    found = _with_database(ca_config, use)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(found), indent=2).decode())
        return
    click.echo(f"{found.directory}: {found.files} files, {_megabytes(found.octets)}")
    click.echo(
        f"{_megabytes(found.free)} are free; below {_megabytes(found.refuse_below)} nothing is "
        "issued"
    )
    if found.failure:
        click.echo(f"a write failed: {found.failure}")
    for each in found.barred:
        click.echo(each)


@db.command("scrub", cls=StepCommand)
@which_ca
def scrub(*, ca_config: str | None, **_: Any) -> None:
    """Read all of the database with its checksums, and say what cannot be read.

    It goes on while the CA serves. The exit code is 1 when there is damage; `hearth db repair`
    then makes the best of it.

    \b
    Example:
      $ hearth db scrub
    """
    rows: defaultdict[str, int] = defaultdict(int)
    octets: defaultdict[str, int] = defaultdict(int)
    problems: list[str] = []

    async def use(database: Database) -> None:
        start = b""
        while True:
            part = await database.scrub_database(start)
            for each in part.sizes:
                rows[each.bucket] += each.rows
                octets[each.bucket] += each.octets
            problems.extend(part.problems)
            start = part.next
            if not start:
                return

    _with_database(ca_config, use)
    for bucket in sorted(rows):
        click.echo(f"{bucket}: {rows[bucket]} rows, {octets[bucket]} octets")
    for each in problems:
        click.echo(each, err=True)
    if problems:
        raise Broken("the database has rows that cannot be read: see hearth db repair")
    click.echo(f"{sum(rows.values())} rows are whole")


@db.command("compact", cls=StepCommand)
@which_ca
def compact(*, ca_config: str | None, **_: Any) -> None:
    """Give back the room of what was removed. The server does so by itself when it is much.

    \b
    Example:
      $ hearth db compact
    """

    async def use(database: Database) -> tuple[DatabaseStats, DatabaseStats]:
        before = await database.database()
        await database.compact_database()
        return before, await database.database()

    before, after = _with_database(ca_config, use)
    click.echo(f"{_megabytes(before.octets)} became {_megabytes(after.octets)}")


@db.command("repair", cls=StepCommand)
@which_ca
def repair_(*, ca_config: str | None, **_: Any) -> None:
    """Make a damaged database one that opens, and say what is lost.

    The server must be stopped. Where there is damage, the directory as it was is kept beside it,
    and nothing in it is changed. What was lost may have been certificates, revocations or used
    tokens: where there is a backup that is young enough, restore that instead.

    \b
    Example:
      $ hearth db repair
    """
    directory = _directory(ca_json(ca_config))
    with as_owner(directory):
        done = repair(directory, SystemClock().now())
    if done.kept is None:
        click.echo("the database is whole: nothing was done")
        return
    indexed = trio.run(_indexed, directory)
    _tell(done, indexed)


async def _indexed(directory: Path) -> int:
    """Make index rows anew of certificates that have lost theirs."""
    async with owned_store(directory, create=False) as store:
        await reindexing.begin_anew(store)
        return await reindexing.complete(store)


def _tell(done: Repair, indexed: int) -> None:
    for each in done.problems:
        click.echo(each)
    click.echo("the database opens again, without what could not be read")
    if indexed:
        click.echo(f"{indexed} certificates are in the inventory again")
    click.echo(f"as it was, it is in {done.kept}")
    click.echo("hearth log verify says whether events are missing")


def _with_database(ca_config: str | None, use: Callable[[Database], Awaitable[T]]) -> T:
    return with_appliance(
        ca_json(ca_config),
        StoredDatabase,
        use,
    )


def _directory(file: Path) -> Path:
    database = load(file).database
    if not isinstance(database, LevelDbSettings):
        raise NotSupported(f"{file} has no `db`: there is nothing to repair")
    return database.directory


def _megabytes(octets: int) -> str:
    return f"{octets / _MEGABYTE:.1f} MB"
