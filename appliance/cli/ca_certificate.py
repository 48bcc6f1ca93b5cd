"""`hearth ca certificate`: a new key and its certificate."""

from dataclasses import dataclass
from typing import Any

import click

from appliance.cli import acme_flags
from appliance.cli.ca_acme import acme_order
from appliance.cli.command import StepCommand, refused
from appliance.cli.files import may_write, write_file
from appliance.cli.issuing import (
    IssuingFlags,
    check,
    issuing_flags,
    make_token,
    order,
    supported_kind,
    write_chain,
)
from appliance.cli.online import split_token
from appliance.cli.prompts import selected
from appliance.client.acme.ordering import names_of
from appliance.client.csr import KeyKind, generate_key, key_kind, signing_request
from appliance.client.identity import identity
from appliance.client.provisioners import NoTokens
from appliance.client.token_kinds import TokenKind, requested
from appliance.formats.keyfile import dump_private_key
from appliance.formats.keys import PrivateKey
from appliance.model.errors import BadRequest

_ATTESTATION = "device attestation comes with a later version"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wish:
    """What the certificate shall be."""

    subject: str
    sans: tuple[str, ...]
    key_kind: KeyKind


@click.command("certificate", cls=StepCommand)
@click.argument("subject", metavar="<subject>")
@click.argument("crt_file", metavar="<crt-file>")
@click.argument("key_file", metavar="<key-file>")
@click.option("--san", multiple=True, metavar="<name>", help="A name (DNS, IP, email, URI) for it.")
@click.option("--kty", metavar="<kty>", help="The kind of key: EC, RSA or OKP. EC by default.")
@click.option(
    "--crv",
    "--curve",
    "curve",
    metavar="<curve>",
    help="The curve: P-256 (default), P-384 or P-521 of EC, Ed25519 of OKP.",
)
@click.option("--size", type=int, metavar="<size>", help="The bits of an RSA key; 2048 by default.")
@issuing_flags
@refused(
    "attestation-ca-url",
    "attestation-ca-root",
    "attestation-uri",
    "tpm-storage-directory",
    because=_ATTESTATION,
)
@refused("attestation-ca-insecure", because=_ATTESTATION, is_flag=True)
def certificate(
    *,
    subject: str,
    crt_file: str,
    key_file: str,
    san: tuple[str, ...],
    kty: str | None,
    curve: str | None,
    size: int | None,
    **flags: Any,
) -> None:
    """Make a new key and get a certificate for it.

    The certificate with its issuers goes to <crt-file>, the key (not encrypted) to <key-file>.
    Without --san the subject is the only name. Without --token, a token of a provisioner is made
    on the way: its password is asked for, or you log in at its identity provider.

    With a provisioner of type ACME, or from any CA's directory with --acme, no password is needed:
    the CA comes and looks whether the names are this machine's. It is answered on port 80, or by
    the web server of --webroot.

    \b
    Examples:
      $ hearth ca certificate internal.example.com internal.crt internal.key
      $ hearth ca certificate db db.crt db.key --san db.example.com --san 10.0.0.7 --not-after 8h
      $ hearth ca certificate foo.example.com foo.crt foo.key --kty RSA --size 3072
      $ hearth ca certificate nas.home.arpa nas.crt nas.key --provisioner acme --webroot /var/www
      $ hearth ca certificate --token $TOKEN internal.example.com internal.crt internal.key
    """  # fmt: skip
    acme = acme_flags.take(flags)
    asked = IssuingFlags(**flags)
    wish = _Wish(subject=subject, sans=san, key_kind=key_kind(kty, curve, size))
    check(asked)
    for file in (crt_file, key_file):
        may_write(file, force=asked.force)
    key, chain = _made(asked, acme, wish)
    identity(chain, key)  # a certificate of another key would be worse than none
    write_file(key_file, dump_private_key(key, None), 0o600, force=True)
    write_chain(crt_file, chain)
    selected("Certificate", crt_file)
    selected("Private Key", key_file)


def _made(
    asked: IssuingFlags, acme: acme_flags.AcmeFlags, wish: _Wish
) -> tuple[PrivateKey, tuple[bytes, ...]]:
    """Get the certificate by a token, or by ACME where that is asked for or chosen."""
    if acme.acme and not asked.token:
        return _by_acme(asked, acme, "", wish)
    try:
        token = split_token(asked.token or make_token(asked, wish.subject, wish.sans))
    except NoTokens as error:
        if error.kind != "ACME":
            raise
        return _by_acme(asked, acme, error.name, wish)
    named, names = requested(token, wish.subject, wish.sans)
    if supported_kind(token) is TokenKind.PROVISIONER:
        if asked.token and wish.sans:
            raise BadRequest("flag '--token' and flag '--san' are mutually exclusive")
        if named.lower() != wish.subject.lower():
            raise BadRequest(f"token subject '{named}' and argument '{wish.subject}' do not match")
    key = generate_key(wish.key_kind)
    return key, order(asked, token, signing_request(key, named, names))


def _by_acme(
    asked: IssuingFlags, acme: acme_flags.AcmeFlags, provisioner: str, wish: _Wish
) -> tuple[PrivateKey, tuple[bytes, ...]]:
    """Order by ACME from a provisioner, or from where --acme says."""
    ordered = acme_order(asked, acme, provisioner, wish.subject, wish.sans or (wish.subject,))
    key = generate_key(wish.key_kind)
    request = signing_request(key, wish.subject, names_of(ordered.wish.identifiers))
    return key, ordered.fetch(request)
