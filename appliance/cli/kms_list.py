"""`hearth kms list`: what is on a token."""

import json
from collections.abc import Mapping, Sequence

import click

from appliance.cli.command import StepCommand
from appliance.cli.kms_flags import kms_uri
from appliance.cli.token_places import Place, token_alone
from appliance.cli.token_thread import use_token
from appliance.formats import pem
from appliance.model.errors import BadRequest
from appliance.model.tokens import KeyDescription, TokenStatus
from appliance.ports.keys import KeyManager


@click.command("list", cls=StepCommand, no_context=True)
@click.argument("uri", metavar="[<kms-uri>]", default="")
@kms_uri
@click.option("--json", "as_json", is_flag=True, help="Print all that is known, as JSON.")
def list_keys(*, uri: str, kms: str | None, as_json: bool) -> None:
    """List the keys on a token: name, kind, policies, and whether a certificate is beside it.

    \b
    Examples:
      $ hearth kms list yubikey:
      $ hearth kms list 'pkcs11:module-path=/usr/lib/softhsm/libsofthsm2.so;token=ca'
    """
    status, keys = _asked(uri or kms or "")
    if as_json:
        token = {"name": status.name, "model": status.model, "serial": status.serial}
        click.echo(json.dumps({"token": token, "keys": [_entry(key) for key in keys]}, indent=2))
        return
    for key in keys:
        click.echo(_line(key))


@click.command("search", cls=StepCommand, no_context=True)
@click.argument("uri", metavar="<kms-uri>")
@kms_uri
@click.option("--json", "as_json", is_flag=True, help="Print the public keys, too, as JSON.")
def search(*, uri: str, kms: str | None, as_json: bool) -> None:
    """List the names of the keys on a token, one a line.

    \b
    Example:
      $ hearth kms search yubikey:
    """
    _, keys = _asked(kms or uri)
    if not as_json:
        for key in keys:
            click.echo(key.uri)
        return
    found = [{"name": key.uri, "publicKey": _public(key)} for key in keys]
    click.echo(json.dumps({"keys": found}, indent=2))


def _asked(uri: str) -> tuple[TokenStatus, Sequence[KeyDescription]]:
    if not uri:
        raise BadRequest("say which token is meant: 'yubikey:', or 'pkcs11:module-path=…;token=…'")
    where: Place = token_alone(uri)

    async def listed(manager: KeyManager) -> tuple[TokenStatus, Sequence[KeyDescription]]:
        keys = await manager.list_keys()
        return manager.status, keys

    return use_token(where, listed)


def _entry(key: KeyDescription) -> Mapping[str, object]:
    entry = {
        "name": key.uri,
        "kind": key.kind or "",
        "label": key.label,
        "id": key.identifier.hex(),
        "slot": key.slot,
        "certificate": key.has_certificate,
        "generated": key.generated,
        "pinPolicy": key.policies.pin,
        "touchPolicy": key.policies.touch,
        "extractable": key.policies.extractable,
        "publicKey": _public(key),
    }
    return {name: value for name, value in entry.items() if value not in ("", None)}


def _line(key: KeyDescription) -> str:
    facts = [
        key.kind or "kind not used here",
        f"PIN {key.policies.pin}" if key.policies.pin else "",
        f"touch {key.policies.touch}" if key.policies.touch else "",
        "certificate" if key.has_certificate else "",
        "imported" if key.generated is False else "",
        "extractable" if key.policies.extractable else "",
    ]
    return f"{key.uri}  {', '.join(filter(None, facts))}"


def _public(key: KeyDescription) -> str:
    return pem.encode("PUBLIC KEY", key.public_key) if key.public_key else ""
