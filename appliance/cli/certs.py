"""`hearth certs`: what the CA has issued, asked of the running CA or read from its database."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final, TypeVar

import click

from appliance.authority import serials
from appliance.authority.inventory import LARGEST_PAGE
from appliance.cli.certs_selection import Selection, config_flag, kind_flag, selection
from appliance.cli.certs_source import Certificates, with_certificates
from appliance.cli.certs_watching import stats, watch
from appliance.cli.clock import SystemClock
from appliance.cli.command import StepCommand, StepGroup
from appliance.cli.prompts import say
from appliance.model.errors import BadRequest, NotFound
from appliance.model.inventory import (
    CertificateDetail,
    CertificateKind,
    CertificateQuery,
    CertificateSummary,
)
from appliance.operator import certificate_forms
from appliance.operator.certificate_forms import Form

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
        "  $ hearth certs export > certificates.csv\n"
        "  $ hearth certs watch\n"
        "  $ hearth certs stats"
    ),
)


@certs.command("list", cls=StepCommand, short_help="list the certificates, newest first")
@selection
@click.option(
    "--limit", type=click.IntRange(1), default=_SHOWN, show_default=True, metavar="<number>",
    help="List at most so many.",
)  # fmt: skip
@click.option("--all", "everything", is_flag=True, help="List them all.")
@click.option(
    "--cursor",
    metavar="<cursor>",
    default="",
    help="Go on with the list that ended with this cursor.",
)
@click.option(
    "--format", "form", type=click.Choice(["text", "json", "csv", "pem"]), default="text",
    show_default=True, help="How to write them.",
)  # fmt: skip
def list_certificates(
    *, config: str | None, limit: int, everything: bool, cursor: str, form: str, **flags: Any
) -> None:
    """List certificates, newest first, or soonest to end first where their end is asked for.

    Serial numbers are cut to their beginning, which `hearth certs show` takes.

    \b
    Examples:
      $ hearth certs list --provisioner admin --limit 20
      $ hearth certs list --state revoked --format json
    """
    now = SystemClock().now()
    queries = Selection(**flags).queries(now)
    if cursor and len(queries) > 1:
        raise BadRequest("--cursor goes on with a list of one --kind")
    queries[0] = replace(queries[0], cursor=cursor)
    writer = {
        "text": lambda: certificate_forms.table(now),
        "json": lambda: certificate_forms.as_json(with_octets=False),
        "csv": certificate_forms.as_csv,
        "pem": certificate_forms.as_pem,
    }[form]()
    _check_form(form, queries)

    async def run(source: Certificates) -> tuple[int, str]:
        return await _write(source, queries, writer, None if everything else limit)

    count, more = with_certificates(config, run)
    if more:
        say(f"{count} shown; more with --limit, --all or --cursor {more}")
    elif not count and form == "text":
        say("no certificates")


@certs.command("show", cls=StepCommand, short_help="show one certificate")
@click.argument("serial", metavar="<serial>")
@kind_flag("Look among these only.", default=None)
@config_flag
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
        members = certificate_forms.as_object(detail.summary, detail.der)
        click.echo(certificate_forms.compact(members | certificate_forms.history_object(detail)))
    else:
        for line in certificate_forms.details(detail, SystemClock().now()):
            click.echo(line)


@certs.command("export", cls=StepCommand, short_help="write all certificates to a file")
@selection
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
    queries = Selection(**flags).queries(SystemClock().now())
    _check_form(form, queries)
    writer = {
        "csv": certificate_forms.as_csv,
        "json": lambda: certificate_forms.as_json(with_octets=True),
        "pem": certificate_forms.as_pem,
        "openssh": certificate_forms.as_openssh,
    }[form]()
    with_certificates(config, lambda source: _write(source, queries, writer, None))


# ---- asking


def _check_form(form: str, queries: Sequence[CertificateQuery]) -> None:
    """Raises BadRequest where a form is not for the certificates that are asked for."""
    fitting = {"pem": CertificateKind.X509, "openssh": CertificateKind.SSH}.get(form)
    for query in queries:
        if fitting not in (None, query.kind):
            raise BadRequest(f"--format {form} is not for certificates of --kind {query.kind}")


async def _write(
    source: Certificates, queries: Sequence[CertificateQuery], form: Form, limit: int | None
) -> tuple[int, str]:
    """Write page after page; give how many certificates those were, and the cursor for more."""
    count = 0
    cursor = ""
    _print(form.head)
    for query in queries:
        cursor = query.cursor
        while count != limit:
            size = LARGEST_PAGE if limit is None else min(limit - count, LARGEST_PAGE)
            page = await source.certificates(replace(query, limit=size, cursor=cursor))
            for summary in page.certificates:
                der = b""
                if form.with_octets:
                    der = (await source.certificate(summary.serial, query.kind)).der
                _print((form.between if count else "") + form.entry(summary, der))
                count += 1
            cursor = page.cursor
            if not cursor:
                break
    _print(form.tail + form.end(cursor))
    return count, cursor


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
    some = ", ".join(certificate_forms.serial_hex(each.serial) for each in found[:_NAMED])
    more = " and others" if len(found) > _NAMED or cut else ""
    raise BadRequest(f"several serial numbers begin with {typed}: {some}{more}; write more of it")


def _print(text: str) -> None:
    click.echo(text, nl=False)


certs.add_command(watch)
certs.add_command(stats)
