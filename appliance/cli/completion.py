"""`hearth completion`: what makes a shell complete commands and flags."""

import click

from appliance.cli.command import StepCommand
from appliance.cli.extras import completion_script
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
    if shell not in _SHELLS:
        raise BadRequest(f"unsupported shell {shell}: use {', '.join(_SHELLS)}")
    program = ctx.find_root().info_name or "hearth"
    click.echo(completion_script(ctx.find_root().command, shell, program), nl=False)
