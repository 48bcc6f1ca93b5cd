"""A shell on a terminal, into which a person types line by line, with our program as `step`."""

import os
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.support.terminal import Terminal, on_terminal

_PROMPT = "<<ready>>"
_CODES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_JOBS = re.compile(r"^\[\d+\] .*\n?", re.MULTILINE)  # what the shell tells of ended jobs
_PROGRAM = """#!{python}
import sys
sys.path.insert(0, {checkout!r})
from appliance.cli.main import main
sys.exit(main())
"""


def named(folder: Path, *names: str) -> Path:
    """Give a folder in which our program has these names."""
    folder.mkdir()
    checkout = str(Path(__file__).resolve().parents[2])
    for name in names:
        file = folder / name
        file.write_text(_PROGRAM.format(python=sys.executable, checkout=checkout))
        file.chmod(0o755)
    return folder


class Shell:
    """What is typed, and what is then on the screen."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        terminal.wait_for(_PROMPT)

    def type(self, line: str, *answers: tuple[str, str]) -> str:
        """Type a line, and to each question its answer; give what was shown after the line."""
        terminal = self._terminal
        start = terminal.read
        terminal.type(f"{line}\n")
        for question, answer in answers:
            terminal.wait_for(question)
            terminal.type(f"{answer}\n")
        terminal.wait_for(_PROMPT)
        shown = terminal.screen[start : terminal.read - len(_PROMPT)]
        shown = _CODES.sub("", shown).replace("\r\n", "\n")
        shown = _JOBS.sub("", shown.removeprefix(f"{line}\n").replace("\r", "\n"))
        return shown.strip()


@contextmanager
def shell(folder: Path, environ: Mapping[str, str]) -> Iterator[Shell]:
    """Start a shell in a folder."""
    environ = {**environ, "PS1": _PROMPT, "PS2": "", "ENV": "", "TERM": "dumb"}
    path = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
    with on_terminal(["sh", "-i"], cwd=folder, environ={**environ, "PATH": path}) as terminal:
        yield Shell(terminal)
