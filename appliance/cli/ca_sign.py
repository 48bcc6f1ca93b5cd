"""`hearth ca sign`: a certificate for a signing request."""

from typing import Any

import click

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
from appliance.client.csr import read_request
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
    identity provider.

    \b
    Examples:
      $ hearth ca sign internal.csr internal.crt
      $ hearth ca sign --token $TOKEN --not-after 1h internal.csr internal.crt
    """
    asked = IssuingFlags(**flags)
    request = read_request(read_file(csr_file), csr_file)
    check(asked)
    may_write(crt_file, force=asked.force)
    if asked.token:
        token = split_token(asked.token)
    else:
        subject = request.common_name or next(iter(request.sans), "")
        made = make_token(asked, subject, request.sans, confirmation=request.fingerprint)
        token = split_token(made)
    kind = supported_kind(token)
    named = str(token.claims.get("sub", ""))
    by_name = kind is TokenKind.PROVISIONER and request.common_name
    if by_name and named.lower() != request.common_name.lower():
        raise BadRequest(
            f"token subject '{named}' and CSR CommonName '{request.common_name}' do not match"
        )
    write_chain(crt_file, order(asked, token, request.der))
    selected("Certificate", crt_file)
