"""`hearth ca revoke`."""

from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import click

from appliance.cli.acme_revoking import revoke_by_acme
from appliance.cli.command import StepCommand, location
from appliance.cli.files import read_file
from appliance.cli.keys import read_private_key
from appliance.cli.online import (
    ca_flags,
    read_roots,
    required_url,
    root_file,
    split_token,
    talk,
    trust_for_token,
)
from appliance.cli.prompts import say, selected
from appliance.cli.provisioning import (
    KeySource,
    TokenWish,
    one_of_flags,
    online_token,
    required_offline_token,
)
from appliance.cli.reach import ask, check_offline, offline, offline_flags
from appliance.client.address import ca_url as complete
from appliance.client.ca import CaClient
from appliance.client.identity import Identity, load_identity
from appliance.formats import pem
from appliance.formats import serial as serial_form
from appliance.issuance.parsed import parse
from appliance.model.errors import BadRequest, FormatError
from appliance.model.orders import RevokeOrder

_REASONS: Final = {  # RFC 5280 section 5.3.1
    "unspecified": 0,
    "keycompromise": 1,
    "cacompromise": 2,
    "affiliationchanged": 3,
    "superseded": 4,
    "cessationofoperation": 5,
    "certificatehold": 6,
    "removefromcrl": 8,
    "privilegewithdrawn": 9,
    "aacompromise": 10,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Flags:
    """What the command line says."""

    serial: str | None
    cert: str | None
    key: str | None
    reason: str | None
    reason_code: str | None
    token: str | None
    acme: str | None
    provisioner: str | None
    provisioner_password_file: str | None
    password_file: str | None
    offline: bool
    ca_config: str | None
    ca_url: str | None
    root: str | None
    context: str | None


@click.command("revoke", cls=StepCommand)
@click.argument("serial", metavar="[<serial-number>]", required=False)
@click.option("--cert", metavar="<file>", help="The certificate to revoke, by its own right.")
@click.option("--key", metavar="<file>", help="Its private key.")
@click.option("--reason", metavar="<string>", help="Why, in words.")
@click.option(
    "--reasonCode",
    "reason_code",
    metavar="<code>",
    help="Why, as 0 to 10 or a name: Unspecified, KeyCompromise, CACompromise, AffiliationChanged, "
    "Superseded, CessationOfOperation, CertificateHold, RemoveFromCRL, PrivilegeWithdrawn, "
    "AACompromise.",
)
@click.option("--token", metavar="<token>", help="The one-time token to use.")
@click.option(
    "--acme",
    metavar="<url>",
    help="The ACME directory of the CA of --cert: by the account here, or by --key.",
)
@ca_flags
@click.option("--provisioner", metavar="<name>", help="The provisioner to use.")
@click.option("--provisioner-password-file", metavar="<file>", help="The password of its key.")
@click.option(
    "--password-file", metavar="<file>", help="With --offline: the password of the CA's key."
)
@offline_flags
def revoke(**values: Any) -> None:
    """Revoke a certificate: it cannot be renewed any more.

    With a serial number a token of a provisioner is needed, and made on the way (its password is
    asked for) unless --token brings one. With --cert and --key the certificate revokes itself.
    With --acme and --cert it is revoked at any CA, by the account that ordered it, or by its --key.

    \b
    Examples:
      $ hearth ca revoke 308893286343609293989051180431574390766
      $ hearth ca revoke --cert internal.crt --key internal.key
      $ hearth ca revoke --offline 308893286343609293989051180431574390766
      $ hearth ca revoke --token $TOKEN --reason "laptop lost" --reasonCode KeyCompromise 0x1f2e
    """  # fmt: skip
    flags = _Flags(**values)
    code = reason_code(flags.reason_code or "")
    if flags.offline:
        check_offline(token=flags.token)
    if flags.acme:
        number = _revoke_by_acme(flags, flags.acme, code)
        say(f"Certificate with Serial Number {number} has been revoked.")
        return
    by_itself = bool(flags.cert or flags.key)
    number = _revoke_itself(flags, code) if by_itself else _revoke_serial(flags, code)
    say(f"Certificate with Serial Number {number} has been revoked.")


def reason_code(text: str) -> int:
    """Read a reason as a number or a name, whose case and spaces do not matter.

    Raises BadRequest.
    """
    if not text:
        return 0
    if text.lstrip("+-").isdecimal():
        if not 0 <= int(text) <= 10:
            raise BadRequest(f"reasonCode out of bounds: {text} is not between 0 and 10")
        return int(text)
    code = _REASONS.get(text.replace(" ", "").lower())
    if code is None:
        raise BadRequest(
            f"unrecognized revocation reason code '{text}'; it is one of {', '.join(_REASONS)}"
        )
    return code


def _revoke_serial(flags: _Flags, code: int) -> int:
    """Revoke by serial number, with a token."""
    if not flags.serial:
        ctx = click.get_current_context()
        raise click.UsageError("missing <serial-number>, or --cert and --key", ctx)
    try:
        number = serial_form.parse(flags.serial)
    except FormatError as error:
        raise BadRequest(str(error)) from error
    token = split_token(flags.token or _make_token(flags, number))
    named = str(token.claims.get("sub", ""))
    if named != str(number):
        raise BadRequest(f"token subject '{named}' and serial number '{number}' do not match")
    wanted = RevokeOrder(
        serial=number, token=token.raw, reason_code=code, reason=flags.reason or ""
    )
    if flags.offline:
        _ask_offline(flags, wanted)
        return number
    url, roots = trust_for_token(token, flags.ca_url, flags.root)
    talk(url, roots, partial(CaClient.revoke, order=wanted))
    return number


def _revoke_itself(flags: _Flags, code: int) -> int:
    """Revoke a certificate by its own key."""
    if flags.serial:
        raise BadRequest("with --cert and --key, no serial number is expected")
    if flags.token:
        raise BadRequest("flag '--cert' is incompatible with '--token'")
    cert, key = flags.cert, flags.key
    if not cert or not key:
        given, missing = ("key", "cert") if key else ("cert", "key")
        raise BadRequest(f"flag '--{given}' requires the '--{missing}' flag")
    identity = load_identity(read_file(cert), lambda: read_private_key(key))
    number = identity.leaf.serial
    wanted = RevokeOrder(serial=number, reason_code=code, reason=flags.reason or "")
    if flags.offline:
        _ask_offline(flags, wanted, identity)
        return number
    url, roots = required_url(flags.ca_url), read_roots(root_file(flags.root))
    selected("CA", url)
    talk(url, roots, partial(CaClient.revoke, order=wanted), identity=identity)
    return number


def _revoke_by_acme(flags: _Flags, directory: str, code: int) -> int:
    """Revoke a certificate where an ACME directory says."""
    for flag, value in (("token", flags.token), ("offline", flags.offline)):
        if value:
            raise BadRequest(f"flag '--acme' is incompatible with '--{flag}'")
    if flags.serial or not flags.cert:
        raise BadRequest("with --acme, the certificate is named by --cert, not by its number")
    found = pem.certificates(read_file(flags.cert))[0]
    key = read_private_key(flags.key) if flags.key else None
    number = parse(found).serial
    revoke_by_acme(directory, flags.root, found, reason_code=code, key=key)
    return number


def _make_token(flags: _Flags, number: int) -> str:
    """Make the token for immediate use."""
    source = KeySource(
        name=flags.provisioner or "",
        password_file=flags.provisioner_password_file or flags.password_file,
        name_flag="--provisioner" if flags.offline else "--token",
        opened_by="--provisioner-password-file" if flags.offline else "--token",
    )
    wish = TokenWish(operation="revoke", subject=str(number))
    if flags.offline:
        return required_offline_token(wish, source, flags.ca_config)
    if not flags.ca_url:
        raise one_of_flags("ca-url", "token")
    if not flags.root and not location().root_certificate.exists():
        raise one_of_flags("root", "token")
    return online_token(wish, source, complete(flags.ca_url), root_file(flags.root))


def _ask_offline(flags: _Flags, wanted: RevokeOrder, shown: Identity | None = None) -> None:
    """Revoke past the CA's address, showing a certificate that is held with its key."""
    reach = offline(flags.ca_config, flags.password_file)
    ask(reach, lambda ca: ca.revoke(wanted), shown)
