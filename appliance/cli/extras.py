"""What the command line says of itself in files: completions and manual pages."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import click
from click.shell_completion import get_completion_class

from appliance.cli.manual import pages
from appliance.server.service.layout import Layout

_COMPLETIONS: Final = {
    "bash": "share/bash-completion/completions/hearth",
    "zsh": "share/zsh/site-functions/_hearth",
    "fish": "share/fish/vendor_completions.d/hearth.fish",
}
_DEBIAN_ZSH: Final = "share/zsh/vendor-completions/_hearth"


def extras(layout: Layout) -> Mapping[Path, bytes]:
    """Give the files by their paths below the prefix."""
    root = click.get_current_context().find_root().command
    found = {Path("share/man/man1", name): page.encode() for name, page in pages(root).items()}
    for shell, usual in _COMPLETIONS.items():
        path = _DEBIAN_ZSH if shell == "zsh" and layout.is_packaged else usual
        found[Path(path)] = completion_script(root, shell, "hearth").encode()
    return found


def completion_script(root: click.Command, shell: str, program: str) -> str:
    """Write what makes a shell complete the program's commands and flags."""
    made = get_completion_class(shell)
    if made is None:
        raise ValueError(f"no completion for {shell}")
    variable = f"_{program}_COMPLETE".replace("-", "_").upper()
    script = made(root, {}, program, variable)
    return script.source_template % script.source_vars()
