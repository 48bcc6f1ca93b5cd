"""The person at a ceremony, at this terminal."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from appliance.cli.prompts import ask, confirm, read_password, say, selected
from appliance.model.ceremony import Stage, StepState
from appliance.model.errors import BadRequest
from appliance.model.secret import Password

_ASIDE: Final = "\x1b[?1049h\x1b[2J\x1b[H"  # a screen that does not scroll back
_BACK: Final = "\x1b[2J\x1b[?1049l"


@dataclass(frozen=True, slots=True, kw_only=True)
class TerminalPerson:
    """Questions and answers, one after another; nothing else goes on meanwhile."""

    yes: bool = False  # to all that can be agreed to

    async def begin(self, stages: tuple[Stage, ...], current: Stage) -> None:
        """Name the step, and how far the ceremony is."""
        number = stages.index(current) + 1
        done = sum(stage.state is StepState.DONE for stage in stages)
        say("")
        say(f"[{number}/{len(stages)}] {current.title}" + ("" if done else "  (Ctrl-C interrupts)"))

    async def tell(self, text: str) -> None:
        """Say something."""
        say(f"  {text}")

    async def agree(self, question: str) -> bool:
        """Ask for a yes or no."""
        return self.yes or confirm(question, flag="--yes")

    async def wait_until(self, done: str) -> None:
        """Ask for something to be done."""
        ask(f"{done}, then press Enter", "go on")

    async def show_once(self, title: str, secrets: Mapping[str, str]) -> None:
        """Show secrets on a screen of their own, and wipe it."""
        if not sys.stderr.isatty():
            raise BadRequest("secrets are shown on a terminal only: this is none")
        sys.stderr.write(_ASIDE)
        try:
            say(f"{title}\n")
            for name, text in secrets.items():
                if name:
                    selected(name, text)
                else:
                    say(text)
            say("")
            ask("Press Enter when this is written down", "done")
        finally:
            sys.stderr.write(_BACK)
            sys.stderr.flush()

    async def retype(self, name: str) -> Password:
        """Have a secret typed, unseen."""
        return read_password(f"Type the {name}, from where it is written down", flag="")

    async def dictate(self, name: str) -> str:
        """Have words typed."""
        return ask(name)
