"""Logging in at an identity provider: opening the browser, telling a person what to do."""

import enum
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

import trio

from appliance.cli.online import octets
from appliance.cli.prompts import ask, say
from appliance.client import oauth, oauth_flows
from appliance.client.callback import Callback
from appliance.client.oauth import Endpoints, Proof, Registration, Tokens
from appliance.model.errors import BadRequest, Unauthorized
from appliance.upstream.http import HttpOutbound

_WINDOWS: Final = ("rundll32.exe", "url.dll,FileProtocolHandler")  # from Linux inside Windows
_KERNEL: Final = Path("/proc/sys/kernel/osrelease")


class Way(enum.Enum):
    """Where the person logs in."""

    BROWSER = enum.auto()  # here; the browser comes back to us
    DEVICE = enum.auto()  # anywhere; the provider tells us
    CODE = enum.auto()  # anywhere; the person types in a code


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """One log-in to be done. `provider` is asked for what `endpoints` do not say."""

    who: Registration
    way: Way
    provider: str = ""
    endpoints: Endpoints | None = None
    callback: Callback = field(default_factory=Callback)


def log_in(login: Login, roots: Sequence[bytes]) -> Tokens:
    """Let the person log in. `roots` (DER) are trusted beside the system's.

    Raises BadRequest, Unauthorized, Unavailable, Broken.
    """
    return trio.run(_log_in, login, HttpOutbound(roots))


def identity_token(entry: Mapping[str, Any], roots: Sequence[bytes], *, console: bool) -> str:
    """Get an identity token for a provisioner of type OIDC. Raises as `log_in` does."""
    listen = os.environ.get("STEP_LISTEN") or _text(entry, "listenAddress")
    parameters = oauth.parameters_of(_texts(entry, "authParams"), "auth-param")
    tokens = log_in(
        Login(
            who=Registration(
                client_id=_text(entry, "clientID"),
                client_secret=_text(entry, "clientSecret"),
                scope=" ".join(_texts(entry, "scopes")) or oauth.DEFAULT_SCOPE,
                parameters=parameters,
            ),
            way=Way.DEVICE if console else Way.BROWSER,
            provider=_text(entry, "configurationEndpoint"),
            callback=Callback.of(listen),
        ),
        roots,
    )
    return required_identity(tokens)


def required_identity(tokens: Tokens) -> str:
    """Give the identity token. Raises Unauthorized when the provider gave none."""
    if not tokens.id_token:
        raise Unauthorized(
            "the provider gave no identity token: the scopes have to have 'openid' among them"
        )
    return tokens.id_token


async def _log_in(login: Login, outbound: HttpOutbound) -> Tokens:
    endpoints = login.endpoints or await oauth_flows.discover(outbound, login.provider)
    proof = Proof.of(octets(3 * oauth.SECRET_OCTETS))
    match login.way:
        case Way.BROWSER:
            return await oauth_flows.by_browser(
                outbound, endpoints, login.who, proof, callback=login.callback, show=_open
            )
        case Way.DEVICE:
            return await oauth_flows.by_device(outbound, endpoints, login.who, tell=say)
        case Way.CODE:
            return await oauth_flows.by_code(
                outbound, endpoints, login.who, proof, show=_ask_to_open,
                ask=partial(ask, "Enter verification code"),
            )  # fmt: skip


def _open(url: str) -> None:
    """Open a browser and say what for; where there is none, ask the person to do it."""
    if os.environ.get("STEP_OPEN_BROWSER") == "0":
        say(url)
        return
    try:
        subprocess.Popen(  # noqa: S603 - the program is ours to choose, the URL has been checked
            [*_opener(), url],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=_environment(),
            start_new_session=True,
        )
    except OSError:
        say("Cannot open a web browser on your platform.\n")
        _ask_to_open(url)
    else:
        say(f"Your default web browser has been opened to visit:\n\n{url}\n")


def _ask_to_open(url: str) -> None:
    say(f"Open a local web browser and visit:\n\n{url}\n")


def _opener() -> Sequence[str]:
    """Name the program that opens the person's browser."""
    try:
        windows = "microsoft" in _KERNEL.read_text().lower()
    except OSError:
        windows = False
    return _WINDOWS if windows else ("xdg-open",)


def _environment() -> dict[str, str]:
    """Give our environment without what the one file has added to it for itself."""
    environment = dict(os.environ)
    if getattr(sys, "frozen", False):
        original = environment.pop("LD_LIBRARY_PATH_ORIG", None)
        environment.pop("LD_LIBRARY_PATH", None)
        if original is not None:
            environment["LD_LIBRARY_PATH"] = original
    return environment


def _text(entry: Mapping[str, Any], name: str) -> str:
    value = entry.get(name) or ""
    if not isinstance(value, str):
        raise BadRequest(f"the provisioner's {name} is not a text")
    return value


def _texts(entry: Mapping[str, Any], name: str) -> list[str]:
    value = entry.get(name) or []
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise BadRequest(f"the provisioner's {name} is not a list of texts")
    return value
