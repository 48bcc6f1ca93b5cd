"""Journal: what happened at the CA, each entry chained to the one before it."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import tzinfo
from typing import ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Footer, Rule, Static

from appliance.model.errors import HearthError
from appliance.model.events import EventKind
from appliance.model.journal import JournalEvent, JournalQuery
from appliance.model.work import Work, WorkKind
from appliance.operator.interface import Operator
from tui.columns import Column
from tui.screens.details import Details
from tui.screens.help import Help
from tui.screens.searched import Searched
from tui.screens.watched import SHAPES
from tui.widgets.column_titles import ColumnTitles
from tui.widgets.line_list import LineList
from tui.widgets.row_list import Row, RowList
from tui.widgets.sheet import Field, Section
from tui.wording import SHAPES as KINDS
from tui.wording import count, printable, subject

_PAGE: Final = 200
_MOST: Final = 10_000  # entries that the list keeps
_NEAR: Final = 50  # lines from the end, where more are asked for
_PARTS: Final = {
    EventKind.ISSUED: "good",
    EventKind.REVOKED: "look",
    EventKind.WARNED: "look",
    EventKind.REFUSED: "act",
}
_CHOICES: Final[tuple[tuple[EventKind, ...], ...]] = (
    (),
    (EventKind.ISSUED, EventKind.RENEWED, EventKind.REKEYED),
    (EventKind.REVOKED,),
    (EventKind.REFUSED,),
    (EventKind.NOTED, EventKind.WARNED),
)
_NAMES: Final = ("everything", "issued", "revoked", "refused", "the box")
_HELP: Final = (
    Section(
        title="What you see",
        text=(
            "What happened, the newest first, as it is written in the database with what it tells"
            " of. Each entry has the hash of the one before it, so none can be changed, removed or"
            " put in between unseen. Whoever can write to the database could write all of it anew:"
            " note the head now and then, elsewhere, and hold it against the journal with"
            " hearth log verify --head."
        ),
    ),
    Section(
        title="Keys",
        fields=(
            Field(name="/", value="a name, *.domain, a serial number, or operation:reload"),
            Field(name="f", value="everything, issued, revoked, refused, the box"),
            Field(name="v", value="verify: follow the hashes through all entries"),
            Field(name="Enter", value="all about an entry"),
            Field(name="g", value="ask again, from the newest on"),
        ),
    ),
)


class EventScreen(Searched):
    """The journal, page after page, and whether it is whole."""

    CSS = """
    EventScreen {
        #check { height: auto; max-height: 6; padding: 0 2; color: $foreground 80%; }
    }
    """
    name_shown = "Journal"
    help = _HELP
    placeholder = "name, *.domain, serial, operation:… "
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f", "next_kind", "kind"),
        Binding("v", "verify", "verify"),
        Binding("g", "again", "newest", show=False),
    ]

    def __init__(self, operator: Operator, *, zone: tzinfo | None, pause: float) -> None:
        rows = RowList(
            Column(title="what", width=10),
            Column(title="time", width=8),
            Column(title="about", width=0),
            Column(title="operation", width=13),
            Column(title="number", width=9, right=True),
        )
        super().__init__(operator, rows, zone=zone, pause=pause)
        self._events: list[JournalEvent] = []
        self._choice = 0
        self._query: JournalQuery | None = None  # of the next page; None: there is none
        self._checks: list[Work] = []
        self._fresh = False

    def compose(self) -> ComposeResult:
        """Put the parts one below the other."""
        yield Static(classes="head")
        yield Rule()
        yield self._search
        yield ColumnTitles(self._list)
        yield self._list
        yield Rule()
        yield Static(id="check", markup=False)
        yield Footer(compact=True, show_command_palette=False)

    async def look(self) -> None:
        """Ask for new entries while the newest are seen, and for the check."""
        self.take_time(await self._operator.overview())
        works = await self._operator.works()
        self._checks = [each for each in works if each.kind is WorkKind.JOURNAL]
        self.put("#check", "\n".join(self._checked()))
        if not self._fresh or self._list.cursor == 0:
            self._fresh = True
            await self._fetch()
        self._show_head()

    @property
    def is_narrow(self) -> bool:
        """Whether a search or a kind leaves something out."""
        return super().is_narrow or self._choice > 0

    def show_all(self) -> None:
        """Leave nothing out any more."""
        super().show_all()
        self._choice = 0
        self._ask()

    def action_next_kind(self) -> None:
        """Show entries of another kind."""
        self._choice = (self._choice + 1) % len(_CHOICES)
        self._ask()

    def action_again(self) -> None:
        """Ask again from the newest on."""
        self._list.move_to(0)
        self._ask()

    def action_verify(self) -> None:
        """Follow the hashes."""
        self.begin(self._operator.begin_journal_check())

    def searched(self) -> None:
        """Ask for what has the name, the serial number or the operation."""
        self._ask()

    @on(LineList.Moved)
    def _moved(self) -> None:
        near = self._list.cursor >= self._list.line_count - _NEAR
        if near and self._query is not None and len(self._events) < _MOST:
            self.run_worker(self._more(self._query), group="more", exclusive=True)

    @on(LineList.Opened)
    def _open(self, message: LineList.Opened) -> None:
        told = self._events[message.place]
        event = told.event
        if event.serial is not None or event.reason:
            self.app.push_screen(Details(event, self._operator, self.calendar))
            return
        fields = (
            Field(name="Number", value=f"{told.number}"),
            Field(name="Time", value=self.calendar.full(event.at)),
            Field(name="Operation", value=event.operation),
        )
        self.app.push_screen(
            Help("Entry", (Section(title="Entry", fields=fields),), is_about_screen=False)
        )

    # ---- asking

    def _ask(self) -> None:
        """Ask for the list anew; a question under way is given up."""
        self.run_worker(self._asked(), group="more", exclusive=True)

    async def _asked(self) -> None:
        try:
            await self._fetch()
        except HearthError as error:
            self.say(error.public)
        self._show_head()

    async def _fetch(self) -> None:
        query = self._selected()
        page = await self._operator.journal_events(query)
        self._events = list(page.events)
        self._query = None if page.complete else replace(query, before=page.reached)
        self._show()

    async def _more(self, query: JournalQuery) -> None:
        try:
            page = await self._operator.journal_events(query)
        except HearthError as error:
            self.say(error.public)
            return
        self._events += page.events
        self._query = None if page.complete else replace(query, before=page.reached)
        self._show()

    def _selected(self) -> JournalQuery:
        typed = self._search.value.strip()
        query = JournalQuery(kinds=_CHOICES[self._choice], newest_first=True, limit=_PAGE)
        if typed.startswith("operation:"):
            return replace(query, operation=typed.removeprefix("operation:").strip())
        if typed.isdigit() or typed.lower().startswith("0x"):
            return replace(query, serial=typed if len(typed) > 2 else "")
        return replace(query, name=typed)

    # ---- showing

    def _show(self) -> None:
        empty = "None is found; a name is meant whole. Esc shows all."
        self._list.show([self._row(each) for each in self._events], empty)

    def _row(self, told: JournalEvent) -> Row:
        event = told.event
        named = subject(event, 60) if event.subject or event.sans else ""
        about = "  ".join(filter(None, (named, printable(event.reason))))
        return Row(
            key=f"{told.number}",
            part=_PARTS.get(event.kind, "plain"),
            cells=(
                f"{KINDS[event.kind]} {event.kind}",
                self.calendar.brief(event.at),
                about,
                event.operation,
                f"{told.number}",
            ),
        )

    def _show_head(self) -> None:
        shown = f"{count(len(self._events))} shown" + (", more below" if self._query else "")
        last = self._checks[-1] if self._checks else None
        part = "plain"
        if last is not None and not last.is_under_way:
            part = "act" if last.problem else "good"
        self.head(f"More · Journal  {_NAMES[self._choice]}", part, shown)

    def _checked(self) -> Iterator[str]:
        if not self._checks:
            yield "Not checked since the start: v follows the hashes through all entries."
            return
        last = self._checks[-1]
        if last.is_under_way:
            yield f"… {last.stage}: {count(last.done)} of {count(last.total)}"
            return
        when = self.calendar.relative(last.ended_at) if last.ended_at else ""
        if last.problem:
            yield f"{SHAPES['act']} {printable(last.problem)} ({when})"
        else:
            yield f"{SHAPES['good']} unbroken, checked {when}; note the head elsewhere:"
        yield from (f"  {printable(line)}" for line in last.told[:4])
