"""Removing an external account key, after a question."""

from typing import ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Checkbox, Input, Static

from appliance.model.errors import HearthError
from appliance.model.external_keys import ExternalKey
from appliance.operator.interface import ExternalKeys
from tui.wording import ACT, printable

_END: Final = 4  # letters of the id that are to be typed


class RemoveKey(ModalScreen[bool]):
    """Have the end of the key's id typed, then remove it. Gives whether it was."""

    CSS = """
    RemoveKey {
        align: center middle;
        background: $background 60%;
        Vertical {
            width: 64;
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

    def __init__(self, operator: ExternalKeys, key: ExternalKey) -> None:
        super().__init__()
        self._operator = operator
        self._key = key
        self._end = key.id[-_END:]

    def compose(self) -> ComposeResult:
        """Say what happens, and ask."""
        with Vertical() as sheet:
            sheet.border_title = f"Remove {printable(self._key.reference) or 'this key'}?"
            sheet.border_subtitle = "Enter remove · Esc stay"
            if self._key.account:
                yield Static("The account that it let in stays, unless you revoke it, too.")
                yield Checkbox("revoke the account", id="revoke", compact=True)
            else:
                yield Static("Nobody can make an account with it any more.")
            yield Static(f"Type the end of its id, {self._end}, to remove it:", markup=False)
            yield Input(id="end", compact=True, max_length=_END)
            yield Static(id="problem", markup=False)

    def on_mount(self) -> None:
        """Begin to type."""
        self.query_one("#end", Input).focus()

    @on(Input.Submitted)
    def _submitted(self, message: Input.Submitted) -> None:
        if message.value.strip() != self._end:
            self._say(f"That is not {self._end}. Nothing was removed.")
            return
        self.run_worker(self._remove(), exclusive=True)

    async def _remove(self) -> None:
        revoke = any(each.value for each in self.query(Checkbox))
        try:
            await self._operator.remove_external_key(
                self._key.provisioner, self._key.id, revoke_account=revoke
            )
        except HearthError as error:
            self._say(f"{ACT} {printable(error.public)}")
            return
        self.dismiss(result=True)

    def _say(self, text: str) -> None:
        self.query_one("#problem", Static).update(text)
