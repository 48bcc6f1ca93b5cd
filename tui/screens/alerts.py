"""Alerts: what is wrong, who is told of it, and what is not to be told for a while."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta, tzinfo
from functools import partial
from typing import ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Footer, OptionList, Rule, Static
from textual.widgets.option_list import Option

from appliance.model.alerts import AlertReport, Mute
from appliance.model.conditions import Severity
from appliance.operator.interface import Operator
from tui import health
from tui.columns import Column
from tui.screens.help import Help
from tui.screens.sheet_modal import SheetModal
from tui.screens.watched import SHAPES, Below
from tui.widgets.line_list import LineList
from tui.widgets.row_list import Row, RowList
from tui.widgets.sheet import Field, Section
from tui.wording import Calendar, printable

_SPANS: Final = {
    "day": ("for a day", timedelta(days=1)),
    "week": ("for a week", timedelta(days=7)),
    "ever": ("until it is unmuted", None),
}
_HELP: Final = (
    Section(
        title="What you see",
        text=(
            "What is not as it should be, then who is told (`alerts.targets` of ca.json), what is"
            " muted, and what waits because a target did not take it."
        ),
    ),
    Section(
        title="Keys",
        fields=(
            Field(name="t", value="send a test to the target under the cursor, or to all"),
            Field(name="m", value="do not tell of the alert under the cursor for a while"),
            Field(name="m", value="on what is muted: tell of it again"),
            Field(name="Enter", value="all about the line"),
        ),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """A line: `kind` is wrong, target, muted or waits; `name` is its alert's or target's."""

    kind: str
    name: str
    row: Row
    fields: tuple[Field, ...]


class AlertScreen(Below):
    """What is wrong, and who is told."""

    AUTO_FOCUS = "RowList"
    name_shown = "Alerts"
    help = _HELP
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("t", "test", "send a test"),
        Binding("m", "mute", "mute/unmute"),
    ]

    def __init__(self, operator: Operator, *, zone: tzinfo | None, pause: float) -> None:
        super().__init__(operator, zone=zone, pause=pause)
        self._list = RowList(
            Column(title="", width=10),
            Column(title="which", width=26),
            Column(title="", width=0),
        )
        self._lines: list[_Line] = []
        self._tested = ""

    def compose(self) -> ComposeResult:
        """Put the parts one below the other."""
        yield Static(classes="head")
        yield Rule()
        yield self._list
        yield Rule()
        yield Static(id="tested", classes="note", markup=False)
        yield Footer(compact=True, show_command_palette=False)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer only what can be done."""
        if action == "mute":
            return self._current is not None and self._current.kind in ("wrong", "muted")
        return action != "test" or any(each.kind == "target" for each in self._lines)

    async def look(self) -> None:
        """Ask for what is wrong, and for who is told."""
        self.take_time(await self._operator.overview())
        report = await self._operator.alerts()
        self._lines = [
            *_wrong(report, self.calendar),
            *_muted(report, self.calendar),
            *_waiting(report, self.calendar),
            *_targets(report),
        ]
        wrong = sum(each.kind == "wrong" for each in self._lines)
        part = "look" if wrong else "good"
        self.head("More · Alerts", part, f"{wrong} not well" if wrong else "nothing is wrong")
        empty = "Nothing is wrong, and nobody would be told: ca.json has no `alerts.targets`."
        self._list.show([each.row for each in self._lines], empty)
        self.put("#tested", self._tested)
        self.offer([(each.kind, each.name) for each in self._lines])

    def action_test(self) -> None:
        """Send a test."""
        current = self._current
        target = current.name if current is not None and current.kind == "target" else ""
        self._tested = "sending a test …"
        self.begin(self._test(target))

    def action_mute(self) -> None:
        """Mute the alert under the cursor, or tell of it again."""
        current = self._current
        if current is None:
            return
        if current.kind == "muted":
            self.begin(self._operator.unmute_alert(current.name))
        elif current.kind == "wrong":
            self.app.push_screen(HowLong(current.name), partial(self._mute, current.name))

    @property
    def _current(self) -> _Line | None:
        return self._lines[self._list.cursor] if self._lines else None

    def _mute(self, name: str, chosen: str | None) -> None:
        if chosen in _SPANS:
            length = _SPANS[chosen][1]
            until = self.calendar.now + length if length is not None else None
            self.begin(self._operator.mute_alert(Mute(name=name, until=until)))

    async def _test(self, target: str) -> None:
        self._tested = ""
        taken = await self._operator.test_alerts(target)
        self._tested = "\n".join(
            f"{SHAPES['act' if each.problem else 'good']} {printable(each.target)}: "
            f"{printable(each.problem) or 'took the test'}"
            for each in taken
        )

    @on(LineList.Moved)
    def _moved(self) -> None:
        self.refresh_bindings()

    @on(LineList.Opened)
    def _open(self, message: LineList.Opened) -> None:
        line = self._lines[message.place]
        sections = (Section(title=printable(line.name), fields=line.fields),)
        self.app.push_screen(Help(printable(line.name), sections, is_about_screen=False))


class HowLong(SheetModal[str]):
    """For how long not to tell."""

    def __init__(self, name: str) -> None:
        super().__init__(f"Do not tell of {name}", "Enter choose · Esc back")

    def compose_sheet(self) -> ComposeResult:
        """Ask."""
        yield Static("It stays listed here, and on the overview.")
        options = [Option(text, id=name) for name, (text, _) in _SPANS.items()]
        yield OptionList(*options, compact=True, markup=False)

    @on(OptionList.OptionSelected)
    def _selected(self, message: OptionList.OptionSelected) -> None:
        self.dismiss(str(message.option.id))


def _wrong(report: AlertReport, calendar: Calendar) -> Iterator[_Line]:
    for need in health.needs(report):
        fields = (
            Field(name="State", value=f"{need.shape} {need.severity}", part=need.part),
            Field(name="What", value=need.text),
            Field(
                name="Since", value=f"{calendar.full(need.since)}, {calendar.relative(need.since)}"
            ),
            Field(name="What to do", value=need.advice, part="good"),
        )
        critical = need.severity is Severity.CRITICAL
        yield _line("wrong", need.name, need.part, "act" if critical else "look", need.text, fields)


def _muted(report: AlertReport, calendar: Calendar) -> Iterator[_Line]:
    for mute in report.mutes:
        text = f"until {calendar.full(mute.until)}" if mute.until else "until it is unmuted"
        yield _line("muted", mute.name, "quiet", "muted", text, (Field(name="Muted", value=text),))


def _waiting(report: AlertReport, calendar: Calendar) -> Iterator[_Line]:
    for each in report.pending:
        text = f"{each.notice.name}: {each.problem or 'not tried yet'}"
        fields = (
            Field(name="Notice", value=printable(each.notice.title)),
            Field(name="Tried", value=f"{each.attempts} times"),
            Field(name="Again", value=calendar.full(each.due)),
            Field(name="Problem", value=printable(each.problem) or "none yet"),
        )
        yield _line("waits", each.target, "look", "waits", text, fields, each.notice.id)


def _targets(report: AlertReport) -> Iterator[_Line]:
    for name in report.targets:
        text = "is told; t sends a test"
        yield _line("target", name, "good", "target", text, (Field(name="Target", value=name),))


def _line(
    kind: str,
    name: str,
    part: str,
    word: str,
    text: str,
    fields: tuple[Field, ...],
    more: str = "",
) -> _Line:
    cells = (f"{SHAPES[part]} {word}", printable(name), printable(text))
    row = Row(key=f"{kind} {name} {more}", part=part, cells=cells)
    return _Line(kind=kind, name=name, row=row, fields=fields)
