"""Quitting, after a question."""

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from tui.ending import Ending
from tui.screens.sheet_modal import SheetModal


class Quit(SheetModal[Ending | None]):
    """Ask what shall end; None: nothing."""

    CSS = """
    Quit .sheet { width: 60; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,n,q", "choose('stay')", "stay", show=False),
        Binding("y", "choose('stop')", "stop", show=False),
        Binding("k", "choose('keep')", "keep serving", show=False),
    ]

    def __init__(self) -> None:
        super().__init__("Quit?", "", is_grave=True)

    def compose_sheet(self) -> ComposeResult:
        """Ask."""
        yield Static(
            "The certificate authority runs in this process.\n"
            "Requests under way are answered before it ends."
        )
        yield OptionList(
            Option("y    stop the certificate authority and quit", id="stop"),
            Option("k    close the console only, keep serving", id="keep"),
            Option("Esc  stay here", id="stay"),
            compact=True,
            markup=False,
        )

    @on(OptionList.OptionSelected)
    def _selected(self, message: OptionList.OptionSelected) -> None:
        self.action_choose(str(message.option.id))

    def action_choose(self, answer: str) -> None:
        """Give the answer."""
        self.dismiss({"stop": Ending.STOP, "keep": Ending.KEEP_SERVING}.get(answer))
