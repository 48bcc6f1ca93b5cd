"""`hearth import`: a step directory with its embedded database becomes one that Hearth serves."""

import json
from pathlib import Path
from typing import Any, Final

import click
import trio

from appliance.cli.clock import SystemClock
from appliance.cli.command import StepCommand
from appliance.config import step_directory
from appliance.config.step_directory import StepDirectory
from appliance.model.errors import BadRequest
from appliance.server.importing import Order, Remark, Report, import_database

_REFUSED: Final = 1
_SHOWN: Final = 20  # rows that the text names


@click.command("import", cls=StepCommand, no_context=True)
@click.argument("place", metavar="<directory>")
@click.option(
    "--to",
    metavar="<directory>",
    help="Make a new step directory here: the files of the old one, ca.json for it, the database.",
)
@click.option(
    "--database-only",
    is_flag=True,
    help="Make nothing but the database, where `hearth serve` with the old ca.json looks for it.",
)
@click.option(
    "--target", metavar="<directory>", help="With --database-only: make the database here."
)
@click.option(
    "--database",
    metavar="<path>",
    help="Where step-ca's database is, when it is not where ca.json says.",
)
@click.option("--dry-run", is_flag=True, help="Read everything and report; write nothing.")
@click.option(
    "--leave-out-unreadable",
    is_flag=True,
    help="Import the rest when something cannot be read.",
)
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", help="text or json."
)
def import_(
    *,
    place: str,
    to: str | None,
    database_only: bool,
    target: str | None,
    database: str | None,
    dry_run: bool,
    leave_out_unreadable: bool,
    form: str,
) -> int:
    """Take over a CA of step-ca whose database is a Badger or bbolt one.

    <directory> is its step directory, or its ca.json. Stop step-ca before. Everything in the
    database comes along: certificates, who granted them, revocations, used tokens, the number of
    the revocation list, SSH hosts and users, ACME accounts and orders. Each row is read with its
    checksum, written, and read back; the report accounts for every one. Nothing of the old
    directory is changed, so step-ca can be started again if need be.

    It is done whole or not at all: what was cut off is begun anew. Nothing is replaced.

    \b
    Exit codes: 0 when it was imported (with --dry-run: could be), 1 when it was not.

    \b
    Examples:
      $ hearth import /etc/step-ca --dry-run
      $ hearth import /etc/step-ca --to /var/lib/hearth
      $ hearth import /etc/step-ca --database-only && hearth serve /etc/step-ca/config/ca.json
    """
    if bool(to) == database_only and not (dry_run and not to):
        raise BadRequest(
            "say what to make: --to <directory> for a new step directory, or --database-only"
        )
    if target and not database_only:
        raise BadRequest("flag '--target' requires the '--database-only' flag")
    found = step_directory.find(Path(place), Path(database) if database else None)
    named = to or target
    order = Order(
        found=found,
        target=Path(named).absolute() if named else found.beside,
        now=SystemClock().now(),
        whole=bool(to),
        dry=dry_run,
        leave_out=leave_out_unreadable,
    )
    report = trio.run(import_database, order)
    if form == "json":
        click.echo(json.dumps(_members(report), indent=2, ensure_ascii=False))
    else:
        _tell(report, order)
    possible = leave_out_unreadable or not report.unreadable_count
    return 0 if possible else _REFUSED


def _tell(report: Report, order: Order) -> None:
    click.echo(f"{report.source}:")
    skipped: dict[str, int] = {}
    for (table, _), count in report.skipped.items():
        skipped[table] = skipped.get(table, 0) + count
    for table in sorted({*report.imported, *skipped}):
        left_out = f"  ({skipped[table]} skipped)" if table in skipped else ""
        click.echo(f"  {report.imported[table]:8}  {table}{left_out}")
    for (table, reason), count in sorted(report.skipped.items()):
        click.echo(f"skipped: {_rows(count)} of {table}: {reason}")
    for note in report.notes:
        click.echo(f"note: {note}")
    if report.unknown_issuers:
        click.echo(
            f"note: of {_rows(report.unknown_issuers)} of x509_certs the signature was not looked "
            "at: their issuers are not in ca.json"
        )
    _list("looks damaged, and was taken as it is", report.damaged, report.damaged_count)
    _list("cannot be read", report.unreadable, report.unreadable_count)
    click.echo(_outcome(report, order))


def _outcome(report: Report, order: Order) -> str:
    rows = _rows(report.imported.total())
    if report.written:
        done = f"{rows} written and compared, {report.certificates} certificates indexed"
        return f"{done}: {report.target}{_next_step(order)}"
    if report.unreadable_count and not order.leave_out:
        return (
            f"nothing was imported, since {report.unreadable_count} cannot be read: start step-ca "
            "once and stop it, which tidies up after a crash; or restore a backup; or import the "
            "rest with --leave-out-unreadable"
        )
    return f"{rows} can be imported; nothing was written"


def _next_step(order: Order) -> str:
    if order.whole:
        return f"\nserve it with: hearth serve {order.target / 'config' / 'ca.json'}"
    if order.target == order.found.beside and not _has_moved(order.found):
        return f"\nserve it with: hearth serve {order.found.file}"
    return f'\nname it in ca.json: "db": {{"type": "leveldb", "dataSource": "{order.target}"}}'


def _has_moved(found: StepDirectory) -> bool:
    return found.former != found.folder


def _list(what: str, remarks: list[Remark], count: int) -> None:
    for each in remarks[:_SHOWN]:
        place = f"{each.table}/{each.key}: " if each.table or each.key else ""
        click.echo(f"{what}: {place}{each.text}")
    if count > _SHOWN:
        click.echo(f"{what}: {count - _SHOWN} more; --format json names them")


def _members(report: Report) -> dict[str, Any]:
    return {
        "source": report.source,
        "target": str(report.target),
        "written": report.written,
        "rows": report.imported.total(),
        "verified": report.verified,
        "certificates": report.certificates,
        "imported": dict(sorted(report.imported.items())),
        "skipped": [
            {"table": table, "reason": reason, "rows": count}
            for (table, reason), count in sorted(report.skipped.items())
        ],
        "unreadable": {"count": report.unreadable_count, "rows": _remarks(report.unreadable)},
        "damaged": {"count": report.damaged_count, "rows": _remarks(report.damaged)},
        "unknownIssuers": report.unknown_issuers,
        "notes": report.notes,
    }


def _remarks(remarks: list[Remark]) -> list[dict[str, str]]:
    return [{"table": each.table, "key": each.key, "reason": each.text} for each in remarks]


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count} rows"
