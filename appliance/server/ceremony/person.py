"""The person at a ceremony, whether at a terminal or at the console."""

from collections.abc import Mapping
from typing import Protocol

from appliance.model.ceremony import Stage
from appliance.model.secret import Password


class Person(Protocol):
    """Is told, asked and shown. Each method returns when the person has answered.

    Raises BadRequest where there is nobody to ask.
    """

    async def begin(self, stages: tuple[Stage, ...], current: Stage) -> None:
        """Say which step begins."""
        ...

    async def tell(self, text: str) -> None:
        """Say something."""
        ...

    async def agree(self, question: str) -> bool:
        """Ask a question to be answered by yes or no."""
        ...

    async def wait_until(self, done: str) -> None:
        """Ask for something to be done, and wait until the person says that it is."""
        ...

    async def show_once(self, title: str, secrets: Mapping[str, str]) -> None:
        """Show secrets, each with its name, until they are written down; then take them away."""
        ...

    async def retype(self, name: str) -> Password:
        """Have a secret typed, unseen."""
        ...

    async def dictate(self, name: str) -> str:
        """Have words typed, seen: those of one share."""
        ...
