"""All about one external account key."""

from collections.abc import Iterator
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widgets import Footer, Rule, Static

from appliance.model.external_keys import ExternalKey
from tui.widgets.key_list import state_of
from tui.widgets.sheet import Field, Section, Sheet
from tui.wording import Calendar, printable


class KeyDetails(Screen[None]):
    """A sheet of fields; the secret is not among them."""

    CSS = """
    KeyDetails {
        background: $background;
        #title { height: 1; padding: 0 1; color: $primary; text-style: bold; }
        Rule.-horizontal { color: $panel; margin: 0; }
        Footer { padding: 0 1; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss", "back", key_display="Esc")
    ]

    def __init__(self, key: ExternalKey, calendar: Calendar) -> None:
        super().__init__()
        self._key = key
        self._calendar = calendar

    def compose(self) -> ComposeResult:
        """Title, fields, keys."""
        yield Static(
            f"Key {printable(self._key.reference or self._key.id)}", id="title", markup=False
        )
        yield Rule()
        yield Sheet()
        yield Footer(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        """Write the fields, now that there are styles."""
        self.query_one(Sheet).show((Section(title="Key", fields=tuple(self._fields())),))

    def _fields(self) -> Iterator[Field]:
        key, calendar = self._key, self._calendar
        state, part = state_of(key, calendar.now)
        yield Field(name="State", value=state, part=part)
        yield Field(name="Key id", value=key.id)
        yield Field(name="Provisioner", value=printable(key.provisioner))
        if key.reference:
            yield Field(name="Reference", value=printable(key.reference))
        yield Field(name="May order", value=", ".join(map(printable, key.names)) or "any name")
        yield Field(name="Made", value=calendar.full(key.created_at))
        if key.not_after:
            yield Field(
                name="Good until",
                value=f"{calendar.full(key.not_after)}, {calendar.relative(key.not_after)}",
            )
        if key.bound_at:
            yield Field(name="Used", value=calendar.full(key.bound_at))
            yield Field(name="Account", value=printable(key.account))
