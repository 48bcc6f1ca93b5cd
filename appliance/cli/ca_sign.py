"""`hearth ca sign`: a certificate for a signing request."""

from typing import Any

import click

from appliance.cli import acme_flags
from appliance.cli.ca_acme import acme_order
from appliance.cli.command import StepCommand
from appliance.cli.files import may_write, read_file
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
from appliance.client.csr import CsrView, read_request
from appliance.client.provisioners import NoTokens
from appliance.client.token_kinds import TokenKind
from appliance.model.errors import BadRequest


@click.command("sign", cls=StepCommand)
@click.argument("csr_file", metavar="<csr-file>")
@click.argument("crt_file", metavar="<crt-file>")
@issuing_flags
def sign(*, csr_file: str, crt_file: str, **flags: Any) -> None:
    """Get a certificate for a signing request (PEM).

    The certificate with its issuers goes to <crt-file>. Without --token, a token of a provisioner
    is made on the way, for this very request: its password is asked for, or you log in at its
    identity provider. With a provisioner of type ACME, or with --acme, the CA looks whether the
    names of the request are this machine's: see `ca certificate --help`.

    \b
    Examples:
      $ hearth ca sign internal.csr internal.crt
      $ hearth ca sign --token $TOKEN --not-after 1h internal.csr internal.crt
      $ hearth ca sign --acme https://acme.example.com/directory internal.csr internal.crt
    """  # fmt: skip
    acme = acme_flags.take(flags)
    asked = IssuingFlags(**flags)
    request = read_request(read_file(csr_file), csr_file)
    check(asked)
    may_write(crt_file, force=asked.force)
    write_chain(crt_file, _signed(asked, acme, request))
    selected("Certificate", crt_file)


def _signed(asked: IssuingFlags, acme: acme_flags.AcmeFlags, request: CsrView) -> tuple[bytes, ...]:
    """Get the certificate by a token, or by ACME where that is asked for or chosen."""
    if acme.acme and not asked.token:
        return _by_acme(asked, acme, "", request)
    subject = request.common_name or next(iter(request.sans), "")
    try:
        token = split_token(
            asked.token
            or make_token(asked, subject, request.sans, confirmation=request.fingerprint)
        )
    except NoTokens as error:
        if error.kind != "ACME":
            raise
        return _by_acme(asked, acme, error.name, request)
    kind = supported_kind(token)
    named = str(token.claims.get("sub", ""))
    by_name = kind is TokenKind.PROVISIONER and request.common_name
    if by_name and named.lower() != request.common_name.lower():
        raise BadRequest(
            f"token subject '{named}' and CSR CommonName '{request.common_name}' do not match"
        )
    return order(asked, token, request.der)


def _by_acme(
    asked: IssuingFlags, acme: acme_flags.AcmeFlags, provisioner: str, request: CsrView
) -> tuple[bytes, ...]:
    """Order by ACME from a provisioner, or from where --acme says."""
    ordered = acme_order(asked, acme, provisioner, request.common_name, request.sans)
    return ordered.fetch(request.der)
