"""`hearth log`: the journal of events, asked of the running CA or read from its database."""

import hashlib
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from appliance.authority.journal_reading import LARGEST_PAGE
from appliance.authority.journal_verification import Verification
from appliance.cli import log_output
from appliance.cli.certs_source import Certificates, with_certificates
from appliance.cli.clock import SystemClock
from appliance.cli.command import StepCommand, StepGroup
from appliance.cli.prompts import say
from appliance.formats import chain, timeorduration
from appliance.model.errors import BadRequest, FormatError, NotFound
from appliance.model.events import EventKind
from appliance.model.inventory import CertificateKind
from appliance.model.journal import JournalEntry, JournalEvent, JournalQuery
from appliance.operator import certificate_forms
from appliance.operator.remote import RemoteOperator

F = TypeVar("F", bound=Callable[..., Any])

_SHOWN: Final = 100  # entries of a list, unless told
_WAIT: Final = 15.0  # seconds that one question waits for new entries
_MADE: Final = (EventKind.ISSUED, EventKind.RENEWED, EventKind.REKEYED)

log = StepGroup(
    "log",
    help=(
        "See what has happened at the CA, and that nobody changed the record of it: on its own "
        "machine, as its user or as root, whether it runs or not.\n\n"
        "\b\nExamples:\n"
        "  $ hearth log list --kind refused --since -24h\n"
        "  $ hearth log list --follow\n"
        "  $ hearth log verify --head 1842:9f3c…\n"
        "  $ hearth log export > journal.jsonl"
    ),
)


def _config(function: F) -> F:
    return click.option(
        "--config", metavar="<file>", help="The CA's ca.json; that of the context by default."
    )(function)


def _selection(function: F) -> F:
    """Add the flags that say which entries are meant."""
    for option in (
        click.option("--until", metavar="<time|duration>", default="",
                     help="Only what happened before; a duration counts from now."),
        click.option("--since", metavar="<time|duration>", default="",
                     help="Only what happened since then; -24h is the last day."),
        click.option("--serial", metavar="<serial>", default="",
                     help="Only what is about certificates whose serial number begins so."),
        click.option("--client", metavar="<address>", default="",
                     help="Only what was asked from there."),
        click.option("--provisioner", metavar="<name>", default="", help="Only what it allowed."),
        click.option("--name", metavar="<name>", default="",
                     help="Only what is about this name; *.example.com is every name below."),
        click.option("--operation", metavar="<operation>", default="",
                     help="Only this operation: sign, renew, revoke, ssh-sign, reload, …"),
        click.option("--kind", "kinds", multiple=True,
                     type=click.Choice([kind.value for kind in EventKind]),
                     help="Only events of this kind; can be given several times."),
        _config,
    ):  # fmt: skip
        function = option(function)
    return function


def _query(now: datetime, **flags: Any) -> JournalQuery:
    """Give what the flags select. Raises BadRequest."""
    try:
        since = timeorduration.moment(flags["since"], now=now)
        until = timeorduration.moment(flags["until"], now=now)
    except FormatError as error:
        raise BadRequest(error.public) from error
    return JournalQuery(
        kinds=tuple(EventKind(kind) for kind in flags["kinds"]),
        operation=flags["operation"],
        name=flags["name"],
        provisioner=flags["provisioner"],
        client=flags["client"],
        serial=flags["serial"],
        since=since,
        until=until,
    )


@log.command("list", cls=StepCommand, short_help="list what has happened")
@_selection
@click.option("--limit", type=click.IntRange(1), default=_SHOWN, show_default=True,
              metavar="<number>", help="List the last so many.")  # fmt: skip
@click.option("--all", "everything", is_flag=True, help="List them all.")
@click.option("--follow", is_flag=True, help="Go on with what happens from now on, until Ctrl-C.")
@click.option(
    "--format", "form", type=click.Choice(["text", "json", "csv"]), default="text",
    show_default=True, help="How to write them; json is one line for each.",
)  # fmt: skip
def list_events(
    *, config: str | None, limit: int, everything: bool, follow: bool, form: str, **flags: Any
) -> None:
    """List what has happened, the newest last.

    \b
    Examples:
      $ hearth log list --name nas.home.arpa
      $ hearth log list --kind refused --since -24h --format json
    """
    query = _query(SystemClock().now(), **flags)
    write = {
        "text": log_output.line,
        "json": log_output.json_line,
        "csv": log_output.csv_line,
    }[form]

    async def run(source: Certificates) -> None:
        if form == "csv":
            _print(log_output.csv_head())
        reached = 0
        if everything:
            async with aclosing(entries(source, query)) as found:
                async for entry in found:
                    _print(write(log_output.told(entry)))
                    reached = entry.number
        else:
            for entry in reversed(await _newest(source, query, limit)):
                _print(write(log_output.told(entry)))
                reached = entry.number
        if follow:
            async with aclosing(followed(source, replace(query, after=reached))) as found:
                async for told in found:
                    _print(write(told))

    with_certificates(config, run)


@log.command("export", cls=StepCommand, short_help="write the journal to a file")
@_config
def export(*, config: str | None) -> None:
    """Write every entry of the journal to standard output, as `hearth log verify --file` takes it.

    Each line is an entry in JSON: `number`, `previous` (the hash of the entry before), `hash`, and
    `body`, the text that was hashed.

    \b
    Example:
      $ hearth log export > journal.jsonl
    """

    async def run(source: Certificates) -> None:
        async with aclosing(entries(source, JournalQuery())) as found:
            async for entry in found:
                _print(log_output.chained_line(entry))

    with_certificates(config, run)


@log.command("verify", cls=StepCommand, short_help="see that nobody changed the journal")
@click.option("--file", "file", metavar="<file>", help="Verify what was exported to this file.")
@click.option(
    "--head", "heads", multiple=True, metavar="<number:hash>",
    help="The head as it was noted some other day; can be given several times.",
)  # fmt: skip
@click.option(
    "--certificates", is_flag=True,
    help="Hold every certificate that an entry tells of against the inventory.",
)  # fmt: skip
@_config
def verify(
    *, file: str | None, heads: tuple[str, ...], certificates: bool, config: str | None
) -> None:
    """Follow the hashes from entry to entry, and print the head: the hash of the last one.

    Nobody can have changed, removed or added an entry without writing anew all that follow. Whoever
    can write to the database can do that, or cut off the end: only a head that is kept elsewhere
    shows it. So note the head now and then, and give it here with --head. That an event was entered
    at all, or that it is true, cannot be proven.

    \b
    Examples:
      $ hearth log verify
      $ hearth log verify --head 1842:9f3c… --certificates
    """
    if file and certificates:
        raise BadRequest("--certificates asks the CA, and --file reads a copy: give one of them")
    try:
        verification = Verification([chain.read_link(head) for head in heads])
    except FormatError as error:
        raise BadRequest(error.public) from error
    if file:
        with Path(file).open(encoding="utf-8", errors="surrogateescape") as lines:
            for number, text in enumerate(lines, 1):
                verification.take(log_output.read_chained(text, f"{file}, line {number},"))
    else:
        with_certificates(
            config, lambda source: _verify(source, verification, certificates=certificates)
        )
    verification.finish()
    _report(verification, noted=bool(heads))


async def _verify(source: Certificates, verification: Verification, *, certificates: bool) -> None:
    compared = gone = 0
    async with aclosing(entries(source, JournalQuery())) as found:
        async for entry in found:
            told = verification.take(entry)
            if not certificates or told is None or told.event.kind not in _MADE:
                continue
            there = await _holds(source, told, verification)
            compared, gone = compared + there, gone + (not there)
    if certificates:
        verification.remarks.append(f"{compared} certificates are in the inventory as entered")
    if gone:
        verification.remarks.append(f"{gone} certificates are not in the inventory any more")


async def _holds(source: Certificates, told: JournalEvent, verification: Verification) -> bool:
    """Hold a certificate against its entry; False when it is gone, as old ones may be."""
    event = told.event
    if event.serial is None or not event.fingerprint:
        return False
    kind = CertificateKind.SSH if event.is_ssh else CertificateKind.X509
    try:
        detail = await source.certificate(event.serial, kind)
    except NotFound:
        if event.not_after is not None and event.not_after > SystemClock().now():
            verification.problems.append(
                f"the certificate of entry {told.number} has not expired, and is not there: "
                f"{certificate_forms.serial_hex(event.serial)}"
            )
        return False
    if hashlib.sha256(detail.der).hexdigest() != event.fingerprint:
        serial = certificate_forms.serial_hex(event.serial)
        verification.problems.append(
            f"the certificate {serial} is not the one that entry {told.number} tells of"
        )
    return True


def _report(verification: Verification, *, noted: bool) -> None:
    for problem in verification.problems:
        say(problem)
    for remark in verification.remarks:
        click.echo(remark)
    if verification.problems:
        raise BadRequest("the journal is not whole: it was changed, or the database is damaged")
    if not verification.entries:
        click.echo("the journal is empty")
        return
    click.echo(f"entries {verification.first} to {verification.head.number} are unbroken")
    click.echo(f"head {verification.head}")
    if not noted:
        click.echo(
            "Note the head elsewhere: with --head it shows a cut end, or a journal made anew."
        )


# ---- asking


async def entries(source: Certificates, query: JournalQuery) -> AsyncGenerator[JournalEntry, None]:
    """Give all entries that a query selects, oldest first."""
    query = replace(query, limit=LARGEST_PAGE, newest_first=False)
    while True:
        page = await source.journal(query)
        for entry in page.entries:
            yield entry
        if page.complete:
            return
        query = replace(query, after=page.reached)


async def followed(source: Certificates, query: JournalQuery) -> AsyncGenerator[JournalEvent, None]:
    """Give what a query selects of what happens from now on, until cancelled.

    Raises BadRequest when the CA does not run.
    """
    if not isinstance(source, RemoteOperator):
        raise BadRequest("the CA does not run: there is nothing to follow")
    if not query.after:
        newest = await source.journal(JournalQuery(newest_first=True, limit=1))
        query = replace(query, after=newest.entries[0].number if newest.entries else 0)
    query = replace(query, newest_first=False, limit=LARGEST_PAGE, wait=_WAIT)
    while True:
        page = await source.journal(query)
        for entry in page.entries:
            yield log_output.told(entry)
        query = replace(query, after=page.reached)


async def _newest(source: Certificates, query: JournalQuery, limit: int) -> list[JournalEntry]:
    found: list[JournalEntry] = []
    query = replace(query, newest_first=True)
    while True:
        page = await source.journal(replace(query, limit=min(limit - len(found), LARGEST_PAGE)))
        found += page.entries
        if page.complete or len(found) >= limit:
            return found
        query = replace(query, before=page.reached)


def _print(text: str) -> None:
    click.echo(text, nl=False)
