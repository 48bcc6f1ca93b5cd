"""Log: what the server says, line by line."""

from datetime import tzinfo
from typing import ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Footer, Rule, Static

from appliance.model.loglines import LineLevel, LogLine
from appliance.operator.interface import Operator
from tui.columns import Column
from tui.request_line import brief
from tui.screens.help import Help
from tui.screens.searched import Searched
from tui.widgets.line_list import LineList
from tui.widgets.row_list import Row, RowList
from tui.widgets.sheet import Field, Section
from tui.wording import ACT, LOOK, count, printable

_MOST: Final = 5000  # lines that the list keeps
_PARTS: Final = {
    LineLevel.REQUEST: ("quiet", "○"),
    LineLevel.INFO: ("plain", "·"),
    LineLevel.WARNING: ("look", LOOK),
    LineLevel.ERROR: ("act", ACT),
}
_CHOICES: Final = (
    ("everything", tuple(LineLevel)),
    ("without requests", (LineLevel.INFO, LineLevel.WARNING, LineLevel.ERROR)),
    ("warnings and errors", (LineLevel.WARNING, LineLevel.ERROR)),
    ("errors", (LineLevel.ERROR,)),
)
_HELP: Final = (
    Section(
        title="What you see",
        text=(
            "The last lines of the server's log, the newest on top, since its start; what is older"
            " is where the log goes: journalctl -u hearth, or the terminal."
        ),
        fields=(
            Field(name="■ error", value="something failed"),
            Field(name="▲ warning", value="something is not as it should be"),
            Field(name="· info", value="what the server does"),
            Field(name="○ request", value="a request, where `logger` of ca.json asks for lines"),
        ),
    ),
    Section(
        title="Keys",
        fields=(
            Field(name="f", value="everything, without requests, warnings and errors, errors"),
            Field(name="/", value="show only lines in which every word occurs"),
            Field(name="space", value="pause: what is said meanwhile waits"),
            Field(name="g", value="go to the newest line and follow"),
            Field(name="Enter", value="the whole line"),
        ),
    ),
)


class LogScreen(Searched):
    """The lines, the newest on top."""

    name_shown = "Log"
    help = _HELP
    placeholder = "words …"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f", "next_level", "level"),
        Binding("space", "pause", "pause", key_display="space"),
        Binding("g", "newest", "newest"),
    ]

    def __init__(self, operator: Operator, *, zone: tzinfo | None, pause: float) -> None:
        rows = RowList(
            Column(title="", width=9),
            Column(title="time", width=8),
            Column(title="line", width=0),
        )
        super().__init__(operator, rows, zone=zone, pause=pause)
        self._lines: list[LogLine] = []  # the newest first
        self._shown: list[LogLine] = []
        self._choice = 0
        self._last = 0
        self._paused = False

    def compose(self) -> ComposeResult:
        """Put the parts one below the other."""
        yield Static(classes="head")
        yield Rule()
        yield self._search
        yield self._list
        yield Footer(compact=True, show_command_palette=False)

    async def look(self) -> None:
        """Ask for what was said since."""
        if self._paused:
            return
        self.take_time(await self._operator.overview())
        page = await self._operator.log_lines(self._last)
        if page.lines:
            self._last = page.lines[-1].number
            self._lines = [*reversed(page.lines), *self._lines][:_MOST]
        self._show()

    def action_next_level(self) -> None:
        """Show lines of another level."""
        self._choice = (self._choice + 1) % len(_CHOICES)
        self._show()

    def action_pause(self) -> None:
        """Hold still, or go on."""
        self._paused = not self._paused
        self._show()
        self.look_now()

    def action_newest(self) -> None:
        """Go to the newest line, and follow; that ends a pause, too."""
        self._paused = False
        self._list.action_first()
        self.look_now()

    def searched(self) -> None:
        """Show the lines that have the words."""
        self._show()

    @on(LineList.Opened)
    def _open(self, message: LineList.Opened) -> None:
        line = self._shown[message.place]
        fields = (
            Field(name="Time", value=self.calendar.full(line.at)),
            Field(name="Level", value=f"{_PARTS[line.level][1]} {line.level}"),
            Field(name="Line", value=printable(line.text)),
        )
        self.app.push_screen(
            Help(
                "Log", (Section(title=f"Line {line.number}", fields=fields),), is_about_screen=False
            )
        )

    def _show(self) -> None:
        name, levels = _CHOICES[self._choice]
        words = self._search.value.lower().split()
        self._shown = [
            each
            for each in self._lines
            if each.level in levels and all(word in each.text.lower() for word in words)
        ]
        self._list.show([self._row(each) for each in self._shown], "No line has that.")
        state = "paused" if self._paused else "following" if self._list.following else "reading"
        text = f"{state}, {count(len(self._shown))} of {count(self._last)} lines"
        self.head(f"More · Log  {name}", "look" if self._paused else "good", text)

    def _row(self, line: LogLine) -> Row:
        part, shape = _PARTS[line.level]
        text = brief(line.text) if line.level is LineLevel.REQUEST else line.text
        cells = (f"{shape} {line.level}", self.calendar.brief(line.at), printable(text))
        return Row(key=f"{line.number}", part=part, cells=cells)
