"""make man: the manual pages of every command, in build/man/man1."""

from pathlib import Path

from appliance.cli.main import command_tree
from appliance.cli.manual import pages

directory = Path("build/man/man1")
directory.mkdir(parents=True, exist_ok=True)
found = pages(command_tree("hearth"))
for name, page in found.items():
    (directory / name).write_text(page)
print(f"{len(found)} pages: man -M build/man hearth")
