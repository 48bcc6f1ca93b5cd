"""More: what one looks after now and then, each with how it stands."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Footer, Rule, Static

from appliance.model.alerts import AlertReport
from appliance.model.configured import Configuration
from appliance.model.errors import NotSupported
from appliance.model.loglines import LineLevel, LogPage
from appliance.model.overview import Overview
from appliance.model.upkeep import ClockStatus
from appliance.model.work import Work, WorkKind
from appliance.operator.interface import Operator
from tui.columns import Column
from tui.screens.alerts import AlertScreen
from tui.screens.backups import BackupScreen, standing
from tui.screens.events import EventScreen
from tui.screens.guards import GuardScreen
from tui.screens.log import LogScreen
from tui.screens.place import Place
from tui.screens.settings import SettingScreen
from tui.screens.watched import SHAPES, Below, Watched
from tui.widgets.line_list import LineList
from tui.widgets.place_bar import PlaceBar
from tui.widgets.row_list import Row, RowList
from tui.widgets.sheet import Field, Section
from tui.wording import Calendar, count, printable, size


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """Something that a screen does, as the command palette knows it."""

    name: str
    text: str
    action: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """A screen below More."""

    key: str
    name: str
    text: str  # what it is for
    screen: type[Below]
    deeds: tuple[Deed, ...] = ()


DOORS: Final = (
    Door(
        key="b",
        name="Backup",
        text="make, prove and restore backups",
        screen=BackupScreen,
        deeds=(
            Deed(name="Back up now", text="As the schedule would", action="make"),
            Deed(name="Back up elsewhere", text="To a place that is typed", action="elsewhere"),
        ),
    ),
    Door(
        key="s",
        name="Settings",
        text="the configuration in force",
        screen=SettingScreen,
        deeds=(Deed(name="Reload", text="Put ca.json in force as it is now", action="reload"),),
    ),
    Door(
        key="a",
        name="Alerts",
        text="what is wrong, and who is told",
        screen=AlertScreen,
        deeds=(Deed(name="Test the alerts", text="Send a test to each target", action="test"),),
    ),
    Door(
        key="c",
        name="Clock and disk",
        text="what keeps from issuing",
        screen=GuardScreen,
        deeds=(Deed(name="Confirm the clock", text="Say it is right", action="confirm"),),
    ),
    Door(
        key="e",
        name="Journal",
        text="what happened, proven unbroken",
        screen=EventScreen,
        deeds=(Deed(name="Verify the journal", text="Follow its hashes", action="verify"),),
    ),
    Door(key="l", name="Log", text="what the server says", screen=LogScreen),
)
_HELP: Final = (
    Section(
        title="More",
        fields=tuple(Field(name=door.key, value=f"{door.name}: {door.text}") for door in DOORS),
    ),
    Section(
        title="Keys everywhere",
        fields=(
            Field(name="1 … 6", value="the screens of the bar below"),
            Field(name="Ctrl+P", value="find any screen or command by its name"),
            Field(name="?", value="explain the screen that is seen"),
            Field(name="u", value="type the PIN that a token waits for"),
            Field(name="Esc", value="back"),
            Field(name="q", value="quit, after a question"),
        ),
    ),
)


class More(Watched, Place):
    """The doors, and what is behind each in a line."""

    AUTO_FOCUS = "RowList"
    name_shown = "More"
    help = _HELP
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(door.key, f"open({door.name!r})", door.name, show=False) for door in DOORS
    ]

    def __init__(self, operator: Operator, *, zone: tzinfo | None, pause: float) -> None:
        super().__init__(operator, zone=zone, pause=pause)
        self._list = RowList(
            Column(title="", width=17),
            Column(title="", width=0),
        )

    def compose(self) -> ComposeResult:
        """Put the parts one below the other."""
        yield Static(classes="head")
        yield Rule()
        yield self._list
        yield PlaceBar("More")
        yield Footer(compact=True, show_command_palette=False)

    def show_overview(self, overview: Overview | None) -> None:
        """Take note of the time."""
        if overview is not None:
            self.take_time(overview)

    def action_open(self, name: str, action: str = "") -> None:
        """Open what is behind a door, and have it do something."""
        door = next(each for each in DOORS if each.name == name)
        screen = door.screen(self._operator, zone=self._zone, pause=self._pause)
        screen.first_action = action
        self.app.push_screen(screen)

    @on(LineList.Opened)
    def _open(self, message: LineList.Opened) -> None:
        self.action_open(DOORS[message.place].name)

    async def look(self) -> None:
        """Ask how all of it stands."""
        operator = self._operator
        self.take_time(await operator.overview())
        works = await operator.works()
        states = (
            standing(await operator.backups(), works, self.calendar),
            _configured(await operator.configuration()),
            _alerting(await operator.alerts()),
            _guarded(await operator.clock(), await self._room()),
            _journaled(works, self.calendar),
            _logged(await operator.log_lines(), self.calendar),
        )
        rows = [
            Row(
                key=door.key,
                part=part,
                cells=(f"{door.key}  {door.name}", f"{SHAPES[part]} {printable(text)}"),
            )
            for door, (part, text) in zip(DOORS, states, strict=True)
        ]
        self._list.show(rows)
        worst = next(
            (each for each in ("act", "look") if any(part == each for part, _ in states)), "good"
        )
        said = {"act": "something has to be done", "look": "something is to be looked at"}
        self.head("More", worst, said.get(worst, "all as it should be"))

    async def _room(self) -> str:
        try:
            stats = await self._operator.database()
        except NotSupported:
            return "no database"
        return f"{size(stats.free)} free"


def _configured(configuration: Configuration) -> tuple[str, str]:
    if configuration.problem:
        return "act", "ca.json was changed, and would be refused"
    if configuration.changed:
        return "look", "ca.json was changed, and is not in force yet"
    written = sum(each.written for each in configuration.settings)
    rest = len(configuration.settings) - written
    return "good", f"in force as written: {written} set, {rest} by default"


def _alerting(report: AlertReport) -> tuple[str, str]:
    targets = f"{len(report.targets)} told" if report.targets else "nobody is told"
    muted = f", {len(report.mutes)} muted" if report.mutes else ""
    ill = [each for each in report.conditions if not each.ok]
    wrong = len({each.name for each in ill} | {each.name for each in report.open})
    if wrong:
        return "look", f"{wrong} not well; {targets}{muted}"
    return ("good" if report.targets else "quiet"), f"nothing is wrong; {targets}{muted}"


def _guarded(clock: ClockStatus, room: str) -> tuple[str, str]:
    if clock.problem:
        return "act", clock.problem
    synchronised = {True: "synchronised", False: "not synchronised", None: "trusted"}
    part = "look" if clock.ahead else "good"
    return part, f"clock {synchronised[clock.synchronized]}, {room}"


def _journaled(works: Sequence[Work], calendar: Calendar) -> tuple[str, str]:
    checks = [each for each in works if each.kind is WorkKind.JOURNAL]
    if not checks:
        return "plain", "not checked since the start"
    last = checks[-1]
    if last.ended_at is None:
        return "plain", f"it is checked: {count(last.done)} of {count(last.total)} entries"
    when = calendar.relative(last.ended_at)
    return ("act", last.problem) if last.problem else ("good", f"unbroken, checked {when}")


def _logged(page: LogPage, calendar: Calendar) -> tuple[str, str]:
    bad = [each for each in page.lines if each.level in (LineLevel.WARNING, LineLevel.ERROR)]
    if not bad:
        return "good", f"{count(page.last)} lines, no warning"
    last = bad[-1]
    part = "act" if last.level is LineLevel.ERROR else "look"
    return part, f"{calendar.relative(last.at)}: {last.text}"
