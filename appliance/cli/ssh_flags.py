"""The flags that the SSH commands share, and what they say."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import click

from appliance.cli.command import refused
from appliance.cli.credentials import Credentials
from appliance.cli.online import ca_flags
from appliance.cli.provisioning import canonical_time, template_data

F = TypeVar("F", bound=Callable[..., Any])

_OFFLINE: Final = "SSH certificates come from a running CA; start it, and ask that"


@dataclass(frozen=True, slots=True, kw_only=True)
class CaFlags:
    """Which CA, and which of its provisioners by what."""

    ca_url: str | None
    root: str | None
    token: str | None = None
    provisioner: str | None = None
    password_file: str | None = None  # of the provisioner's key
    console: bool = False
    credentials: Credentials = field(default_factory=Credentials)


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateFlags:
    """What the certificate shall be."""

    principals: tuple[str, ...]
    valid_after: str
    valid_before: str
    template_data: dict[str, Any] | None


def ssh_ca_flags(function: F) -> F:
    """Add the flags that say which CA is meant."""
    function = click.option("--ca-config", hidden=True, expose_value=False)(function)
    return ca_flags(refused("offline", because=_OFFLINE, is_flag=True)(function))


def provisioner_flags(function: F) -> F:
    """Add the flags that choose a provisioner."""
    for option in (
        click.option(
            "--provisioner-password-file",
            metavar="<file>",
            help="The password of the provisioner's key.",
        ),
        click.option("--provisioner", "--issuer", metavar="<name>", help="The provisioner to use."),
    ):
        function = option(function)
    return function


def template_flags(function: F) -> F:
    """Add the flags that carry data for templates."""
    for option in (
        click.option("--set-file", metavar="<file>", help="Data for templates, as a JSON file."),
        click.option(
            "--set", "pairs", multiple=True, metavar="<key=value>", help="Data for templates."
        ),
    ):
        function = option(function)
    return function


def token_flag(function: F) -> F:
    """Add --token."""
    return click.option("--token", metavar="<token>", help="The one-time token to use.")(function)


def force_flag(function: F) -> F:
    """Add --force."""
    return click.option("-f", "--force", is_flag=True, help="Overwrite files without asking.")(
        function
    )


def certificate_flags(function: F) -> F:
    """Add the flags that say what the certificate shall be, and for whom."""
    for option in (
        click.option("--comment", metavar="<text>", help="The key's name in the SSH agent."),
        click.option("--console", is_flag=True, help="Log in on another device, if at all."),
        click.option("--insecure", is_flag=True, help="Allow what is not safe."),
        click.option("--add-user", is_flag=True, help="Get a certificate to create the user, too."),
        click.option("--not-after", metavar="<time|duration>", help="When it ends to be valid."),
        click.option("--not-before", metavar="<time|duration>", help="When it begins to be valid."),
        click.option(
            "-n", "--principal", "principals", multiple=True, metavar="<name>",
            help="A user or host name that it is for.",
        ),
    ):  # fmt: skip
        function = option(function)
    return template_flags(token_flag(provisioner_flags(function)))


def wanted(flags: dict[str, Any]) -> CertificateFlags:
    """Read the flags of `certificate_flags`. Raises BadRequest."""
    return CertificateFlags(
        principals=flags["principals"],
        valid_after=canonical_time("not-before", flags["not_before"]),
        valid_before=canonical_time("not-after", flags["not_after"]),
        template_data=template_data(flags["pairs"], flags["set_file"]) or None,
    )


def which_ca(flags: dict[str, Any]) -> CaFlags:
    """Read the flags that say which CA, and how to get a token of it."""
    return CaFlags(
        ca_url=flags["ca_url"],
        root=flags["root"],
        token=flags.get("token"),
        provisioner=flags.get("provisioner"),
        password_file=flags.get("provisioner_password_file") or flags.get("password_file"),
        console=bool(flags.get("console")),
        credentials=Credentials(
            x5c_cert=flags.get("x5c_cert"),
            x5c_key=flags.get("x5c_key"),
            x5c_chain=flags.get("x5c_chain", ()),
            nebula_cert=flags.get("nebula_cert"),
            nebula_key=flags.get("nebula_key"),
            k8ssa_token_path=flags.get("k8ssa_token_path"),
            sshpop_cert=flags.get("sshpop_cert"),
            sshpop_key=flags.get("sshpop_key"),
        ),
    )
