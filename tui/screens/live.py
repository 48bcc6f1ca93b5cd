"""Live: what the authority does, as it does it."""

from datetime import tzinfo
from typing import ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.events import Resize
from textual.widgets import Footer, Label, Rule

from appliance.model.overview import Overview
from appliance.operator.interface import Operator
from tui.journal import Journal
from tui.pulse import Pulse
from tui.screens.details import Details
from tui.screens.external_keys import ExternalKeyScreen
from tui.screens.place import Place
from tui.widgets.column_titles import ColumnTitles
from tui.widgets.event_list import EventList
from tui.widgets.filter_field import FilterField
from tui.widgets.follow_state import FollowState
from tui.widgets.line_list import LineList
from tui.widgets.masthead import Masthead
from tui.widgets.place_bar import PlaceBar
from tui.widgets.seen_state import SeenState
from tui.widgets.sheet import Field, Section
from tui.widgets.tally import Tally
from tui.wording import Calendar

_LOW: Final = 16  # lines, below which only the list matters
_HELP: Final = (
    Section(
        title="What you see",
        fields=(
            Field(name="● issued", value="a new certificate"),
            Field(name="○ renewed", value="the same names and key until a later time"),
            Field(name="◇ rekeyed", value="the same names with a new key"),
            Field(name="▲ revoked", value="renewed no more, though valid until its end"),
            Field(name="■ refused", value="a request that was turned down, and why"),
        ),
    ),
    Section(
        title="Keys",
        fields=(
            Field(name="Enter", value="details of a line: all fields, fingerprints, PEM"),
            Field(
                name="/",
                value="show only lines in which every word occurs: of names, provisioner, serial,"
                " client, kind or reason; Esc shows all again",
            ),
            Field(name="space", value="pause: what happens meanwhile waits"),
            Field(name="a", value="the keys that let new ACME accounts in: see, make, remove"),
            Field(name="g", value="go to the newest line and follow"),
            Field(name="↑ ↓ PgUp PgDn", value="move; the list stays where you are reading"),
            Field(name="1 2 3", value="the screens of the bar below"),
            Field(name="Ctrl+P", value="find any command"),
            Field(name="q", value="quit, after a question"),
        ),
    ),
)


class Live(Place):
    """Header, numbers, and the live table."""

    CSS = """
    Live {
        background: $background;
        Rule.-horizontal { color: $panel; margin: 0; }
        Footer { padding: 0 1; }
        #status { height: 1; padding: 0 2 0 2; }
        #slash { color: $primary; width: auto; padding: 0 0 0 3; display: none; }
        FilterField { display: none; }
        &.-filtered #slash, &.-filtered FilterField { display: block; }
        &.-filtered SeenState { width: auto; padding: 0 0 0 2; }
        &.-low Tally, &.-low Rule, &.-low ColumnTitles, &.-low PlaceBar { display: none; }
    }
    """
    AUTO_FOCUS = "EventList"
    name_shown = "Live"
    help = _HELP
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "filter", key_display="/"),
        Binding("space", "pause", "pause", key_display="space"),
        Binding("g", "newest", "newest"),
        Binding("a", "external_keys", "ACME keys"),
        Binding("escape", "everything", "show everything", show=False),
    ]

    def __init__(
        self, operator: Operator, journal: Journal, pulse: Pulse, *, zone: tzinfo | None
    ) -> None:
        super().__init__()
        self._operator = operator
        self._journal = journal
        self._zone = zone
        self._masthead = Masthead(zone=zone)
        self._tally = Tally(pulse)
        self._events = EventList(journal, zone=zone, id="events")
        self._following = FollowState()
        self._seen = SeenState()
        self._field = FilterField()
        self._provisioners: tuple[str, ...] = ()

    def compose(self) -> ComposeResult:
        """Put the parts one below the other."""
        yield self._masthead
        yield Rule()
        yield self._tally
        yield Rule()
        with Horizontal(id="status"):
            yield self._following
            yield Label("/ ", id="slash")
            yield self._field
            yield self._seen
        yield ColumnTitles(self._events)
        yield self._events
        yield PlaceBar("Live")
        yield Footer(compact=True, show_command_palette=False)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer to filter where that is not what is being done."""
        return action != "filter" or not self._field.has_focus

    def on_resize(self, event: Resize) -> None:
        """On a low terminal leave out what is not the list."""
        low = event.size.height < _LOW
        self.set_class(low, "-low")
        self._masthead.set_class(low, "-low")

    def on_mount(self) -> None:
        """Begin with what is known."""
        self._show_state()

    def show_overview(self, overview: Overview | None) -> None:
        """Show the state of the appliance; None: it does not answer."""
        self._masthead.show(overview, answering=overview is not None)
        if overview is not None:
            day_before = self._events.calendar.now.date()
            self._events.calendar = Calendar(zone=self._zone, now=overview.now)
            self._provisioners = overview.provisioners
            self._tally.show(overview)
            if overview.now.date() != day_before:
                self._events.refresh()

    def show_events(self, added: int | None) -> None:
        """Show what the journal has taken in: so many rows on top, or (None) all anew."""
        if added is None:
            self._events.lines_changed()
        else:
            self._events.lines_added(added)
        self._show_state()

    def action_filter(self) -> None:
        """Type a filter."""
        self.add_class("-filtered")
        self._field.focus()
        self.refresh_bindings()

    def action_everything(self) -> None:
        """Let go of the filter."""
        self._field.action_clear()

    def action_pause(self) -> None:
        """Hold still, or go on."""
        if self._journal.paused:
            self.show_events(self._journal.resume())
        else:
            self._journal.pause()
            self._show_state()

    def action_newest(self) -> None:
        """Go to the newest row, and follow; that ends a pause, too."""
        if self._journal.paused:
            self.action_pause()
        self._events.action_first()
        self._show_state()

    def action_external_keys(self) -> None:
        """See the keys that let new ACME accounts in."""
        screen = ExternalKeyScreen(self._operator, self._provisioners, self._events.calendar)
        self.app.push_screen(screen)

    @on(FilterField.Changed)
    def _typed(self) -> None:
        current, following = self._events.current, self._events.following
        self._journal.filter(self._field.value)
        self._events.empty = "No line has all of these words. Esc shows everything."
        self._events.stay_on(current, following=following)
        self._show_state()

    @on(FilterField.Left)
    def _typing_ended(self) -> None:
        self.set_class(bool(self._field.value), "-filtered")
        self._events.focus()

    @on(LineList.Moved)
    def _show_state(self) -> None:
        self._following.show(self._journal, above=self._events.cursor)
        self._seen.show(self._journal)

    @on(LineList.Opened)
    def _open(self, message: LineList.Opened) -> None:
        row = self._journal.shown[message.place]
        self.app.push_screen(Details(row.event, self._operator, self._events.calendar))
