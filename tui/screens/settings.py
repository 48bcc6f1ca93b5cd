"""Settings: the configuration in force, what is written in ca.json and what is default."""

from datetime import tzinfo
from typing import ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Footer, Rule, Static

from appliance.model.configured import Configuration, Setting
from appliance.operator.interface import Operator
from tui.columns import Column
from tui.screens.help import Help
from tui.screens.searched import Searched
from tui.screens.watched import SHAPES
from tui.widgets.column_titles import ColumnTitles
from tui.widgets.line_list import LineList
from tui.widgets.row_list import Row, RowList
from tui.widgets.sheet import Field, Section
from tui.wording import printable

_HELP: Final = (
    Section(
        title="What you see",
        text=(
            "Every setting as it is in force: those that ca.json has, and those that are as they"
            " are because it has none. Passwords and PINs are said to be set, and never shown."
        ),
        fields=(
            Field(name="● set", value="written in ca.json"),
            Field(name="○ default", value="not written there"),
        ),
    ),
    Section(
        title="Keys",
        fields=(
            Field(name="/", value="show only settings in which every word occurs"),
            Field(name="Enter", value="the whole value, and how it is changed"),
            Field(name="r", value="put ca.json in force as it is now; refused, nothing changes"),
            Field(name="Esc", value="show all again; back"),
        ),
    ),
)


class SettingScreen(Searched):
    """The settings, a line each."""

    name_shown = "Settings"
    help = _HELP
    placeholder = "setting, value, default …"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "reload", "put in force"),
    ]

    def __init__(self, operator: Operator, *, zone: tzinfo | None, pause: float) -> None:
        rows = RowList(
            Column(title="", width=9),
            Column(title="setting", width=30),
            Column(title="in force", width=0),
        )
        super().__init__(operator, rows, zone=zone, pause=pause)
        self._configuration: Configuration | None = None
        self._shown: list[Setting] = []

    def compose(self) -> ComposeResult:
        """Put the parts one below the other."""
        yield Static(classes="head")
        yield Rule()
        yield Static(id="file", classes="note", markup=False)
        yield self._search
        yield ColumnTitles(self._list)
        yield self._list
        yield Footer(compact=True, show_command_palette=False)

    async def look(self) -> None:
        """Ask for the configuration."""
        self._configuration = found = await self._operator.configuration()
        part, text = "good", "in force as written"
        if found.problem:
            part, text = "act", "changed, and would be refused"
        elif found.changed:
            part, text = "look", "changed: r puts it in force"
        self.head("More · Settings", part, text)
        lines = [f"{printable(found.file)}   SHA-256 {found.digest[:16]}…"]
        if found.problem:
            lines.append(f"{SHAPES['act']} {printable(found.problem)}")
        lines += [f"{SHAPES['look']} {printable(each)}" for each in found.warnings[:2]]
        if len(found.warnings) > 2:
            lines.append(f"  and {len(found.warnings) - 2} more, in the log of the start")
        self.put("#file", "\n".join(lines))
        self._show()

    def action_reload(self) -> None:
        """Put the file in force."""
        self.begin(self._reload())

    async def _reload(self) -> None:
        await self._operator.reload()
        self.notify("ca.json is in force as it is now.", timeout=4)

    def _show(self) -> None:
        if self._configuration is None:
            return
        words = self._search.value.lower().split()
        self._shown = [
            each
            for each in self._configuration.settings
            if all(word in f"{each.group} {each.name} {each.value} {_from(each)}".lower()
                   for word in words)
        ]  # fmt: skip
        rows = [
            Row(
                key=each.name,
                part="good" if each.written else "quiet",
                cells=(_from(each), each.name, printable(each.value)),
            )
            for each in self._shown
        ]
        self._list.show(rows, "None has all of these words. Esc shows all.")

    def searched(self) -> None:
        """Show the settings that have the words."""
        self._show()

    @on(LineList.Opened)
    def _open(self, message: LineList.Opened) -> None:
        each, found = self._shown[message.place], self._configuration
        if found is None:
            return
        fields = (
            Field(name="Setting", value=each.name),
            Field(name="In force", value=printable(each.value)),
            Field(name="From", value="ca.json" if each.written else "default"),
            Field(name="Change it", value=f"$EDITOR {printable(found.file)}", part="good"),
            Field(name="", value="then r on this screen, or: systemctl reload hearth"),
            Field(name="Check first", value=f"hearth doctor --ca-config {printable(found.file)}"),
        )
        self.app.push_screen(
            Help(each.name, (Section(title=each.group, fields=fields),), is_about_screen=False)
        )


def _from(setting: Setting) -> str:
    return "● set" if setting.written else "○ default"
