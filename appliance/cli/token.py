"""`hearth token`: the hardware tokens that the keys of the running CA are on."""

from typing import Any

import click

from appliance.cli.command import StepCommand, StepGroup
from appliance.cli.prompts import read_password
from appliance.cli.running import ask_running, which_ca
from appliance.model.errors import BadRequest
from appliance.model.tokens import TokenStatus
from appliance.operator.remote import RemoteOperator

token = StepGroup(
    "token",
    help=(
        "See and open the hardware tokens that the keys of the running CA are on, on the CA's own "
        "machine, as its user or as root. (One-time tokens for clients: `hearth ca token`.)\n\n"
        "\b\nExamples:\n"
        "  $ hearth token status\n"
        "  $ hearth token unlock"
    ),
)


@token.command("status", cls=StepCommand)
@which_ca
def status(*, ca_config: str | None, **_: Any) -> None:
    """Show each token: its name, its state, and what to do about it.

    \b
    Example:
      $ hearth token status
    """
    for each in ask_running(ca_config, RemoteOperator.tokens):
        click.echo(_line(each))


token.add_command(status, "list")


@token.command("unlock", cls=StepCommand)
@click.argument("name", metavar="[<name>]", default="")
@click.option("--pin-file", metavar="<file>", help="Read the PIN from this file.")
@click.option("--last-try", is_flag=True, help="Use even the last try before the token blocks.")
@which_ca
def unlock(
    *, name: str, pin_file: str | None, last_try: bool, ca_config: str | None, **_: Any
) -> None:
    """Give a token its PIN, which the CA keeps in memory until it ends.

    <name> is as `hearth token status` shows it; it is not needed when there is one token. A wrong
    PIN costs a try and is not tried again.

    \b
    Examples:
      $ hearth token unlock
      $ hearth token unlock ca-token --pin-file /run/pin
    """
    question = f"Please enter the PIN of the token {name}".rstrip()
    pin = read_password(question, file=pin_file, flag="--pin-file")
    try:
        text = pin.reveal().decode()
    except UnicodeDecodeError:
        raise BadRequest("a PIN is text in UTF-8; this one is not") from None
    if not text:
        raise BadRequest("the PIN is empty: nothing was tried")

    async def use(operator: RemoteOperator) -> TokenStatus:
        return await operator.unlock_token(name, text, last_try=last_try)

    click.echo(_line(ask_running(ca_config, use)))


def _line(status: TokenStatus) -> str:
    about = ", ".join(filter(None, (status.model, status.serial and f"serial {status.serial}")))
    shown = f"{status.name}: {status.state}" + (f" ({about})" if about else "")
    return f"{shown}\n  {status.detail}" if status.detail else shown
