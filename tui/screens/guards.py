"""Clock and disk: what keeps the CA from issuing, and the word that the time is right."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta, tzinfo
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Footer, Rule, Static

from appliance.model.errors import NotSupported
from appliance.model.upkeep import ClockStatus, DatabaseStats
from appliance.operator.interface import Operator
from tui.screens.typed import Typed
from tui.screens.watched import Below
from tui.widgets.sheet import Field, Section, Sheet
from tui.wording import ACT, GOOD, LOOK, long_span, printable, size

_RIGHT: Final = "right"
_HELP: Final = (
    Section(
        title="What you see",
        text=(
            "A clock that starts in the past, or a disk that is full, keeps the CA from issuing:"
            " what it signed then would be wrong or lost. The latest time ever seen is kept in the"
            " database; a clock behind it is not believed until it is right, or you say so."
        ),
    ),
    Section(
        title="Keys",
        fields=(
            Field(name="c", value="say that the time is right, after a question"),
            Field(name="p", value="compact the database: give back the room of what was removed"),
        ),
    ),
)


class GuardScreen(Below):
    """The clock, the disk and the database."""

    AUTO_FOCUS = "Sheet"
    name_shown = "Clock and disk"
    help = _HELP
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("c", "confirm", "the time is right"),
        Binding("p", "compact", "compact"),
    ]

    def __init__(self, operator: Operator, *, zone: tzinfo | None, pause: float) -> None:
        super().__init__(operator, zone=zone, pause=pause)
        self._clock: ClockStatus | None = None
        self._compacting = False
        self._shown: list[Section] = []

    def compose(self) -> ComposeResult:
        """Put the parts one below the other."""
        yield Static(classes="head")
        yield Rule()
        yield Sheet(names=16)
        yield Footer(compact=True, show_command_palette=False)

    async def look(self) -> None:
        """Ask for both."""
        self.take_time(await self._operator.overview())
        self._clock = clock = await self._operator.clock()
        stats: DatabaseStats | None = None
        with suppress(NotSupported):
            stats = await self._operator.database()
        barred = bool(clock.problem or (stats and stats.barred))
        part, text = ("act", "nothing is issued") if barred else ("good", "nothing is in the way")
        if not barred and clock.ahead:
            part, text = "look", "the clock has leapt"
        self.head("More · Clock and disk", part, text)
        sections = [Section(title="Clock", fields=tuple(self._of_clock(clock)))]
        if stats is not None:
            sections.append(Section(title="Disk and database", fields=tuple(self._of_disk(stats))))
        if sections != self._shown:
            for sheet in self.query(Sheet):
                sheet.show(sections)
                self._shown = sections

    def action_confirm(self) -> None:
        """Say that the time is right."""
        if self._clock is None:
            return
        now = self.calendar.full(self._clock.now)
        text = (
            f"It is {now}. Certificates are dated by this. If it is wrong, set the clock"
            " (timedatectl set-ntp true, or date -s) instead."
        )
        self.app.push_screen(
            Typed("Is the time right?", text, _RIGHT, "confirm it", self._operator.confirm_clock),
            self._confirmed,
        )

    def action_compact(self) -> None:
        """Compact the database."""
        if not self._compacting:
            self._compacting = True
            self.begin(self._compact(), "compact")

    def _confirmed(self, done: bool | None) -> None:  # noqa: FBT001 - what Textual calls it with
        if done:
            self.look_now()

    async def _compact(self) -> None:
        self.look_now()
        try:
            await self._operator.compact_database()
            self.notify("The database has been compacted.", timeout=4)
        finally:
            self._compacting = False

    def _of_clock(self, clock: ClockStatus) -> Iterator[Field]:
        state, part = f"{GOOD} trusted", "good"
        if clock.problem:
            state, part = f"{ACT} {printable(clock.problem)}", "act"
        elif clock.ahead > timedelta():
            state, part = f"{LOOK} {long_span(clock.ahead)} ahead of where it should be", "look"
        yield Field(name="State", value=state, part=part)
        yield Field(name="Time", value=self.calendar.full(clock.now))
        if clock.highest is not None:
            yield Field(name="Latest seen", value=self.calendar.full(clock.highest))
        told = {True: "yes", False: "no", None: "the system does not tell"}
        yield Field(name="Synchronised", value=told[clock.synchronized])

    def _of_disk(self, stats: DatabaseStats) -> Iterator[Field]:
        short = stats.free < stats.refuse_below
        state = f"{ACT} too little room" if short else f"{GOOD} room enough"
        if stats.failure:
            state = f"{ACT} {printable(stats.failure)}"
        yield Field(name="State", value=state, part="act" if short or stats.failure else "good")
        yield Field(name="Free", value=size(stats.free))
        yield Field(name="Refuses below", value=f"{stats.refuse_below / 2**20:.0f} MB")
        yield Field(name="Database", value=printable(stats.directory))
        used = f"{size(stats.octets)} in {stats.files} files"
        yield Field(name="Size", value="it is being compacted …" if self._compacting else used)
        for reason in stats.barred:
            yield Field(name="Not issuing", value=printable(reason), part="act")
