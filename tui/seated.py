"""What the console and the wizard have in common: a person's terminal, here or elsewhere."""

import sys
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from rich.console import Console as RichConsole
from textual.app import App
from textual.worker import WorkerFailed

from tui.attached_driver import AttachedDriver
from tui.colours import suit
from tui.driver import TerminalDriver
from tui.terminal import Seat
from tui.theme import EMBER, PAPER

if TYPE_CHECKING:
    from textual.driver import Driver

Result = TypeVar("Result")


class SeatedApp(App[Result]):
    """An application that can live beside others in one process, each on a terminal of its own."""

    def __init__(self, seat: Seat) -> None:
        driver: Any = TerminalDriver
        if seat.attachment is not None:
            driver = partial(AttachedDriver, attachment=seat.attachment)
        driver_class: type[Driver] = driver
        super().__init__(driver_class=driver_class)
        self.seat = seat
        suit(self, seat.terminal)
        # Textual exchanges the process's streams while an application runs, and the last that ends
        # would leave those of the first: with the same ones nothing is exchanged.
        self._capture_stdout = self._capture_stderr = sys.stdout  # type: ignore[assignment]
        self.error_console = RichConsole(quiet=True)  # its tracebacks show what variables hold
        for theme in (EMBER, PAPER):
            self.register_theme(theme)
        self.theme = EMBER.name

    @property
    def fault(self) -> Exception | None:
        """What ended it, if that was a fault of its own."""
        fault = self._exception
        return fault.error if isinstance(fault, WorkerFailed) else fault  # type: ignore[return-value]
