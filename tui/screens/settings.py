"""Settings: the configuration in force, what is written in ca.json and what is default."""

from datetime import tzinfo
from typing import ClassVar, Final

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Footer, Label, Rule, Static

from appliance.model.configured import Configuration, Setting
from appliance.operator.interface import Operator
from tui.columns import Column
from tui.screens.help import Help
from tui.screens.watched import SHAPES, Below
from tui.widgets.filter_field import FilterField
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


class SettingScreen(Below):
    """The settings, a line each."""

    CSS = """
    SettingScreen {
        #search { height: 1; padding: 0 2; display: none; }
        #slash { color: $primary; width: auto; }
        &.-searching #search { display: block; }
    }
    """
    AUTO_FOCUS = "RowList"
    name_shown = "Settings"
    help = _HELP
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "search", "search", key_display="/"),
        Binding("r", "reload", "put in force"),
        Binding("escape", "leave", "back", key_display="Esc"),
    ]

    def __init__(self, operator: Operator, *, zone: tzinfo | None, pause: float) -> None:
        super().__init__(operator, zone=zone, pause=pause)
        self._list = RowList(
            Column(title="", width=9),
            Column(title="setting", width=30),
            Column(title="in force", width=0),
        )
        self._field = FilterField(placeholder="setting, value, default …")
        self._configuration: Configuration | None = None
        self._shown: list[Setting] = []

    def compose(self) -> ComposeResult:
        """Put the parts one below the other."""
        yield Static(classes="head")
        yield Rule()
        yield Static(id="file", classes="note", markup=False)
        with Horizontal(id="search"):
            yield Label("/ ", id="slash")
            yield self._field
        yield Static(classes="titles")
        yield self._list
        yield Footer(compact=True, show_command_palette=False)

    def fit(self) -> None:
        """Write the titles for the width."""
        super().fit()
        for titles in self.query(".titles").results(Static):
            titles.update(Text(self._list.titles(), no_wrap=True))

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

    def action_search(self) -> None:
        """Type words."""
        self.add_class("-searching")
        self._field.focus()

    def action_leave(self) -> None:
        """Show all again, or go back."""
        if self._field.value:
            self._field.value = ""
            self.remove_class("-searching")
        else:
            self.dismiss()

    def action_reload(self) -> None:
        """Put the file in force."""
        self.begin(self._reload())

    async def _reload(self) -> None:
        await self._operator.reload()
        self.notify("ca.json is in force as it is now.", timeout=4)

    def _show(self) -> None:
        if self._configuration is None:
            return
        words = self._field.value.lower().split()
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

    @on(FilterField.Changed)
    def _typed(self) -> None:
        self._show()

    @on(FilterField.Left)
    def _typing_ended(self) -> None:
        self.set_class(bool(self._field.value), "-searching")
        self._list.focus()

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
