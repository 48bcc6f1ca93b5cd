"""`hearth ca token`: one-time tokens."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import click

from appliance.cli.command import StepCommand
from appliance.cli.credentials import Credentials, credential_flags, sshpop_flags
from appliance.cli.files import read_file, write_file
from appliance.cli.keys import kms_flag, read_private_key
from appliance.cli.online import (
    ca_flags,
    now,
    octets,
    required,
    required_url,
    root_file,
)
from appliance.cli.prompts import say
from appliance.cli.provisioning import (
    KeySource,
    SshWish,
    TokenWish,
    canonical_time,
    offline_token,
    online_token,
    self_made_token,
    template_data,
)
from appliance.client.csr import read_request
from appliance.client.identity import load_identity
from appliance.client.tokens import TOKEN_ID_OCTETS, audience, renewal_token, window
from appliance.formats import base64url, timeorduration
from appliance.formats.ssh import authorized
from appliance.model.errors import BadRequest, FormatError
from appliance.model.ssh import CertificateType


@click.command("token", cls=StepCommand)
@click.argument("subject", metavar="<subject>")
@click.option(
    "--san", multiple=True, metavar="<name>", help="A name (DNS, IP, email, URI) to allow."
)
@click.option("--not-before", metavar="<time|duration>", help="When the token begins to hold.")
@click.option("--not-after", metavar="<time|duration>", help="When the token ends to hold.")
@click.option("--provisioner", "--issuer", metavar="<name>", help="The provisioner to use.")
@click.option("--kid", metavar="<kid>", help="The provisioner with this key to use.")
@click.option("--key", metavar="<file>", help="Sign with this private key (PEM or JWK).")
@click.option("--provisioner-password-file", metavar="<file>", help="The password of that key.")
@click.option("--password-file", metavar="<file>", help="The same, for want of the other.")
@click.option("--output-file", metavar="<file>", help="Write the token to a file.")
@click.option("--revoke", is_flag=True, help="Make a token to revoke the serial <subject> with.")
@click.option("--renew", is_flag=True, help="Make a token to renew --x5c-cert with.")
@click.option("--ssh", is_flag=True, help="Make a token for an SSH certificate.")
@click.option("--host", is_flag=True, help="With --ssh: for a host, not for a user.")
@click.option(
    "-n",
    "--principal",
    "principal",
    multiple=True,
    metavar="<name>",
    help="With --ssh: a user or host name to allow.",
)
@click.option("--rekey", is_flag=True, help="With --ssh: make a token to rekey --sshpop-cert with.")
@click.option(
    "--cert-not-before",
    metavar="<time|duration>",
    help="With --ssh: when the certificate begins to be valid.",
)
@click.option(
    "--cert-not-after",
    metavar="<time|duration>",
    help="With --ssh: when the certificate ends to be valid.",
)
@sshpop_flags
@click.option(
    "--x5c-cert", metavar="<file>", help="A certificate to sign by, or to renew with --renew."
)
@click.option("--x5c-key", metavar="<file>", help="The private key of --x5c-cert.")
@click.option("--x5c-insecure", is_flag=True, help="Bring the certificates as 'x5cInsecure'.")
@click.option("--cnf", metavar="<fingerprint>", help="Bind the token to the CSR of this SHA-256.")
@click.option("--cnf-file", metavar="<file>", help="Bind the token to this CSR.")
@click.option("--set", "pairs", multiple=True, metavar="<key=value>", help="Data for templates.")
@click.option("--set-file", metavar="<file>", help="Data for templates, as a JSON file.")
@click.option("--offline", is_flag=True, help="Make the token without asking the CA.")
@click.option("--ca-config", metavar="<file>", help="The ca.json to use with --offline.")
@click.option("-f", "--force", is_flag=True, help="Overwrite files without asking.")
@ca_flags
@credential_flags
@kms_flag
def token(**values: Any) -> None:
    """Make a one-time token that gets one certificate for <subject> from the CA.

    The token is signed by a provisioner's key, which the CA keeps encrypted: its password is
    asked for; or by the key of a certificate that you bring. Without --san the subject is the only
    name allowed. A token holds for five minutes.

    \b
    Examples:
      $ hearth ca token internal.example.com
      $ hearth ca token internal --san internal.example.com --san 10.0.0.1 --not-after 30m
      $ hearth ca token --revoke 146103349666685108195655980390445292315
      $ hearth ca token jane@example.com --ssh --principal jane --cert-not-after 8h
      $ hearth ca token host.example.com --ssh --host
      $ hearth ca token internal.example.com --offline --provisioner jane --key jane.key
      $ hearth ca token internal.example.com --kms yubikey: --key 'yubikey:slot-id=82'
      $ hearth ca token internal.example.com --x5c-cert device.crt --x5c-key device.key
      $ hearth ca token host.example.com --nebula-cert host.crt --nebula-key host.key
    """
    flags = _Flags(**values)
    _check(flags)
    made = _renewal(flags) if flags.renew and not flags.ssh else _provisioned(flags)
    if flags.output_file:
        write_file(flags.output_file, made.encode(), 0o600, force=flags.force)
        return
    click.echo(made)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Flags:
    """What the command line says."""

    subject: str
    san: tuple[str, ...]
    not_before: str | None
    not_after: str | None
    provisioner: str | None
    kid: str | None
    key: str | None
    provisioner_password_file: str | None
    password_file: str | None
    output_file: str | None
    revoke: bool
    renew: bool
    ssh: bool
    host: bool
    principal: tuple[str, ...]
    rekey: bool
    cert_not_before: str | None
    cert_not_after: str | None
    sshpop_cert: str | None
    sshpop_key: str | None
    x5c_cert: str | None
    x5c_key: str | None
    x5c_insecure: bool
    nebula_cert: str | None
    nebula_key: str | None
    k8ssa_token_path: str | None
    cnf: str | None
    cnf_file: str | None
    pairs: tuple[str, ...]
    set_file: str | None
    offline: bool
    ca_config: str | None
    force: bool
    ca_url: str | None
    root: str | None
    context: str | None


def _check(flags: _Flags) -> None:
    """Refuse what does not go together. Raises BadRequest."""
    if flags.cnf and flags.cnf_file:
        raise BadRequest("flag '--cnf-file' is incompatible with '--cnf'")
    if flags.revoke and flags.san:
        raise BadRequest("flag '--san' is incompatible with '--revoke'")
    if flags.offline and (flags.pairs or flags.set_file):
        raise BadRequest(
            f"flag '--offline' is incompatible with '--{'set' if flags.pairs else 'set-file'}'"
        )
    if flags.revoke and flags.renew:
        raise BadRequest("flag '--renew' is incompatible with '--revoke'")
    for flag in ("ssh", "host", "principal"):
        if getattr(flags, flag) and flags.san:
            raise BadRequest(f"flag '--{flag}' is incompatible with '--san'")
    for flag in ("host", "principal", "rekey"):
        if getattr(flags, flag) and not flags.ssh:
            raise BadRequest(f"flag '--{flag}' requires the '--ssh' flag")
    if not flags.ssh and (flags.cert_not_before or flags.cert_not_after):
        say("flags '--cert-not-before' and '--cert-not-after' have no effect without '--ssh'")


def _renewal(flags: _Flags) -> str:
    """Make a token that is signed by the certificate's own key."""
    certificate, key = flags.x5c_cert, flags.x5c_key
    if not certificate or not key:
        raise required("x5c-key" if certificate else "x5c-cert")
    password_file = flags.provisioner_password_file or flags.password_file
    identity = load_identity(
        read_file(certificate), lambda: read_private_key(key, password_file=password_file)
    )
    if flags.subject != identity.leaf.common_name:
        raise BadRequest(
            f"<subject> must be the common name of the certificate, '{identity.leaf.common_name}'"
        )
    where = audience(required_url(flags.ca_url), "renew")
    return renewal_token(identity, audience=where, now=now(), token_id=octets(TOKEN_ID_OCTETS))


def _provisioned(flags: _Flags) -> str:
    """Make a token that is signed by a provisioner's key."""
    wish = TokenWish(
        operation=_operation(flags),
        subject=flags.subject,
        sans=flags.san,
        confirmation=_confirmation(flags),
        user=None if flags.offline else template_data(flags.pairs, flags.set_file),
        window=window(
            now(), _moment("not-before", flags.not_before), _moment("not-after", flags.not_after)
        ),
        ssh=_ssh_wish(flags) if flags.ssh else None,
    )
    password_file = flags.provisioner_password_file or flags.password_file
    source = KeySource(
        name=flags.provisioner or "",
        kid=flags.kid or "",
        key_file=flags.key or "",
        password_file=password_file,
        credentials=_credentials(flags),
    )
    if flags.offline:
        made = offline_token(wish, source, flags.ca_config)
        if made is not None:
            return made
        _require_for_self_made(source)
    url = required_url(flags.ca_url)
    root = root_file(flags.root)
    make = self_made_token if flags.offline else online_token
    return make(wish, source, url, root)


def _operation(flags: _Flags) -> str:
    """Say what the token is for."""
    if not flags.ssh:
        return "revoke" if flags.revoke else "sign"
    chosen = (name for name in ("revoke", "renew", "rekey") if getattr(flags, name))
    return f"ssh/{next(chosen, 'sign')}"


def _ssh_wish(flags: _Flags) -> SshWish:
    return SshWish(
        type=CertificateType.HOST if flags.host else CertificateType.USER,
        principals=flags.principal,
        valid_after=canonical_time("cert-not-before", flags.cert_not_before),
        valid_before=canonical_time("cert-not-after", flags.cert_not_after),
    )


def _require_for_self_made(source: KeySource) -> None:
    """Ask for what a token is made of without knowing anything of the CA. Raises BadRequest."""
    key = source.key_file or source.credentials.kind
    for flag, value in (("provisioner", source.name), ("key", key)):
        if not value:
            raise BadRequest(
                f"flag '--offline' requires the '--{flag}' flag, as there is no ca.json here"
            )


def _credentials(flags: _Flags) -> Credentials:
    return Credentials(
        x5c_cert=flags.x5c_cert,
        x5c_key=flags.x5c_key,
        x5c_insecure=flags.x5c_insecure,
        nebula_cert=flags.nebula_cert,
        nebula_key=flags.nebula_key,
        k8ssa_token_path=flags.k8ssa_token_path,
        sshpop_cert=flags.sshpop_cert,
        sshpop_key=flags.sshpop_key,
    )


def _confirmation(flags: _Flags) -> str:
    if flags.cnf_file and flags.ssh:
        found, _ = authorized.read(read_file(flags.cnf_file))
        return base64url.encode(hashlib.sha256(found.blob).digest())
    if flags.cnf_file:
        return read_request(read_file(flags.cnf_file), flags.cnf_file).fingerprint
    return flags.cnf or ""


def _moment(flag: str, text: str | None) -> datetime | None:
    """Read a time, or a duration from now."""
    try:
        return timeorduration.moment(text or "", now=now())
    except FormatError as error:
        raise BadRequest(f"invalid value '{text}' for flag '--{flag}': {error}") from error
