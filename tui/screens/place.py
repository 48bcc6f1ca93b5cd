"""What the numbered screens have in common: the bar that names them, and the state of the box."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.screen import Screen

from appliance.model.overview import Overview
from tui.screens.help import Help
from tui.widgets.sheet import Section


class Place(Screen[None]):
    """A screen that a number leads to. It is told the state of the appliance, seen or not."""

    name_shown: ClassVar[str] = ""
    help: ClassVar[Sequence[Section]] = ()
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("1", "app.go('overview')", "Overview", show=False),
        Binding("2", "app.go('live')", "Live", show=False),
        Binding("3", "app.go('certificates')", "Certificates", show=False),
        Binding("4", "app.go('provisioners')", "Provisioners", show=False),
        Binding("5", "app.go('keys')", "Keys", show=False),
        Binding("6", "app.go('more')", "More", show=False),
        Binding("question_mark", "help", "help", key_display="?"),
    ]

    @abstractmethod
    def show_overview(self, overview: Overview | None) -> None:
        """Show the state of the appliance; None: it does not answer."""

    def action_help(self) -> None:
        """Explain this screen."""
        self.app.push_screen(Help(self.name_shown, self.help))
