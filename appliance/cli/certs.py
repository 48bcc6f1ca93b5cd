"""`hearth certs`: what the CA has issued, asked of the running CA or read from its database."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, TypeVar

import click

from appliance.authority import serials
from appliance.authority.inventory import LARGEST_PAGE
from appliance.cli import certs_output
from appliance.cli.certs_output import Form
from appliance.cli.certs_source import Certificates, with_certificates
from appliance.cli.clock import SystemClock
from appliance.cli.command import StepCommand, StepGroup
from appliance.cli.prompts import say
from appliance.formats import goduration, timeorduration
from appliance.model.errors import BadRequest, FormatError, NotFound
from appliance.model.inventory import (
    CertificateDetail,
    CertificateKind,
    CertificateQuery,
    CertificateState,
    CertificateSummary,
)

F = TypeVar("F", bound=Callable[..., Any])

_SHOWN: Final = 100  # certificates of a list, unless told
_NAMED: Final = 5  # certificates that are named when a serial number fits several


certs = StepGroup(
    "certs",
    help=(
        "See what the CA has issued: on its own machine, as its user or as root, whether it runs "
        "or not.\n\n"
        "\b\nExamples:\n"
        '  $ hearth certs list --name "*.home.arpa" --state active\n'
        "  $ hearth certs list --expires-in 8h\n"
        "  $ hearth certs list --kind ssh --name alice\n"
        "  $ hearth certs show 0x2cd5a51c7f\n"
        "  $ hearth certs export > certificates.csv"
    ),
)


def _selection(function: F) -> F:
    """Add the flags that say which certificates are meant."""
    for option in (
        click.option(
            "--expires-before", metavar="<time|duration>",
            help="Only those that end before this RFC 3339 time, or this long from now.",
        ),
        click.option(
            "--expires-in", metavar="<duration>",
            help="Only those that are valid now and will have ended after this duration.",
        ),
        click.option(
            "--state", type=click.Choice([state.value for state in CertificateState]),
            help="Only those in this state.",
        ),
        click.option("--provisioner", metavar="<name>", default="", help="Only those it granted."),
        click.option(
            "--name", metavar="<name>", default="",
            help="Only those for this DNS name, address, email, URI or common name (SSH: principal "
            "or key ID); *.example.com is every name below.",
        ),
        _kind("Which certificates.", default=CertificateKind.X509.value),
        _config,
    ):  # fmt: skip
        function = option(function)
    return function


def _config(function: F) -> F:
    return click.option(
        "--config", metavar="<file>", help="The CA's ca.json; that of the context by default."
    )(function)


def _kind(text: str, default: str | None) -> Callable[[F], F]:
    return click.option(
        "--kind", type=click.Choice([kind.value for kind in CertificateKind]), default=default,
        show_default=default is not None, help=text,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Selection:
    """The flags of a selection."""

    kind: str
    name: str
    provisioner: str
    state: str | None
    expires_in: str | None
    expires_before: str | None

    def query(self, now: datetime) -> CertificateQuery:
        """Give what they ask for. Raises BadRequest."""
        if self.expires_in and self.expires_before:
            raise BadRequest("--expires-in and --expires-before exclude each other")
        try:
            before = timeorduration.moment(self.expires_before or "", now=now)
            if self.expires_in:
                before = now + goduration.parse(self.expires_in)
        except FormatError as error:
            raise BadRequest(error.public) from error
        except OverflowError:
            raise BadRequest(f"--expires-in {self.expires_in}: out of range") from None
        return CertificateQuery(
            kind=CertificateKind(self.kind),
            name=self.name,
            provisioner=self.provisioner,
            state=CertificateState(self.state) if self.state else None,
            expires_before=before,
            expires_after=now if self.expires_in else None,
        )


@certs.command("list", cls=StepCommand, short_help="list the certificates, newest first")
@_selection
@click.option(
    "--limit", type=click.IntRange(1), default=_SHOWN, show_default=True, metavar="<number>",
    help="List at most so many.",
)  # fmt: skip
@click.option("--all", "everything", is_flag=True, help="List them all.")
@click.option(
    "--format", "form", type=click.Choice(["text", "json", "csv"]), default="text",
    show_default=True, help="How to write them.",
)  # fmt: skip
def list_certificates(
    *, config: str | None, limit: int, everything: bool, form: str, **flags: Any
) -> None:
    """List certificates, newest first, or soonest to end first where their end is asked for.

    Serial numbers are cut to their beginning, which `hearth certs show` takes.

    \b
    Examples:
      $ hearth certs list --provisioner admin --limit 20
      $ hearth certs list --state revoked --format json
    """
    now = SystemClock().now()
    query = _Selection(**flags).query(now)
    writer = {
        "text": lambda: certs_output.table(now),
        "json": lambda: certs_output.as_json(with_octets=False),
        "csv": certs_output.as_csv,
    }[form]()

    async def run(source: Certificates) -> tuple[int, bool]:
        return await _write(source, query, writer, None if everything else limit)

    count, more = with_certificates(config, run)
    if more:
        say(f"{count} shown; more with --limit or --all")
    elif not count and form == "text":
        say("no certificates")


@certs.command("show", cls=StepCommand, short_help="show one certificate")
@click.argument("serial", metavar="<serial>")
@_kind("Look among these only.", default=None)
@_config
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text",
    show_default=True, help="How to write it.",
)  # fmt: skip
def show(*, serial: str, kind: str | None, config: str | None, form: str) -> None:
    """Show all that is known of a certificate, and the certificate itself.

    <serial> is its serial number or the beginning of it: decimal, or hexadecimal after 0x or with
    colons.

    \b
    Examples:
      $ hearth certs show 59636004850364466675608080466579278406
      $ hearth certs show 0x2cd5a51c7f
      $ hearth certs show 2C:D5:A5:1C:7F
    """
    wanted = serials.read(serial)
    kinds = [CertificateKind(kind)] if kind else list(CertificateKind)
    detail = with_certificates(config, lambda source: _find(source, serial, wanted, kinds))
    if form == "json":
        click.echo(certs_output.compact(certs_output.as_object(detail.summary, detail.der)))
    else:
        for line in certs_output.details(detail, SystemClock().now()):
            click.echo(line)


@certs.command("export", cls=StepCommand, short_help="write all certificates to a file")
@_selection
@click.option(
    "--format", "form", type=click.Choice(["csv", "json", "pem", "openssh"]), default="csv",
    show_default=True,
    help="How to write them; json, pem and (of SSH) openssh have the certificates themselves.",
)  # fmt: skip
def export(*, config: str | None, form: str, **flags: Any) -> None:
    """Write every certificate that is selected to standard output.

    \b
    Examples:
      $ hearth certs export > certificates.csv
      $ hearth certs export --format pem --name nas.home.arpa --state active
    """
    query = replace(_Selection(**flags).query(SystemClock().now()), limit=LARGEST_PAGE)
    if (form == "pem" and query.kind is CertificateKind.SSH) or (
        form == "openssh" and query.kind is not CertificateKind.SSH
    ):
        raise BadRequest(f"--format {form} is not for certificates of --kind {query.kind}")
    writer = {
        "csv": certs_output.as_csv,
        "json": lambda: certs_output.as_json(with_octets=True),
        "pem": certs_output.as_pem,
        "openssh": certs_output.as_openssh,
    }[form]()
    with_certificates(config, lambda source: _write(source, query, writer, None))


# ---- asking


async def _write(
    source: Certificates, query: CertificateQuery, form: Form, limit: int | None
) -> tuple[int, bool]:
    """Write page after page; give how many certificates those were, and if there are more."""
    count = 0
    cursor = ""
    while True:
        size = LARGEST_PAGE if limit is None else min(limit - count, LARGEST_PAGE)
        page = await source.certificates(replace(query, limit=size, cursor=cursor))
        if not count:
            _print(form.head)
        for summary in page.certificates:
            der = b""
            if form.with_octets:
                der = (await source.certificate(summary.serial, query.kind)).der
            _print((form.between if count else "") + form.entry(summary, der))
            count += 1
        cursor = page.cursor
        if not cursor or count == limit:
            _print(form.tail)
            return count, bool(cursor)


async def _find(
    source: Certificates,
    typed: str,
    wanted: serials.SerialBeginning,
    kinds: Sequence[CertificateKind],
) -> CertificateDetail:
    """Find the one certificate that is meant. Raises NotFound, BadRequest."""
    found: list[CertificateSummary] = []
    cut = False
    for kind in kinds:
        page = await source.certificates(
            CertificateQuery(serial=typed, limit=LARGEST_PAGE, kind=kind)
        )
        found += page.certificates
        cut = cut or bool(page.cursor)
    whole = [each for each in found if wanted.is_whole(each.serial)]
    if len(chosen := whole or found) == 1 and (whole or not cut):
        return await source.certificate(chosen[0].serial, chosen[0].kind)
    if not found:
        raise NotFound(f"there is no certificate whose serial number is or begins with {typed}")
    some = ", ".join(certs_output.serial_hex(each.serial) for each in found[:_NAMED])
    more = " and others" if len(found) > _NAMED or cut else ""
    raise BadRequest(f"several serial numbers begin with {typed}: {some}{more}; write more of it")


def _print(text: str) -> None:
    click.echo(text, nl=False)
