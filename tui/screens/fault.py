"""The server has failed: say so, then end."""

from collections.abc import Iterator
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from appliance.model.errors import HearthError
from tui.ending import Ending
from tui.wording import ACT

_SHOWN: Final = 10  # seconds


class Fault(ModalScreen[None]):
    """What ended the server. Goes away by itself, so that a supervisor can start another."""

    CSS = """
    Fault {
        align: center middle;
        background: $background 60%;
        VerticalScroll {
            width: 72;
            max-width: 100%;
            height: auto;
            max-height: 100%;
            background: $surface;
            border: round $error;
            border-title-color: $error;
            border-subtitle-color: $foreground 60%;
            padding: 0 2;
        }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter,space", "end", "end", show=False)
    ]

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self._error = error
        self._left = _SHOWN

    def compose(self) -> ComposeResult:
        """Say what happened."""
        with VerticalScroll() as sheet:
            sheet.border_title = f"{ACT} The server has failed"
            sheet.border_subtitle = self._remaining()
            yield Static("\n".join(reasons(self._error)), markup=False)

    def on_mount(self) -> None:
        """Count down."""
        self.set_interval(1, self._tick)

    def action_end(self) -> None:
        """End the console now."""
        self.app.exit(Ending.SERVER_ENDED)

    def _tick(self) -> None:
        self._left -= 1
        if self._left <= 0:
            self.action_end()
        self.query_one(VerticalScroll).border_subtitle = self._remaining()

    def _remaining(self) -> str:
        return f"Enter ends the process, else in {self._left} s"


def reasons(error: BaseException) -> Iterator[str]:
    """Give one line for each error inside; our own ones speak for themselves."""
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from reasons(inner)
    elif isinstance(error, HearthError):
        yield str(error)
    else:
        yield f"{type(error).__name__}: {error}"
