"""A small sheet over a screen."""

from abc import abstractmethod
from typing import ClassVar, TypeVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from tui.wording import plain

Answer = TypeVar("Answer")


class SheetModal(ModalScreen[Answer]):
    """Asks one thing; Esc answers nothing. A grave one is of another colour.

    Subclasses put on it what they ask, and a Static `#problem` where something can be wrong.
    """

    DEFAULT_CSS = """
    SheetModal {
        align: center middle;
        background: $background 60%;
        .sheet {
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
        &.-grave .sheet { border: round $warning; border-title-color: $warning; }
        .sheet > Static { margin: 0 0 1 0; color: $foreground 80%; }
        Input { background: $panel; }
        #problem { color: $error; height: auto; margin: 1 0 0 0; }
        OptionList {
            height: auto;
            border: none;
            padding: 0;
            background: $surface;
            &:focus { border: none; }
        }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss", "back", show=False)]

    def __init__(self, title: str, keys: str, *, is_grave: bool = False) -> None:
        super().__init__()
        self._title, self._keys, self._is_grave = title, keys, is_grave

    def compose(self) -> ComposeResult:
        """Put what is asked on the sheet."""
        # not before: with a class from the start, a screen's component classes have no style
        self.set_class(self._is_grave, "-grave")
        with Vertical(classes="sheet") as sheet:
            sheet.border_title = plain(self._title)
            sheet.border_subtitle = self._keys
            yield from self.compose_sheet()

    @abstractmethod
    def compose_sheet(self) -> ComposeResult:
        """Ask."""

    def say(self, text: str) -> None:
        """Say what is wrong, or under way."""
        for problem in self.query("#problem").results(Static):  # there is none once it is left
            problem.update(text)
