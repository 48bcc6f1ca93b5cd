"""The flags of commands that get certificates by ACME, and what they say together."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import click

from appliance.cli.files import read_file
from appliance.client.acme.account import ExternalAccount
from appliance.client.acme.answering import Answering, Standalone, Webroot
from appliance.client.acme.dns_hook import DnsHook
from appliance.formats import base64url
from appliance.model.errors import BadRequest, FormatError

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class AcmeFlags:
    """The flags of ACME. `acme` is the URL of a directory."""

    acme: str | None
    standalone: bool
    webroot: str | None
    dns_hook: str | None
    http_listen: str
    contact: tuple[str, ...]
    eab_key_id: str | None
    eab_key: str | None
    acme_profile: str | None
    preferred_chain: str | None

    def external_account(self) -> ExternalAccount | None:
        """Read what the CA's operator gave. Raises BadRequest."""
        if not self.eab_key_id and not self.eab_key:
            return None
        if not self.eab_key_id or not self.eab_key:
            given, missing = (
                ("eab-key", "eab-key-id") if self.eab_key else ("eab-key-id", "eab-key")
            )
            raise BadRequest(f"flag '--{given}' requires the '--{missing}' flag")
        text = read_file(self.eab_key).decode("utf-8", "replace").strip().rstrip("=")
        try:
            key = base64url.decode(text)
        except FormatError as error:
            raise BadRequest(
                f"{self.eab_key} does not hold a key for --eab-key-id: one line of base64url"
            ) from error
        if not key:
            raise BadRequest(f"{self.eab_key} is empty; it must hold the key for --eab-key-id")
        return ExternalAccount(key_id=self.eab_key_id, key=key)

    def answering(self) -> Answering:
        """Say how names are proved: by a server of our own unless told otherwise.

        Raises BadRequest.
        """
        given = {"standalone": self.standalone, "webroot": self.webroot, "dns-hook": self.dns_hook}
        chosen = [name for name, value in given.items() if value]
        if len(chosen) > 1:
            raise BadRequest(
                f"flag '--{chosen[0]}' and flag '--{chosen[1]}' are mutually exclusive"
            )
        if self.webroot:
            return Webroot(self.webroot)
        if self.dns_hook:
            return DnsHook(self.dns_hook)
        return Standalone(self.http_listen)


def acme_flags(function: F) -> F:
    """Add them."""
    for option in (
        click.option(
            "--preferred-chain",
            metavar="<name>",
            help="ACME: take the chain that leads to the issuer of this common name.",
        ),
        click.option(
            "--acme-profile", metavar="<name>", help="ACME: order by this profile of the CA's."
        ),
        click.option(
            "--eab-key",
            metavar="<file>",
            help="ACME: a file with the key (base64url) that goes with --eab-key-id.",
        ),
        click.option(
            "--eab-key-id",
            metavar="<id>",
            help="ACME: the key by which the CA's operator binds a new account.",
        ),
        click.option(
            "--http-listen",
            default=":80",
            metavar="<address>",
            help="ACME: where to listen with --standalone; :80 by default.",
        ),
        click.option(
            "--contact",
            multiple=True,
            metavar="<email-address>",
            help="ACME: whom the CA may write to; may be repeated.",
        ),
        click.option(
            "--dns-hook",
            metavar="<command>",
            help="ACME: prove names in the DNS: the command is run with add or remove, the name of "
            "a TXT record and its text.",
        ),
        click.option(
            "--webroot",
            metavar="<dir>",
            help="ACME: let the web server that serves this directory answer the CA.",
        ),
        click.option(
            "--standalone",
            is_flag=True,
            help="ACME: answer the CA by a web server of our own (the default).",
        ),
        click.option("--acme", metavar="<url>", help="The ACME directory of any CA to order from."),
    ):
        function = option(function)
    return function


def take(flags: dict[str, Any]) -> AcmeFlags:
    """Take these flags out of all those of a command."""
    return AcmeFlags(**{name: flags.pop(name) for name in AcmeFlags.__slots__})
