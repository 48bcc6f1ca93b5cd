"""What `ca certificate` and `ca sign` share: their flags, and the way of an order to the CA."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import click

from appliance.cli.acme_flags import acme_flags
from appliance.cli.command import location
from appliance.cli.credentials import Credentials, credential_flags, x5c_flags
from appliance.cli.files import write_file
from appliance.cli.keys import kms_flag
from appliance.cli.online import (
    ca_flags,
    root_file,
    talk,
    trust_for_token,
)
from appliance.cli.provisioning import (
    KeySource,
    TokenWish,
    one_of_flags,
    online_token,
    required_offline_token,
    template_data,
)
from appliance.cli.reach import ask, check_offline, offline, offline_flags
from appliance.client.address import ca_url as complete
from appliance.client.ca import CaClient
from appliance.client.token_kinds import TokenKind, kind_of_token
from appliance.formats import pem, timeorduration
from appliance.formats.jwt import UnverifiedToken
from appliance.model.errors import BadRequest, FormatError, NotSupported
from appliance.model.orders import SignOrder

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuingFlags:
    """The flags that both commands have."""

    token: str | None
    provisioner: str | None
    provisioner_password_file: str | None
    password_file: str | None
    not_before: str | None
    not_after: str | None
    pairs: tuple[str, ...]
    set_file: str | None
    force: bool
    console: bool
    x5c_cert: str | None
    x5c_key: str | None
    x5c_chain: tuple[str, ...]
    nebula_cert: str | None
    nebula_key: str | None
    k8ssa_token_path: str | None
    offline: bool
    ca_config: str | None
    ca_url: str | None
    root: str | None
    context: str | None


def issuing_flags(function: F) -> F:
    """Add them all, and those of ACME."""
    for option in (
        click.option("-f", "--force", is_flag=True, help="Overwrite files without asking."),
        click.option("--console", is_flag=True, help="Log in on another device, if at all."),
        click.option("--set-file", metavar="<file>", help="Data for templates, as a JSON file."),
        click.option(
            "--set", "pairs", multiple=True, metavar="<key=value>", help="Data for templates."
        ),
        click.option("--not-after", metavar="<time|duration>", help="When it ends to be valid."),
        click.option("--not-before", metavar="<time|duration>", help="When it begins to be valid."),
        click.option("--password-file", metavar="<file>", help="The same, for want of the other."),
        click.option(
            "--provisioner-password-file",
            metavar="<file>",
            help="The password of the provisioner's key.",
        ),
        click.option("--provisioner", "--issuer", metavar="<name>", help="The provisioner to use."),
        click.option("--token", metavar="<token>", help="The one-time token to use."),
    ):
        function = option(function)
    function = x5c_flags(credential_flags(ca_flags(acme_flags(function))))
    return kms_flag(offline_flags(function))


def make_token(
    flags: IssuingFlags, subject: str, sans: Sequence[str], *, confirmation: str = ""
) -> str:
    """Make the token for immediate use."""
    wish = TokenWish(operation="sign", subject=subject, sans=sans, confirmation=confirmation)
    source = KeySource(
        name=flags.provisioner or "",
        password_file=flags.provisioner_password_file or flags.password_file,
        console=flags.console,
        credentials=Credentials(
            x5c_cert=flags.x5c_cert,
            x5c_key=flags.x5c_key,
            x5c_chain=flags.x5c_chain,
            nebula_cert=flags.nebula_cert,
            nebula_key=flags.nebula_key,
            k8ssa_token_path=flags.k8ssa_token_path,
        ),
    )
    if flags.offline:
        return required_offline_token(wish, source, flags.ca_config)
    if not flags.ca_url:
        raise one_of_flags("ca-url", "token")
    if not flags.root and not location().root_certificate.exists():
        raise one_of_flags("root", "token")
    return online_token(wish, source, complete(flags.ca_url), root_file(flags.root))


def supported_kind(token: UnverifiedToken) -> TokenKind:
    """Tell the kind of a token that we can ask for a certificate with. Raises NotSupported."""
    kind = kind_of_token(token)
    if kind is TokenKind.CLOUD:
        raise NotSupported("tokens of clouds are not supported by this version")
    if kind is TokenKind.UNKNOWN:
        raise BadRequest("token is not supported: it says neither what it is for nor who it is of")
    return kind


def check(flags: IssuingFlags) -> None:
    """Find a mistake in the flags before anything is asked of the CA. Raises BadRequest."""
    if flags.offline:
        check_offline(token=flags.token)
    for flag, text in (("not-before", flags.not_before), ("not-after", flags.not_after)):
        try:
            timeorduration.parse(text or "")
        except FormatError as error:
            raise BadRequest(f"invalid value '{text}' for flag '--{flag}': {error}") from error


def order(flags: IssuingFlags, token: UnverifiedToken, csr: bytes) -> tuple[bytes, ...]:
    """Have the request signed: the chain (DER), the leaf first."""
    wanted = SignOrder(
        csr=csr,
        token=token.raw,
        not_before=flags.not_before or "",
        not_after=flags.not_after or "",
        template_data=template_data(flags.pairs, flags.set_file) or None,
    )
    if flags.offline:
        reach = offline(flags.ca_config, flags.password_file)
        return ask(reach, lambda ca: ca.sign(wanted))
    url, roots = trust_for_token(token, flags.ca_url, flags.root)
    return talk(url, roots, partial(CaClient.sign, order=wanted))


def write_chain(file: str, chain: Sequence[bytes]) -> None:
    """Write the chain as PEM; whether it may be overwritten has been asked before."""
    text = "".join(pem.encode("CERTIFICATE", der) for der in chain)
    write_file(file, text.encode(), 0o600, force=True)
