"""Giving a token its PIN."""

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Checkbox, Input, Static

from appliance.model.errors import HearthError
from appliance.model.tokens import ADVICE, TokenState, TokenStatus
from appliance.operator.interface import KeyTokens
from tui.wording import ACT, printable


class UnlockToken(ModalScreen[bool]):
    """Have the PIN typed, unseen, and give it to the token once. Gives whether it was taken."""

    CSS = """
    UnlockToken {
        align: center middle;
        background: $background 60%;
        Vertical {
            width: 64;
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
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(False)", "back", show=False)
    ]

    def __init__(self, operator: KeyTokens, token: TokenStatus) -> None:
        super().__init__()
        self._operator = operator
        self._token = token

    def compose(self) -> ComposeResult:
        """Say what the token waits for, and ask."""
        token = self._token
        takes = takes_pin(token)
        with Vertical() as sheet:
            sheet.border_title = f"{printable(token.name)}: {token.state}"
            sheet.border_subtitle = "Enter unlock · Esc back" if takes else "Esc back"
            if token.detail:
                yield Static(printable(token.detail), markup=False)
            if not takes:
                advice = ADVICE[token.state]
                yield Static(f"{advice[0].upper()}{advice[1:]}.", markup=False)
                return
            if token.tries_left is not None:
                yield Static(f"Tries left: {token.tries_left}", id="tries", markup=False)
            if token.tries_left == 1:
                yield Checkbox("use the last try: it may block the token", id="last", compact=True)
            yield Input(id="pin", password=True, compact=True, placeholder="PIN")
            yield Static(id="problem", markup=False)

    def on_mount(self) -> None:
        """Begin to type."""
        for field in self.query(Input):
            field.focus()

    @on(Input.Submitted)
    def _submitted(self, message: Input.Submitted) -> None:
        pin, message.input.value = message.value, ""
        if not pin:
            self._say("Type the PIN. Nothing was tried.")
            return
        if self.query(Checkbox) and not self.query_one(Checkbox).value:
            self._say("One try is left: say that it is to be used. Nothing was tried.")
            return
        self.run_worker(self._unlock(pin), exclusive=True)

    async def _unlock(self, pin: str) -> None:
        try:
            await self._operator.unlock_token(
                self._token.name, pin, last_try=bool(self.query(Checkbox))
            )
        except HearthError as error:
            self.query("#tries").remove()  # the refusal says how many are left
            self._say(f"{ACT} {printable(error.public)}")
            return
        self.dismiss(result=True)

    def _say(self, text: str) -> None:
        self.query_one("#problem", Static).update(text)


def takes_pin(token: TokenStatus) -> bool:
    """Say whether a PIN is what the token waits for."""
    return token.state in (TokenState.PIN_NEEDED, TokenState.LOCKED)
