"""What a screen shows and which keys it has."""

from collections.abc import Sequence
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen

from tui.widgets.sheet import Section, Sheet
from tui.wording import plain

_KEYS: Final = 15  # cells


class Help(ModalScreen[None]):
    """A sheet over the screen that it explains."""

    CSS = """
    Help {
        align: center middle;
        background: $background 60%;
        Sheet {
            width: 76;
            max-width: 100%;
            height: auto;
            max-height: 100%;
            background: $surface;
            border: round $primary 60%;
            border-title-color: $primary;
            border-subtitle-color: $foreground 60%;
            padding: 0 2;
        }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,q,enter", "dismiss", "back", show=False)
    ]

    def __init__(
        self, title: str, sections: Sequence[Section], *, is_about_screen: bool = True
    ) -> None:
        super().__init__()
        self._title = f"{title}: help" if is_about_screen else title
        self._sections = sections

    def compose(self) -> ComposeResult:
        """Put the sections one below the other."""
        sheet = Sheet(names=_KEYS)
        sheet.border_title = plain(self._title)
        sheet.border_subtitle = "Esc back"
        yield sheet

    def on_mount(self) -> None:
        """Write the text, now that there are styles."""
        self.query_one(Sheet).show(self._sections)
