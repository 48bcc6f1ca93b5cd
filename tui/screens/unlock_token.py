"""Giving a token its PIN."""

from textual import on
from textual.app import ComposeResult
from textual.widgets import Checkbox, Input, Static

from appliance.model.errors import HearthError
from appliance.model.tokens import ADVICE, TokenState, TokenStatus
from appliance.operator.interface import KeyTokens
from tui.screens.sheet_modal import SheetModal
from tui.wording import ACT, printable


class UnlockToken(SheetModal[bool]):
    """Have the PIN typed, unseen, and give it to the token once. Gives whether it was taken."""

    def __init__(self, operator: KeyTokens, token: TokenStatus) -> None:
        keys = "Enter unlock · Esc back" if takes_pin(token) else "Esc back"
        super().__init__(f"{token.name}: {token.state}", keys)
        self._operator = operator
        self._token = token

    def compose_sheet(self) -> ComposeResult:
        """Say what the token waits for, and ask."""
        token = self._token
        if token.detail:
            yield Static(printable(token.detail), markup=False)
        if not takes_pin(token):
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
            self.say("Type the PIN. Nothing was tried.")
            return
        if self.query(Checkbox) and not self.query_one(Checkbox).value:
            self.say("One try is left: say that it is to be used. Nothing was tried.")
            return
        self.run_worker(self._unlock(pin), exclusive=True)

    async def _unlock(self, pin: str) -> None:
        try:
            await self._operator.unlock_token(
                self._token.name, pin, last_try=bool(self.query(Checkbox))
            )
        except HearthError as error:
            self.query("#tries").remove()  # the refusal says how many are left
            self.say(f"{ACT} {printable(error.public)}")
            return
        self.dismiss(result=True)


def takes_pin(token: TokenStatus) -> bool:
    """Say whether a PIN is what the token waits for."""
    return token.state in (TokenState.PIN_NEEDED, TokenState.LOCKED)
