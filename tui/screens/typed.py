"""A question that is answered by typing a name: nothing is changed by a slip of the hand."""

from collections.abc import Awaitable, Callable

from textual import on
from textual.app import ComposeResult
from textual.widgets import Input, Static

from appliance.model.errors import HearthError
from tui.screens.sheet_modal import SheetModal
from tui.wording import ACT, printable


class Typed(SheetModal[bool]):
    """Have a word typed, then do it. Gives whether it was done.

    Subclasses may ask for more above the word.
    """

    DEFAULT_CSS = """
    Typed .sheet { width: 68; }
    """
    AUTO_FOCUS = "#word"

    def __init__(
        self,
        title: str,
        text: str,
        word: str,
        verb: str,
        act: Callable[[], Awaitable[object]],
        *,
        question: str = "",
        undone: str = "Nothing was done.",
        keys: str = "",
    ) -> None:
        super().__init__(title, keys or f"Enter {verb} · Esc stay", is_grave=True)
        self._text, self._word, self._act, self._undone = text, word, act, undone
        self._question = question or f"Type {word} to {verb}:"

    def compose_sheet(self) -> ComposeResult:
        """Say what happens, and ask."""
        yield Static(printable(self._text), id="note", markup=False)
        yield from self.compose_more()
        yield Static(printable(self._question), markup=False)
        yield Input(id="word", compact=True)
        yield Static(id="problem", markup=False)

    def compose_more(self) -> ComposeResult:
        """Ask for what else it takes."""
        yield from ()

    @on(Input.Submitted, "#word")
    def _submitted(self, message: Input.Submitted) -> None:
        if message.value.strip() != self._word:
            self.say(f"That is not {printable(self._word)}. {self._undone}")
            return
        self.run_worker(self._do(), exclusive=True)

    async def _do(self) -> None:
        self.say("…")
        try:
            await self._act()
        except HearthError as error:
            self.say(f"{ACT} {printable(error.public)}")
            return
        self.dismiss(result=True)
