"""Where a filter is typed: it works with each letter."""

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Input


class FilterField(Input):
    """A line to type in. Enter keeps the filter, Esc clears it."""

    DEFAULT_CSS = """
    FilterField {
        width: 1fr;
        height: 1;
        border: none;
        padding: 0;
        background: $background;
        &:focus { border: none; background: $background; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "clear", "clear", key_display="Esc"),
        Binding("enter", "keep", "keep", key_display="Enter"),
        Binding("down", "keep", "to the list", show=False),
    ]

    class Left(Message):
        """The typing is over; the filter is what the field holds."""

    def __init__(self, placeholder: str = "name, provisioner, serial, client, kind …") -> None:
        super().__init__(placeholder=placeholder, compact=True)

    def action_clear(self) -> None:
        """Show everything again."""
        self.value = ""
        self.post_message(self.Left())

    def action_keep(self) -> None:
        """Go back to the list with the filter as it is."""
        self.post_message(self.Left())
