"""Making an external account key: a form, then its secret, once."""

import base64
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input, Label, Select, Static

from appliance.model.errors import HearthError
from appliance.model.external_keys import ExternalKeyOrder, NewExternalKey
from appliance.operator.interface import ExternalKeys
from tui.screens.sheet_modal import SheetModal
from tui.widgets.sheet import Field, Section, Sheet
from tui.wording import ACT, plain, printable

_LIFETIMES: Final = (
    ("without end", 0),
    ("an hour", 1),
    ("a day", 24),
    ("a week", 7 * 24),
    ("30 days", 30 * 24),
)
_NAMES: Final = 11  # cells


class NewKey(SheetModal[bool]):
    """Ask what the key is for, make it, and show it. Gives whether one was made."""

    CSS = """
    NewKey {
        .sheet { width: 76; }
        Label { color: $foreground 55%; margin: 1 0 0 0; }
        Select { height: auto; }
        Sheet { height: auto; display: none; }
        &.-made { #form { display: none; } Sheet { display: block; } }
        #form { height: auto; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "back", show=False),
        Binding("ctrl+s", "make", "make", show=False),
        Binding("c", "copy", "copy the secret", show=False),
    ]

    def __init__(self, operator: ExternalKeys, provisioners: Sequence[str], now: datetime) -> None:
        super().__init__("New external account key", "Enter make · Tab next · Esc back")
        self._operator = operator
        self._provisioners = provisioners
        self._now = now
        self._secret = ""

    def compose_sheet(self) -> ComposeResult:
        """Put the fields one below the other; the new key takes their place."""
        with Vertical(id="form"):
            if len(self._provisioners) > 1:
                yield Label("Provisioner")
                yield Select(
                    [(plain(each), each) for each in self._provisioners],
                    value=self._provisioners[0],
                    allow_blank=False,
                    compact=True,
                    id="provisioner",
                )
            yield Label("A name for the key, of your choice (may be empty)")
            yield Input(id="reference", compact=True, placeholder="nas")
            yield Label("What its account may order, apart by blanks (empty: any name)")
            yield Input(
                id="names", compact=True, placeholder="nas.home.arpa *.lab.home.arpa 192.0.2.7"
            )
            yield Label("An account can be made with it")
            yield Select(
                [(f"{'' if not hours else 'for '}{text}", hours) for text, hours in _LIFETIMES],
                value=0,
                allow_blank=False,
                compact=True,
                id="lifetime",
            )
            yield Static(id="problem", markup=False)
        yield Sheet(names=_NAMES)

    def on_mount(self) -> None:
        """Begin with the name."""
        self.query_one("#reference", Input).focus()

    @on(Input.Submitted)
    def action_make(self) -> None:
        """Make the key."""
        if not self._secret:
            self.run_worker(self._make(), exclusive=True)

    def action_leave(self) -> None:
        """Go back."""
        self.dismiss(bool(self._secret))

    def action_copy(self) -> None:
        """Put the secret into the clipboard, where the terminal lets us (OSC 52)."""
        if self._secret:
            self.app.copy_to_clipboard(self._secret)
            self.notify("The key is in the clipboard, where the terminal allows it.", timeout=3)

    async def _make(self) -> None:
        try:
            made = await self._operator.add_external_key(self._order())
        except HearthError as error:
            self.say(f"{ACT} {printable(error.public)}")
            return
        self._show(made)

    def _order(self) -> ExternalKeyOrder:
        hours = self.query_one("#lifetime", Select).value
        names = self.query_one("#names", Input).value.replace(",", " ").split()
        return ExternalKeyOrder(
            provisioner=self._chosen(),
            reference=self.query_one("#reference", Input).value.strip(),
            names=tuple(names),
            not_after=self._now + timedelta(hours=hours)
            if isinstance(hours, int) and hours
            else None,
        )

    def _chosen(self) -> str:
        if len(self._provisioners) == 1:
            return self._provisioners[0]
        return str(self.query_one("#provisioner", Select).value)

    def _show(self, made: NewExternalKey) -> None:
        self._secret = base64.urlsafe_b64encode(made.secret).rstrip(b"=").decode("ascii")
        self.add_class("-made")
        sheet = self.query_one(Sheet)
        self.query_one(".sheet").border_subtitle = "c copy the key · Esc back"
        fields = (
            Field(name="Key id", value=made.key.id),
            Field(name="Key", value=self._secret, part="good"),
        )
        note = "The key is not shown again. Give both to the client, each on its own line."
        sheet.show((Section(title="Made", fields=fields), Section(title="Now", text=note)))
        sheet.focus()
