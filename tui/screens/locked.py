"""A console that nobody has used for a while: covered until the operator's passphrase is typed."""

import asyncio
from typing import ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import Screen
from textual.widgets import Input, Static

from appliance.model.errors import HearthError
from appliance.operator.locking import ConsoleLock
from tui.wording import ACT, printable

_LONGEST: Final = 60  # seconds between two tries
_FIRST_FREE: Final = 2  # wrong tries without a pause: fingers slip


class Locked(Screen[None]):
    """Shows nothing of the CA. Wrong tries cost more time from one to the next."""

    CSS = """
    Locked {
        align: center middle;
        background: $background;
        Vertical {
            width: 56;
            max-width: 100%;
            height: auto;
            max-height: 100%;
            background: $surface;
            border: round $primary 60%;
            border-title-color: $primary;
            border-subtitle-color: $foreground 60%;
            padding: 0 2;
        }
        Static { margin: 0 0 1 0; color: $foreground 80%; }
        Input { background: $panel; }
        #problem { color: $error; height: auto; margin: 1 0 0 0; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "forget", "forget", show=False)]

    def __init__(self, lock: ConsoleLock) -> None:
        super().__init__()
        self._lock = lock
        self._wrong = 0

    def compose(self) -> ComposeResult:
        """Ask for the passphrase."""
        with Vertical() as sheet:
            sheet.border_title = "Locked"
            sheet.border_subtitle = "Enter opens"
            yield Static("The certificate authority works on.")
            yield Input(id="passphrase", password=True, compact=True, placeholder="passphrase")
            yield Static(id="problem", markup=False)

    def on_mount(self) -> None:
        """Begin to type."""
        self.query_one(Input).focus()

    def action_forget(self) -> None:
        """Forget what was typed."""
        self.query_one(Input).value = ""

    @on(Input.Submitted)
    def _submitted(self, message: Input.Submitted) -> None:
        passphrase, message.input.value = message.value, ""
        if passphrase:
            message.input.disabled = True
            self.run_worker(self._try(passphrase), exclusive=True)

    async def _try(self, passphrase: str) -> None:
        field = self.query_one(Input)
        try:
            if await self._lock.opens(passphrase):
                self.dismiss()
                return
            problem = "That is not the passphrase."
            self._wrong += 1
        except HearthError as error:
            problem = printable(error.public)
        for left in range(pause_after(self._wrong), 0, -1):
            self._say(f"{ACT} {problem} Wait {left} s.")
            await asyncio.sleep(1)
        self._say(f"{ACT} {problem}")
        field.disabled = False
        field.focus()

    def _say(self, text: str) -> None:
        self.query_one("#problem", Static).update(text)


def pause_after(wrong: int) -> int:
    """Give the seconds until another try after so many wrong ones."""
    return min(2 ** (wrong - _FIRST_FREE), _LONGEST) if wrong > _FIRST_FREE else 0
