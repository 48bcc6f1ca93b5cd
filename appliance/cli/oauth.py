"""`hearth oauth`: log in with OAuth 2.0 or OpenID Connect, and get the tokens."""

import json
from dataclasses import dataclass
from typing import Any, Final

import click

from appliance.cli.command import StepCommand, location, refused, was_given
from appliance.cli.files import read_file
from appliance.cli.login import Login, Way, log_in, required_identity
from appliance.cli.online import now, read_roots
from appliance.cli.service_account import ServiceAccount, account_tokens, read_account
from appliance.client.callback import Callback
from appliance.client.oauth import (
    DEFAULT_SCOPE,
    KNOWN,
    Endpoints,
    Registration,
    Tokens,
    is_safe,
    parameters_of,
)
from appliance.model.errors import BadRequest

_WAYS: Final = {"device": Way.DEVICE, "oob": Way.CODE}


@click.command("oauth", cls=StepCommand)
@click.option(
    "--provider", "--idp", metavar="<provider>", default="google",
    help="The provider: google, github or the URL of its discovery document. google by default.",
)  # fmt: skip
@click.option("-e", "--email", metavar="<email>", help="Whom to log in.")
@click.option("-c", "--console", is_flag=True, help="Log in on another device (see console-flow).")
@click.option("--console-flow", metavar="<flow>", help="How: device (default), or oob.")
@click.option("--client-id", metavar="<id>", help="The id that the provider knows the client by.")
@click.option("--client-secret", metavar="<secret>", help="The client's secret, if it has one.")
@click.option("--account", metavar="<file>", help="The JSON file of an account at Google.")
@click.option("--authorization-endpoint", metavar="<url>", help="Where to log in.")
@click.option("--device-authorization-endpoint", metavar="<url>", help="Where devices log in.")
@click.option("--token-endpoint", metavar="<url>", help="Where tokens come from.")
@click.option("--header", is_flag=True, help="Print the token as an HTTP header, for curl.")
@click.option("--oidc", is_flag=True, help="Print the identity token, not the access token.")
@click.option("--bare", is_flag=True, help="Print the token alone.")
@click.option("--scope", multiple=True, metavar="<scope>", help="What to ask for: openid, email.")
@click.option(
    "--auth-param", multiple=True, metavar="<key=value>", help="Add this to the URL to log in at."
)
@click.option("--prompt", metavar="<prompt>", help="none, login, consent or select_account.")
@click.option("--jwt", is_flag=True, help="Make a service account's own token, asking nobody.")
@click.option("--listen", metavar="<address>", help="Where the browser comes back to (:10000).")
@click.option("--listen-url", metavar="<url>", help="That address, as the provider knows it.")
@click.option("--redirect-url", metavar="<url>", help="What the browser shows in the end.")
@click.option("--insecure", is_flag=True, hidden=True, expose_value=False)
@click.option("--browser", hidden=True, expose_value=False)
@refused(
    "implicit", because="it puts tokens into URLs; the default flow is for every client",
    is_flag=True,
)  # fmt: skip
def oauth(**values: Any) -> None:
    """Log in with OAuth 2.0 or OpenID Connect and print the tokens.

    A browser is opened and comes back to this machine when you have logged in. With --console
    the log-in is done on another device. The provider has to know the client: --client-id.

    \b
    Examples:
      $ hearth oauth --provider https://idp.example.com --client-id hearth --oidc --bare
      $ hearth oauth --provider https://idp.example.com --client-id hearth --listen :10000
      $ hearth oauth --client-id $ID --client-secret $SECRET --console
      $ curl -H "$(hearth oauth --client-id $ID --header)" https://api.example.com
    """
    flags = _Flags(**values)
    way = _way(flags)
    account = read_account(flags.account, read_file(flags.account)) if flags.account else None
    if isinstance(account, ServiceAccount):
        tokens = account_tokens(
            account, scope=_scope(flags), by_itself=flags.jwt, now=now(), roots=_roots()
        )
    else:
        if account is None and not flags.client_id:
            raise BadRequest(
                "flag '--client-id' is required: this program has no registration of its own at "
                "any provider"
            )
        tokens = log_in(_login(flags, way, account), _roots())
    _print(flags, tokens)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Flags:
    """What the command line says."""

    provider: str
    email: str | None
    console: bool
    console_flow: str | None
    client_id: str | None
    client_secret: str | None
    account: str | None
    authorization_endpoint: str | None
    device_authorization_endpoint: str | None
    token_endpoint: str | None
    header: bool
    oidc: bool
    bare: bool
    scope: tuple[str, ...]
    auth_param: tuple[str, ...]
    prompt: str | None
    jwt: bool
    listen: str | None
    listen_url: str | None
    redirect_url: str | None


def _way(flags: _Flags) -> Way:
    if flags.console_flow is None:
        return Way.DEVICE if flags.console else Way.BROWSER
    way = _WAYS.get(flags.console_flow.lower())
    if way is None:
        raise BadRequest(
            f"invalid value '{flags.console_flow}' for flag '--console-flow'; "
            "options are device, oob"
        )
    return way


def _login(flags: _Flags, way: Way, account: Login | None) -> Login:
    """Put together what is asked for. Raises BadRequest."""
    if flags.provider not in KNOWN and not is_safe(flags.provider):
        raise BadRequest(
            f"invalid value '{flags.provider}' for flag '--provider'; "
            "use google, github or an https URL"
        )
    if flags.listen_url and "://" not in flags.listen_url:
        raise BadRequest(f"invalid value '{flags.listen_url}' for flag '--listen-url'")
    known = account.who if account else None
    return Login(
        who=Registration(
            client_id=known.client_id if known else flags.client_id or "",
            client_secret=known.client_secret if known else flags.client_secret or "",
            scope=_scope(flags),
            prompt=flags.prompt or "",
            login_hint=flags.email or "",
            parameters=parameters_of(flags.auth_param, "auth-param"),
        ),
        way=way,
        provider=flags.provider,
        endpoints=account.endpoints if account else _endpoints(flags),
        callback=Callback.of(
            flags.listen or "", flags.listen_url or "", onward=flags.redirect_url or ""
        ),
    )


def _endpoints(flags: _Flags) -> Endpoints | None:
    """Give the endpoints that the flags name, which then are all. Raises BadRequest."""
    named = {
        "authorization-endpoint": flags.authorization_endpoint,
        "device-authorization-endpoint": flags.device_authorization_endpoint,
    }
    given = [flag for flag, value in named.items() if value]
    if not given:
        return None
    if not flags.token_endpoint:
        raise BadRequest(f"flag '--{given[0]}' requires flag '--token-endpoint'")
    return Endpoints(
        authorization=flags.authorization_endpoint or "",
        device=flags.device_authorization_endpoint or "",
        token=flags.token_endpoint,
    )


def _scope(flags: _Flags) -> str:
    return " ".join(flags.scope) if was_given("scope") else DEFAULT_SCOPE


def _roots() -> tuple[bytes, ...]:
    """Give the roots of the CA that this machine trusts: providers at home are often behind it."""
    file = location().root_certificate
    return read_roots(str(file)) if file.exists() else ()


def _print(flags: _Flags, tokens: Tokens) -> None:
    if not flags.header and not flags.bare:
        click.echo(json.dumps(tokens.shown(), indent=2, ensure_ascii=False))
        return
    token = required_identity(tokens) if flags.oidc else tokens.access_token
    click.echo(f"Authorization: Bearer {token}" if flags.header else token)
