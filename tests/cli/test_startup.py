"""The command line starts quickly: nothing is imported that the command does not need."""

import subprocess
import sys

import click
import pytest

from appliance.cli.ca import ca

HEAVY = {"cryptography", "httpx", "hypercorn", "jwt", "plyvel", "quart", "textual", "trio"}


@pytest.mark.parametrize(
    "args", [["version"], ["path"], ["--help"], ["ca", "--help"], ["nosuch"], ["help", "path"]]
)
def test_the_simple_commands_import_nothing_heavy(args: list[str]) -> None:
    code = (
        "import sys; from appliance.cli.main import main; main(sys.argv[1:]); "
        "print(*{name.partition('.')[0] for name in sys.modules}, sep=',', file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *args], capture_output=True, text=True, check=True
    )
    assert HEAVY.isdisjoint(done.stderr.splitlines()[-1].split(","))


def test_garbage_is_collected_once_the_command_is_imported() -> None:
    """What is imported is left alone: it stays, and looking at it would take a tenth of a start."""
    code = (
        "import gc, sys; from appliance.cli.main import main; sys.argv = ['hearth', 'path']; "
        "main(); print(gc.isenabled() and gc.get_freeze_count() > 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "True"


def test_every_command_has_its_help() -> None:
    """A summary, what it does, and an example of how it is called."""
    context = click.Context(ca, info_name="ca")
    for name in ca.list_commands(context):
        command = ca.get_command(context, name)
        assert command is not None
        assert command.short_help
        if not isinstance(command, click.Group):
            assert "Example" in (command.help or ""), name
