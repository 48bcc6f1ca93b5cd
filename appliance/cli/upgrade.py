"""`hearth upgrade`: another version of the program in the service, with a way back."""

from pathlib import Path

import click

from appliance.cli.command import StepCommand
from appliance.cli.service_flags import init_of, layout_of, must_be_root, place_flags, tell
from appliance.model.errors import BadRequest
from appliance.server.service.program import is_packaged, read_release
from appliance.server.service.steps import run_command
from appliance.server.service.upgrading import Upgrade


@click.command("upgrade", cls=StepCommand, no_context=True)
@click.argument("file", metavar="[<file>]", required=False)
@click.option("--back", is_flag=True, help="Go back to the version that was in use before.")
@click.option("--force", is_flag=True, help="Although the new one objects to the configuration.")
@place_flags
def upgrade(
    *,
    file: str | None,
    back: bool,
    force: bool,
    root: str,
    prefix: str,
    data: str,
    starter: str | None,
) -> None:
    """Put another version in place of the one that `hearth install` put there.

    <file> is the new program in one file. It has to say what version it is, and to find nothing
    wrong with the configuration (as `hearth doctor` does). Then it takes over at once, and the
    service is restarted. When it does not come up, the former version serves again, and this
    command fails. The version before stays, for --back.

    \b
    Examples:
      $ sudo hearth upgrade ./hearth
      $ sudo hearth upgrade --back
    """
    if back == bool(file):
        raise BadRequest("name the new program's file, or say --back")
    layout = layout_of(root, prefix, data)
    if layout.is_here and is_packaged():
        raise BadRequest("this Hearth came with a package: apt-get install ./hearth_….deb")
    must_be_root("hearth upgrade", layout)
    change = Upgrade(
        layout=layout, init=init_of(starter, layout), run=run_command, tell=tell, force=force
    )
    if file:
        change.to(read_release(Path(file)))
    else:
        change.back()
