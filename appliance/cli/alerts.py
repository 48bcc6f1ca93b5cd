"""`hearth alerts`: what is wrong with the running CA, and who is told of it."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

import click
import msgspec

from appliance.cli.clock import SystemClock
from appliance.cli.command import StepCommand, StepGroup
from appliance.cli.running import ask_running, which_ca
from appliance.formats import goduration
from appliance.model.alerts import AlertReport, Delivery, Mute
from appliance.model.errors import BadRequest, FormatError, Unavailable
from appliance.operator.remote import RemoteOperator

_TIME: Final = "%F %H:%M"

alerts = StepGroup(
    "alerts",
    help=(
        "See what is wrong with the running CA and its certificates, and who is told of it, on "
        "the CA's own machine, as its user or as root. Who is told is in `alerts` of ca.json.\n\n"
        "\b\nExamples:\n"
        "  $ hearth alerts list\n"
        "  $ hearth alerts test\n"
        "  $ hearth alerts mute host-quiet:nas.home.arpa --for 72h"
    ),
)


@alerts.command("list", cls=StepCommand)
@click.option("--all", "everything", is_flag=True, help="Also what is over, and what is well.")
@click.option("--json", "as_json", is_flag=True, help="All of it, for programs.")
@which_ca
def list_(*, everything: bool, as_json: bool, ca_config: str | None, **_: Any) -> None:
    """Show what is wrong, what waits to be told and for whom, and what is muted.

    \b
    Examples:
      $ hearth alerts list
      $ hearth alerts list --all
    """
    report = ask_running(ca_config, RemoteOperator.alerts)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(report), indent=2).decode())
        return
    for line in _lines(report, everything=everything):
        click.echo(line)


@alerts.command("test", cls=StepCommand)
@click.argument("target", metavar="[<target>]", default="")
@which_ca
def test(*, target: str, ca_config: str | None, **_: Any) -> None:
    """Send a test to every target, or to one, and say how each took it.

    <target> is its name in `alerts.targets` of ca.json; one without a name has that of its type.
    The exit code is 1 when one did not take it.

    \b
    Examples:
      $ hearth alerts test
      $ hearth alerts test phone
    """

    async def use(operator: RemoteOperator) -> list[Delivery]:
        return list(await operator.test_alerts(target))

    deliveries = ask_running(ca_config, use)
    for each in deliveries:
        click.echo(f"{each.target}: {each.problem or 'told'}")
    if failed := [each.target for each in deliveries if each.problem]:
        raise Unavailable(f"the test did not reach {', '.join(failed)}")


@alerts.command("mute", cls=StepCommand)
@click.argument("name", metavar="<name>")
@click.option(
    "--for", "span", metavar="<duration>", help="How long, such as 72h; for good by default."
)
@which_ca
def mute(*, name: str, span: str | None, ca_config: str | None, **_: Any) -> None:
    """Do not tell of an alert, or of all that a rule finds.

    <name> is as `hearth alerts list` shows it, or what stands before its colon; `*` is all of
    them. Alerts are found and listed all the same; what is still wrong in the end is told then.

    \b
    Examples:
      $ hearth alerts mute host-quiet:nas.home.arpa
      $ hearth alerts mute token --for 2h
    """
    until: datetime | None = None
    if span is not None:
        try:
            until = SystemClock().now() + goduration.parse(span)
        except FormatError as error:
            raise BadRequest(f"--for: {error.public}") from error

    async def use(operator: RemoteOperator) -> None:
        await operator.mute_alert(Mute(name=name, until=until))

    ask_running(ca_config, use)


@alerts.command("unmute", cls=StepCommand)
@click.argument("name", metavar="<name>")
@which_ca
def unmute(*, name: str, ca_config: str | None, **_: Any) -> None:
    """Tell of an alert or a rule again.

    \b
    Example:
      $ hearth alerts unmute token
    """

    async def use(operator: RemoteOperator) -> None:
        await operator.unmute_alert(name)

    ask_running(ca_config, use)


def _lines(report: AlertReport, *, everything: bool) -> Iterator[str]:
    if not report.open:
        yield "nothing is wrong"
    for alert in report.open:
        yield f"{alert.severity} {alert.name} since {alert.since:{_TIME}} UTC: {alert.text}"
    for row in report.pending:
        tries = f" (tried {row.attempts} times: {row.problem})" if row.attempts else ""
        yield f"waits for {row.target}: {row.notice.name} ({row.notice.change}){tries}"
    for each in report.mutes:
        until = f"until {each.until:{_TIME}} UTC" if each.until else "until it is unmuted"
        yield f"muted {each.name} {until}"
    if not report.targets:
        yield "nobody is told: `alerts.targets` of ca.json is empty"
    if not everything:
        return
    for alert in report.ended:
        ended = f"{alert.ended_at:{_TIME}}" if alert.ended_at else ""
        yield f"over {ended} UTC: {alert.name}: {alert.text}"
    for condition in report.conditions:
        if condition.ok:
            yield f"well {condition.name} since {condition.since:{_TIME}} UTC"
