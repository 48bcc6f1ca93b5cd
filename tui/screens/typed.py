"""A question that is answered by typing a name: nothing is changed by a slip of the hand."""

from collections.abc import Awaitable, Callable
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from appliance.model.errors import HearthError
from tui.wording import ACT, printable


class Typed(ModalScreen[bool]):
    """Have a word typed, then do it. Gives whether it was done."""

    CSS = """
    Typed {
        align: center middle;
        background: $background 60%;
        Vertical {
            width: 68;
            max-width: 100%;
            height: auto;
            max-height: 100%;
            background: $surface;
            border: round $warning;
            border-title-color: $warning;
            border-subtitle-color: $foreground 60%;
            padding: 0 2;
        }
        Static { margin: 0 0 1 0; color: $foreground 80%; }
        Input { background: $panel; }
        #problem { color: $error; height: auto; margin: 1 0 0 0; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(False)", "stay", show=False)
    ]

    def __init__(
        self, title: str, text: str, word: str, verb: str, act: Callable[[], Awaitable[object]]
    ) -> None:
        super().__init__()
        self._title, self._text, self._word, self._verb = title, text, word, verb
        self._act = act

    def compose(self) -> ComposeResult:
        """Say what happens, and ask."""
        with Vertical() as sheet:
            sheet.border_title = printable(self._title)
            sheet.border_subtitle = f"Enter {self._verb} · Esc stay"
            yield Static(printable(self._text), markup=False)
            yield Static(f"Type {self._word} to {self._verb}:", markup=False)
            yield Input(id="word", compact=True)
            yield Static(id="problem", markup=False)

    def on_mount(self) -> None:
        """Begin to type."""
        self.query_one("#word", Input).focus()

    @on(Input.Submitted)
    def _submitted(self, message: Input.Submitted) -> None:
        if message.value.strip() != self._word:
            self._say(f"That is not {self._word}. Nothing was done.")
            return
        self.run_worker(self._do(), exclusive=True)

    async def _do(self) -> None:
        self._say("…")
        try:
            await self._act()
        except HearthError as error:
            self._say(f"{ACT} {printable(error.public)}")
            return
        self.dismiss(result=True)

    def _say(self, text: str) -> None:
        self.query_one("#problem", Static).update(text)
