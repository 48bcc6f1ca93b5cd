"""Quitting, after a question."""

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from tui.ending import Ending


class Quit(ModalScreen[Ending | None]):
    """Ask what shall end; None: nothing."""

    CSS = """
    Quit {
        align: center middle;
        background: $background 60%;
        Vertical {
            width: 60;
            max-width: 100%;
            height: auto;
            max-height: 100%;
            background: $surface;
            border: round $warning;
            border-title-color: $warning;
            padding: 0 2;
        }
        Static { margin: 0 0 1 0; color: $foreground 80%; }
        OptionList {
            height: auto;
            border: none;
            padding: 0;
            background: $surface;
            &:focus { border: none; }
        }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,n,q", "choose('stay')", "stay", show=False),
        Binding("y", "choose('stop')", "stop", show=False),
        Binding("k", "choose('keep')", "keep serving", show=False),
    ]

    def compose(self) -> ComposeResult:
        """Ask."""
        with Vertical() as sheet:
            sheet.border_title = "Quit?"
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
