"""`hearth certs watch` and `hearth certs stats`: what is issued as it is, and how much there is."""

from contextlib import aclosing
from typing import Final

import click

from appliance.cli import log_output
from appliance.cli.certs_selection import ALL, config_flag
from appliance.cli.certs_source import Certificates, with_certificates
from appliance.cli.command import StepCommand
from appliance.cli.log import followed
from appliance.model.events import EventKind
from appliance.model.inventory import CertificateCounts, CertificateKind, CertificateState
from appliance.model.journal import JournalQuery
from appliance.operator import certificate_forms
from appliance.operator.certificate_forms import compact

_WATCHED: Final = (EventKind.ISSUED, EventKind.RENEWED, EventKind.REKEYED, EventKind.REVOKED)
_KINDS: Final = click.Choice([*(kind.value for kind in CertificateKind), ALL])


@click.command("watch", cls=StepCommand, short_help="show what is issued and revoked as it is")
@click.option(
    "--name",
    metavar="<name>",
    default="",
    help="Only what is for this name; *.example.com is every name below.",
)
@click.option("--provisioner", metavar="<name>", default="", help="Only what it grants.")
@click.option("--kind", type=_KINDS, default=ALL, show_default=True, help="Which certificates.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="How to write them; json is one line for each.",
)
@config_flag
def watch(*, name: str, provisioner: str, kind: str, form: str, config: str | None) -> None:
    """Show certificates as they are issued, renewed, rekeyed and revoked, until Ctrl-C.

    The CA must run. `hearth log list --follow` shows refusals and everything else as well.

    \b
    Examples:
      $ hearth certs watch --name "*.home.arpa"
      $ hearth certs watch --format json
    """
    query = JournalQuery(kinds=_WATCHED, name=name, provisioner=provisioner)
    write = log_output.line if form == "text" else log_output.json_line

    async def run(source: Certificates) -> None:
        async with aclosing(followed(source, query)) as found:
            async for told in found:
                of = CertificateKind.SSH if told.event.is_ssh else CertificateKind.X509
                if kind in (ALL, of.value):
                    click.echo(write(told), nl=False)

    with_certificates(config, run)


@click.command("stats", cls=StepCommand, short_help="count the certificates by state")
@click.option("--kind", type=_KINDS, default=ALL, show_default=True, help="Which certificates.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="How to write them.",
)
@config_flag
def stats(*, kind: str, form: str, config: str | None) -> None:
    """Count the certificates by provisioner and state: active, expired, revoked.

    \b
    Examples:
      $ hearth certs stats
      $ hearth certs stats --kind ssh --format json
    """
    kinds = list(CertificateKind) if kind == ALL else [CertificateKind(kind)]

    async def run(source: Certificates) -> list[CertificateCounts]:
        return [await source.certificate_counts(each) for each in kinds]

    found = with_certificates(config, run)
    if form == "json":
        click.echo(compact({"counts": [_object(counts) for counts in found]}))
        return
    for place, counts in enumerate(found):
        click.echo(("\n" if place else "") + "\n".join(_lines(counts)))


def _lines(counts: CertificateCounts) -> list[str]:
    """Give a table of one kind, its sums at the end."""
    states = list(CertificateState)
    rows = [(counts.kind.value.upper(), *(state.value.upper() for state in states))]
    rows += [
        (each.provisioner or "-", *(str(getattr(each, state.value)) for state in states))
        for each in counts.provisioners
    ]
    rows.append(("all", *(str(counts.total(state)) for state in states)))
    return [
        f"{certificate_forms.printable(first):<30}" + "".join(f"{each:>12}" for each in others)
        for first, *others in rows
    ]


def _object(counts: CertificateCounts) -> dict[str, object]:
    return {
        "kind": counts.kind.value,
        "at": counts.counted_at.isoformat().replace("+00:00", "Z"),
        **{state.value: counts.total(state) for state in CertificateState},
        "provisioners": [
            {
                "provisioner": each.provisioner,
                **{state.value: getattr(each, state.value) for state in CertificateState},
            }
            for each in counts.provisioners
        ],
    }
