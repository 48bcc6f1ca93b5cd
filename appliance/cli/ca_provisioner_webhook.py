"""`hearth ca provisioner webhook`: the webhooks of a provisioner in ca.json."""

import base64
import secrets
import uuid
from collections.abc import Callable
from typing import Any, Final, TypeVar

import click

from appliance.cli.ca_json import opened, save
from appliance.cli.command import StepCommand, StepGroup, was_given
from appliance.cli.online import ca_flags, required
from appliance.cli.prompts import read_password
from appliance.cli.provisioner_flags import refuse_admin_flags
from appliance.config import provisioner_edits
from appliance.config.editing import Editing
from appliance.config.provisioner_edits import Edit, Entry, Put
from appliance.model.errors import BadRequest, NotFound

F = TypeVar("F", bound=Callable[..., Any])

_SECRET_OCTETS: Final = 64
_WEBHOOKS: Final = ("options", "webhooks")

webhook = StepGroup("webhook", help="Change which servers are asked before a certificate is made.")

_names = (
    click.argument("provisioner", metavar="<provisioner>"),
    click.argument("name", metavar="<name>"),
)
_config = click.option(
    "--ca-config", metavar="<file>", help="The CA's ca.json; that of the context by default."
)


def _flags(function: F) -> F:
    """Add what a webhook consists of."""
    for option in (
        click.option("--cert-type", metavar="<type>", help="X509, SSH or ALL (the default)."),
        click.option(
            "--disable-tls-client-auth", is_flag=True, help="Show it no client certificate."
        ),
        click.option(
            "--basic-auth-password-file", metavar="<file>", help="The password to log in with."
        ),
        click.option("--basic-auth-username", metavar="<name>", help="Who to log in as."),
        click.option("--bearer-token-file", metavar="<file>", help="The token to send along."),
        click.option("--kind", metavar="<kind>", help="ENRICHING (the default) or AUTHORIZING."),
        click.option("--url", metavar="<url>", help="Where it is, by https."),
    ):
        function = option(function)
    return refuse_admin_flags(ca_flags(_config(function)))


def _named(function: F) -> F:
    for argument in reversed(_names):
        function = argument(function)
    return function


@webhook.command("add", cls=StepCommand, short_help="add a webhook to a provisioner")
@_named
@_flags
def add(*, provisioner: str, name: str, ca_config: str | None, **values: Any) -> None:
    """Add a webhook, and print its id and the secret that its requests are signed with.

    \b
    Example:
      $ hearth ca provisioner webhook add cicd inventory --url https://inventory.example.com/ask
      Webhook ID: 1b6cb63c-1c5c-4d3c-8b8b-0c3c5e0a4b7e
      Secret: Zm9v…
    """
    if not values["url"]:
        raise required("url")
    changed, listed = _listed(ca_config, provisioner)
    if any(_name(each) == name for each in listed):
        raise BadRequest(f"provisioner '{provisioner}' has a webhook '{name}' already")
    identifier = str(uuid.uuid4())
    secret = base64.b64encode(secrets.token_bytes(_SECRET_OCTETS)).decode()
    entry: Entry = {
        "id": identifier,
        "name": name,
        "url": "",
        "kind": "ENRICHING",
        "certType": "ALL",
        "secret": secret,
    }
    provisioner_edits.apply(entry, _edits(values))
    listed.append(entry)
    save(changed, provisioner)
    click.echo(f"Webhook ID: {identifier}\nSecret: {secret}")


@webhook.command("update", cls=StepCommand, short_help="change a webhook")
@_named
@_flags
def update(*, provisioner: str, name: str, ca_config: str | None, **values: Any) -> None:
    """Change a webhook; what no flag is about stays as it is.

    \b
    Example:
      $ hearth ca provisioner webhook update cicd inventory --url https://new.example.com/ask
    """
    changed, listed = _listed(ca_config, provisioner)
    provisioner_edits.apply(_found(listed, provisioner, name), _edits(values))
    save(changed, provisioner)


@webhook.command("remove", cls=StepCommand, short_help="remove a webhook")
@_named
@_config
@ca_flags
@refuse_admin_flags
def remove(*, provisioner: str, name: str, ca_config: str | None, **_: Any) -> None:
    """Remove a webhook.

    \b
    Example:
      $ hearth ca provisioner webhook remove cicd inventory
    """
    changed, listed = _listed(ca_config, provisioner)
    listed.remove(_found(listed, provisioner, name))
    save(changed, provisioner)


def _listed(ca_config: str | None, provisioner: str) -> tuple[Editing, list[Any]]:
    """Give the webhooks of a provisioner, to be changed in place. Raises NotFound, BadRequest."""
    changed = opened(ca_config)
    entry = provisioner_edits.find(changed, provisioner)
    listed = provisioner_edits.value_at(entry, _WEBHOOKS)
    if listed is None:
        listed = []
        provisioner_edits.apply(entry, [Put(path=_WEBHOOKS, value=listed)])
    if not isinstance(listed, list):
        raise BadRequest("options.webhooks of the provisioner must be a list")
    return changed, listed


def _found(listed: list[Any], provisioner: str, name: str) -> Entry:
    for each in listed:
        if isinstance(each, dict) and _name(each) == name:
            return each
    raise NotFound(f"provisioner '{provisioner}' has no webhook '{name}'")


def _name(entry: Any) -> str:
    return provisioner_edits.text(entry, "name") if isinstance(entry, dict) else ""


def _edits(values: dict[str, Any]) -> list[Edit]:
    """Say what the given flags change. A token takes the place of a name and password."""
    found: list[Edit] = [
        Put(path=(key,), value=change(values[parameter]))
        for parameter, key, change in (
            ("url", "url", str),
            ("kind", "kind", str.upper),
            ("cert_type", "certType", str.upper),
            ("disable_tls_client_auth", "disableTLSClientAuth", bool),
        )
        if was_given(parameter)
    ]
    if was_given("bearer_token_file"):
        token = _password(values["bearer_token_file"])
        instead = ("bearerTokenFile", "basicAuth")
        return [*found, Put(path=("bearerToken",), value=token, instead=instead)]
    none = ("bearerToken", "bearerTokenFile")
    if was_given("basic_auth_username"):
        path = ("basicAuth", "username")
        found.append(Put(path=path, value=values["basic_auth_username"]))
    if was_given("basic_auth_password_file"):
        password = _password(values["basic_auth_password_file"])
        path = ("basicAuth", "password")
        found.append(Put(path=path, value=password, instead=("passwordFile",)))
    if any(isinstance(each, Put) and each.path[0] == "basicAuth" for each in found):
        found += [Put(path=(key,), value=None) for key in none]
    return found


def _password(file: str) -> str:
    return read_password("password", file=file).reveal().decode("utf-8", "replace")
