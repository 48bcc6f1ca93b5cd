"""`hearth ca acme eab`: the keys by which a provisioner of type ACME lets new accounts in.

They are made at the CA's own machine: by the CA that runs, or in its database while it does not.
"""

import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

import click

from appliance.authority.acme.external_keys import ExternalKeyAdministration
from appliance.cli.appliance_source import with_appliance
from appliance.cli.ca_json import ca_json
from appliance.cli.clock import SystemClock
from appliance.cli.command import StepCommand, StepGroup, refused
from appliance.cli.online import ca_flags, now
from appliance.cli.provisioner_flags import ADMIN_FLAGS
from appliance.config.settings import Settings
from appliance.formats import base64url, timeorduration
from appliance.model.errors import BadRequest, FormatError
from appliance.model.external_keys import ExternalKey, ExternalKeyOrder, ExternalKeyQuery
from appliance.operator.interface import ExternalKeys
from appliance.ports.store import Store
from appliance.provisioners.acme import AcmeProvisioner
from appliance.server.system import SystemChance

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")

_PAGE: Final = 100
_MASKED: Final = "*****"
_ADMIN: Final = "keys are made at the CA's own machine: there is no admin API to sign in to"

acme = StepGroup(
    "acme",
    help=(
        "Say who may have accounts with the CA's provisioners of type ACME.\n\n"
        "\b\nExamples:\n"
        "  $ hearth ca provisioner update acme --require-eab\n"
        "  $ hearth ca acme eab add acme nas --allow nas.home.arpa"
    ),
)
eab = StepGroup(
    "eab",
    help=(
        "Make, list and remove keys for external account binding (RFC 8555 7.3.4): on the CA's "
        "own machine, as its user or as root, whether it runs or not.\n\n"
        "\b\nExamples:\n"
        "  $ hearth ca acme eab add acme\n"
        "  $ hearth ca acme eab list acme\n"
        "  $ hearth ca acme eab remove acme zFGdKC1sHmNf3Wsx3OujY808chxwEdmr"
    ),
)
acme.add_command(eab)


def _common(function: F) -> F:
    function = click.option(
        "--ca-config", metavar="<file>", help="The CA's ca.json; that of the context by default."
    )(function)
    return refused(*ADMIN_FLAGS, because=_ADMIN)(ca_flags(function))


_form = click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True,
    help="How to write it.",
)  # fmt: skip


@eab.command("add", cls=StepCommand, short_help="make a key")
@click.argument("provisioner", metavar="<provisioner>")
@click.argument("reference", metavar="[<eab-key-reference>]", required=False, default="")
@click.option(
    "--allow",
    multiple=True,
    metavar="<name>",
    help="What the account may order and nothing else: a name, *.domain, an address or a range of "
    "addresses; may be repeated. Any name by default.",
)
@click.option(
    "--not-after", metavar="<time|duration>", default="",
    help="Until when an account can be made with the key: an RFC 3339 time, or from now on.",
)  # fmt: skip
@_form
@_common
def add(
    *,
    provisioner: str,
    reference: str,
    allow: tuple[str, ...],
    not_after: str,
    form: str,
    ca_config: str | None,
    **_: Any,
) -> None:
    """Make a key that lets one new account in at a provisioner, and show it this once.

    <eab-key-reference> is a name for the key, of your choice. `*.domain` is every name with one
    label before the domain, and that wildcard itself.

    \b
    Examples:
      $ hearth ca acme eab add acme
      $ hearth ca acme eab add acme nas --allow nas.home.arpa --allow 192.168.1.7
      $ hearth ca acme eab add acme lab --allow "*.lab.home.arpa" --not-after 24h
    """
    order = ExternalKeyOrder(
        provisioner=provisioner, reference=reference, names=allow, not_after=_moment(not_after)
    )
    made = _with_keys(ca_config, lambda keys: keys.add_external_key(order))
    secret = base64url.encode(made.secret)
    if form == "json":
        click.echo(json.dumps({**_members(made.key), "key": secret}, indent=2, ensure_ascii=False))
        return
    for row in (
        ("Key ID", "Provisioner", "Key (base64, raw url encoded)", "Reference"),
        (made.key.id, made.key.provisioner, secret, made.key.reference),
    ):
        click.echo("{:<36}{:<28}{:<48}{}".format(*row))


@eab.command("list", cls=StepCommand, short_help="list the keys")
@click.argument("provisioner", metavar="<provisioner>")
@click.argument("reference", metavar="[<eab-key-reference>]", required=False, default="")
@click.option(
    "--limit", type=click.IntRange(1), default=_PAGE, metavar="<number>",
    help="Ask the CA for so many at a time.",
)  # fmt: skip
@click.option("--no-pager", is_flag=True, help="Of no effect: there is none.")
@_form
@_common
def list_keys(
    *, provisioner: str, reference: str, limit: int, form: str, ca_config: str | None, **_: Any
) -> None:
    """List the keys of a provisioner, or the one with a reference; never their secrets.

    \b
    Examples:
      $ hearth ca acme eab list acme
      $ hearth ca acme eab list acme nas
    """
    query = ExternalKeyQuery(provisioner=provisioner, reference=reference, limit=limit)

    async def every_page(keys: ExternalKeys) -> list[ExternalKey]:
        page = await keys.external_keys(query)
        found = list(page.keys)
        while page.cursor:
            page = await keys.external_keys(replace(query, cursor=page.cursor))
            found += page.keys
        return found

    found = _with_keys(ca_config, every_page)
    if form == "json":
        click.echo(json.dumps([_members(each) for each in found], indent=2, ensure_ascii=False))
    elif not found:
        click.echo(f"No ACME EAB keys stored for provisioner {provisioner}")
    else:
        for line in _table(found):
            click.echo(line)


@eab.command("remove", cls=StepCommand, short_help="remove a key")
@click.argument("provisioner", metavar="<provisioner>")
@click.argument("key_id", metavar="<eab-key-id>")
@click.option(
    "--revoke-account",
    is_flag=True,
    help="Let the account that was made with the key do nothing more; its certificates stay valid.",
)
@_common
def remove(
    *, provisioner: str, key_id: str, revoke_account: bool, ca_config: str | None, **_: Any
) -> None:
    """Remove a key: it lets nobody in any more.

    An account that was made with it goes on, within the names that the key was for, unless
    --revoke-account is given.

    \b
    Examples:
      $ hearth ca acme eab remove acme zFGdKC1sHmNf3Wsx3OujY808chxwEdmr
      $ hearth ca acme eab remove acme zFGdKC1sHmNf3Wsx3OujY808chxwEdmr --revoke-account
    """
    _with_keys(
        ca_config,
        lambda keys: keys.remove_external_key(provisioner, key_id, revoke_account=revoke_account),
    )
    click.echo("Key was deleted successfully!")


# ---- asking


def _with_keys(config: str | None, use: Callable[[ExternalKeys], Awaitable[T]]) -> T:
    return with_appliance(ca_json(config), _stored, use)


def _stored(store: Store, settings: Settings) -> ExternalKeys:
    """Find provisioners in ca.json, where no CA runs that has read it."""
    found = {
        each.name: AcmeProvisioner(each) if each.type == "ACME" and not each.problem else each
        for each in settings.provisioners
    }
    return ExternalKeyAdministration(
        store=store, clock=SystemClock(), chance=SystemChance(), named=found.get
    )


def _moment(written: str) -> datetime | None:
    try:
        return timeorduration.moment(written, now=now())
    except FormatError as error:
        raise BadRequest(f"--not-after: {error.public}") from error


# ---- telling


def _table(keys: list[ExternalKey]) -> list[str]:
    """Write step's table; what step's keys do not have stands behind it, where there is any."""
    rows = [
        ("Key ID", "Provisioner", "Key (masked)", "Created At", "Bound At", "Account", "Reference")
    ]
    rows += [
        (
            each.id,
            each.provisioner,
            _MASKED,
            _time(each.created_at),
            _time(each.bound_at),
            each.account,
            each.reference,
        )
        for each in keys
    ]
    lines = ["{:<36}{:<28}{:<16}{:<30}{:<30}{:<40}{}".format(*row) for row in rows]
    if not any(each.names or each.not_after for each in keys):
        return lines
    width = max(map(len, lines)) + 4
    more = ["Allowed", *((", ".join(each.names) or "any name") + _end(each) for each in keys)]
    return [line.ljust(width) + text for line, text in zip(lines, more, strict=True)]


def _end(key: ExternalKey) -> str:
    return f", until {_time(key.not_after)}" if key.not_after else ""


def _time(moment: datetime | None) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S +00:00") if moment else ""


def _members(key: ExternalKey) -> dict[str, object]:
    """Give a key as JSON has it."""
    members = {
        "id": key.id,
        "provisioner": key.provisioner,
        "reference": key.reference,
        "account": key.account,
        "createdAt": timeorduration.format_time(key.created_at),
        "boundAt": timeorduration.format_time(key.bound_at) if key.bound_at else "",
        "names": list(key.names),
        "notAfter": timeorduration.format_time(key.not_after) if key.not_after else "",
    }
    return {name: value for name, value in members.items() if value}
