"""`hearth ca provisioner add`, `update` and `remove`: the entries of ca.json."""

from typing import Any, Final

import click

from appliance.cli.ca_json import opened, save
from appliance.cli.command import StepCommand, was_given
from appliance.cli.online import ca_flags, required
from appliance.cli.prompts import say
from appliance.cli.provisioner_flags import (
    edits,
    entry_flags,
    missing,
    refuse_admin_flags,
    tell_idle,
)
from appliance.cli.provisioner_keys import key_edits, require_key
from appliance.config import provisioner_edits
from appliance.config.provisioner_edits import Edit, Put

_NEW_CLAIMS: Final = {
    "enableSSHCA": True,
    "disableRenewal": False,
    "allowRenewalAfterExpiry": False,
    "disableSmallstepExtensions": False,
}

_name = click.argument("name", metavar="<name>")
_config = click.option(
    "--ca-config", metavar="<file>", help="The CA's ca.json; that of the context by default."
)
_create = click.option("--create", is_flag=True, help="JWK: make a new key.")
_private_key = click.option(
    "--private-key", metavar="<file>", help='JWK: the private key to keep, encrypted; "": none.'
)
_password_file = click.option(
    "--password-file", metavar="<file>", help="JWK: the password to encrypt the private key with."
)


@click.command("add", cls=StepCommand)
@_name
@click.option(
    "--type",
    "kind",
    default="JWK",
    metavar="<type>",
    help="JWK (the default), OIDC, ACME, X5C, K8sSA, SSHPOP, SCEP or Nebula.",
)
@_create
@_private_key
@_password_file
@entry_flags(removing=False)
@_config
@ca_flags
def add(*, name: str, kind: str, **values: Any) -> None:
    """Add a provisioner to ca.json.

    The server takes it up when it is told to reload. The whole file is checked before it takes the
    place of the old one; what is wrong changes nothing.

    \b
    Examples:
      $ hearth ca provisioner add cicd --create
      $ hearth ca provisioner add cicd --create --x509-template leaf.tpl --x509-max-dur 720h
      $ hearth ca provisioner add jane@example.com --public-key jwk.pub --private-key jwk.priv
      $ hearth ca provisioner add acme --type ACME --challenge dns-01
      $ hearth ca provisioner add devices --type X5C --x5c-roots factory_ca.crt
      $ hearth ca provisioner add Google --type OIDC --client-id 1087160488420-8qt7 \\
          --client-secret udTrOT3gzrO7W9 --domain example.com --configuration-endpoint \\
          https://accounts.google.com/.well-known/openid-configuration
    """
    kind = provisioner_edits.known_type(kind)
    changes = edits(kind, values)
    if kind == "JWK":
        require_key(create=values["create"], public_key=values["public_key"])
    elif flag := next(missing(kind, values), ""):
        raise required(flag, f" with '--type={kind}'")
    changed = opened(values["ca_config"])
    entry: dict[str, Any] = {"type": kind, "name": name}
    provisioner_edits.add(changed, entry)
    tell_idle(kind, values)
    own_keys = _key_edits(values) if kind == "JWK" else []
    claims = Put(path=("claims",), value=dict(_NEW_CLAIMS))
    provisioner_edits.apply(entry, [*own_keys, claims, *changes])
    save(changed, name)


@click.command("update", cls=StepCommand)
@_name
@click.option("--name", "new_name", metavar="<name>", help="What it is to be called.")
@_create
@_private_key
@_password_file
@entry_flags(removing=True)
@_config
@ca_flags
def update(*, name: str, new_name: str | None, **values: Any) -> None:
    """Change a provisioner in ca.json; what no flag is about stays as it is.

    A value of "" takes a key away.

    \b
    Examples:
      $ hearth ca provisioner update cicd --x509-max-dur 720h --disable-renewal
      $ hearth ca provisioner update cicd --x509-template ""
      $ hearth ca provisioner update cicd --private-key ""
      $ hearth ca provisioner update acme --challenge dns-01 --remove-challenge http-01
      $ hearth ca provisioner update Google --domain example.org --remove-domain example.com
      $ hearth ca provisioner update devices --issuer 2036
    """
    changed = opened(values["ca_config"])
    entry = provisioner_edits.find(changed, name)
    kind = provisioner_edits.known_type(provisioner_edits.text(entry, "type"))
    changes = edits(kind, values)
    tell_idle(kind, values)
    if kind == "JWK":
        _tell_orphan(entry, values)
        changes = [*_key_edits(values), *changes]
    provisioner_edits.apply(entry, changes)
    if new_name is not None:
        provisioner_edits.rename(changed, entry, new_name)
    save(changed, new_name or name)


@click.command("remove", cls=StepCommand)
@_name
@_config
@ca_flags
@refuse_admin_flags
def remove(*, name: str, ca_config: str | None, **others: Any) -> None:
    """Remove a provisioner from ca.json.

    What it issued cannot be renewed any more.

    \b
    Example:
      $ hearth ca provisioner remove acme
    """
    del others
    changed = opened(ca_config)
    provisioner_edits.remove(changed, name)
    save(changed)


@click.command("disable", cls=StepCommand)
@_name
@_config
def disable(*, name: str, ca_config: str | None) -> None:
    """Have a provisioner issue and renew nothing, and keep all that ca.json says of it.

    \b
    Example:
      $ hearth ca provisioner disable acme
    """
    _switch(name, ca_config, disabled=True)


@click.command("enable", cls=StepCommand)
@_name
@_config
def enable(*, name: str, ca_config: str | None) -> None:
    """Have a disabled provisioner issue and renew again.

    \b
    Example:
      $ hearth ca provisioner enable acme
    """
    _switch(name, ca_config, disabled=False)


def _switch(name: str, ca_config: str | None, *, disabled: bool) -> None:
    changed = opened(ca_config)
    provisioner_edits.switch(provisioner_edits.find(changed, name), disabled=disabled)
    save(changed, name)


def _key_edits(values: dict[str, Any]) -> list[Edit]:
    return key_edits(
        create=values["create"],
        public_key=values["public_key"] if was_given("public_key") else None,
        private_key=values["private_key"],
        password_file=values["password_file"],
    )


def _tell_orphan(entry: dict[str, Any], values: dict[str, Any]) -> None:
    """Say that a private key is kept which is not that of the new public key."""
    kept = values["private_key"] is None and provisioner_edits.text(entry, "encryptedKey")
    if was_given("public_key") and kept:
        say(
            "The encryptedKey stays that of the former key: give --private-key with the new one, "
            'or --private-key "" to remove it.'
        )
