"""`hearth completion`: what makes a shell complete commands and flags."""

import click
from click.shell_completion import get_completion_class

from appliance.cli.command import StepCommand
from appliance.model.errors import BadRequest

_SHELLS = ("bash", "fish", "zsh")


@click.command("completion", cls=StepCommand, no_context=True)
@click.argument("shell", metavar="<shell>")
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the script that makes a shell (bash, fish or zsh) complete our commands and flags.

    \b
    Examples:
      $ hearth completion bash >> ~/.bash_completion
      $ hearth completion zsh > "${fpath[1]}/_hearth"
      $ hearth completion fish | source
    """
    made = get_completion_class(shell) if shell in _SHELLS else None
    if made is None:
        raise BadRequest(f"unsupported shell {shell}: use {', '.join(_SHELLS)}")
    program = ctx.find_root().info_name or "hearth"
    variable = f"_{program}_COMPLETE".replace("-", "_").upper()
    script = made(ctx.find_root().command, {}, program, variable)
    click.echo(script.source_template % script.source_vars(), nl=False)
