"""`hearth ca certificate`: a new key and its certificate."""

from typing import Any

import click

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
from appliance.client.csr import generate_key, key_kind, signing_request
from appliance.client.identity import identity
from appliance.client.token_kinds import TokenKind, requested
from appliance.formats.keyfile import dump_private_key
from appliance.model.errors import BadRequest

_ATTESTATION = "device attestation comes with a later version"


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

    \b
    Examples:
      $ hearth ca certificate internal.example.com internal.crt internal.key
      $ hearth ca certificate db db.crt db.key --san db.example.com --san 10.0.0.7 --not-after 8h
      $ hearth ca certificate foo.example.com foo.crt foo.key --kty RSA --size 3072
      $ hearth ca certificate --token $TOKEN internal.example.com internal.crt internal.key
    """  # fmt: skip
    asked = IssuingFlags(**flags)
    key_type = key_kind(kty, curve, size)
    check(asked)
    for file in (crt_file, key_file):
        may_write(file, force=asked.force)
    token = split_token(asked.token or make_token(asked, subject, san))
    kind = supported_kind(token)
    named, names = requested(token, subject, san)
    if kind is TokenKind.PROVISIONER:
        if asked.token and san:
            raise BadRequest("flag '--token' and flag '--san' are mutually exclusive")
        if named.lower() != subject.lower():
            raise BadRequest(f"token subject '{named}' and argument '{subject}' do not match")
    key = generate_key(key_type)
    chain = order(asked, token, signing_request(key, named, names))
    identity(chain, key)  # a certificate of another key would be worse than none
    write_file(key_file, dump_private_key(key, None), 0o600, force=True)
    write_chain(crt_file, chain)
    selected("Certificate", crt_file)
    selected("Private Key", key_file)
