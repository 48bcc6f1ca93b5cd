"""Provisioners: who may ask for certificates, and the way to change that."""

from datetime import tzinfo
from typing import ClassVar, Final

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.events import Resize, ScreenResume
from textual.widgets import Footer, Rule, Static
from textual.worker import WorkType

from appliance.model.errors import HearthError
from appliance.model.overview import Overview
from appliance.model.provisioners import Deed, ProvisionerChange
from appliance.operator.interface import Operator
from tui.screens.external_keys import ExternalKeyScreen
from tui.screens.new_provisioner import NewProvisioner
from tui.screens.place import Place
from tui.screens.provisioner import ProvisionerScreen
from tui.screens.save_configuration import SaveConfiguration
from tui.widgets.column_titles import ColumnTitles
from tui.widgets.ends import ends
from tui.widgets.line_list import LineList
from tui.widgets.place_bar import PlaceBar
from tui.widgets.provisioner_list import ProvisionerList
from tui.widgets.sheet import Field, Section
from tui.wording import LOOK, Calendar, printable

_LOW: Final = 16
_HELP: Final = (
    Section(
        title="What you see",
        text=(
            "A provisioner says who may ask for certificates, for which names and for how long."
            " They are in ca.json; what is changed here is checked, shown as a difference, and"
            " then put in force without a request being lost. The former file is kept as"
            " ca.json.old."
        ),
        fields=(
            Field(name="● on", value="it serves"),
            Field(name="○ off", value="disabled: it neither issues nor renews"),
            Field(name="■ broken", value="it cannot be used; Enter says why"),
            Field(name="▲ reload", value="ca.json says something else than is in force"),
            Field(name="▲ listed", value="of a type that this version does not serve"),
            Field(name="usually", value="how long a certificate lasts when nobody says"),
            Field(name="issued", value="certificates of it that are known"),
        ),
    ),
    Section(
        title="What to do with them",
        fields=(
            Field(name="Enter", value="all that it says, to be changed; recipes for clients"),
            Field(name="n", value="add one"),
            Field(name="d", value="switch it off, or on again"),
            Field(name="Del, x", value="remove it, after its name was typed"),
            Field(name="a", value="keys that let new ACME accounts in"),
            Field(name="g", value="ask again"),
        ),
    ),
)


class Provisioners(Place):
    """The list."""

    CSS = """
    Provisioners {
        background: $background;
        Rule.-horizontal { color: $panel; margin: 0; }
        Footer { padding: 0 1; }
        #head { height: 1; padding: 0 1; }
        &.-low Rule, &.-low ColumnTitles, &.-low PlaceBar { display: none; }
    }
    """
    AUTO_FOCUS = "ProvisionerList"
    name_shown = "Provisioners"
    help = _HELP
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "new", "new"),
        Binding("d", "switch", "on/off"),
        Binding("delete,x", "remove", "remove", key_display="Del"),
        Binding("a", "external_keys", "ACME keys"),
        Binding("g", "again", "again", show=False),
    ]

    def __init__(self, operator: Operator, *, zone: tzinfo | None) -> None:
        super().__init__()
        self._operator = operator
        self._zone = zone
        self._list = ProvisionerList()
        self._overview: Overview | None = None

    def compose(self) -> ComposeResult:
        """Put the parts one below the other."""
        yield Static(id="head")
        yield Rule()
        yield ColumnTitles(self._list)
        yield self._list
        yield PlaceBar("Provisioners")
        yield Footer(compact=True, show_command_palette=False)

    def on_resize(self, event: Resize) -> None:
        """Fit the head; on a low terminal leave out what is not the list."""
        self.set_class(event.size.height < _LOW, "-low")
        self.call_after_refresh(self._show_head)

    @on(ScreenResume)
    def _resumed(self) -> None:
        self.action_again()

    def show_overview(self, overview: Overview | None) -> None:
        """Take note of the time."""
        self._overview = overview or self._overview

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer only what can be done."""
        if action in ("switch", "remove"):
            return self._list.current is not None
        return True

    def action_again(self) -> None:
        """Ask again."""
        work: WorkType[None] = self._fetch  # not begun where the console is about to end
        self.run_worker(work, exclusive=True, group="list")

    def action_new(self) -> None:
        """Choose a type, then fill in its form."""
        self.app.push_screen(NewProvisioner(), self._add)

    def action_switch(self) -> None:
        """Switch the one under the cursor off, or on again."""
        if current := self._list.current:
            deed = Deed.ENABLE if current.disabled else Deed.DISABLE
            self._propose(ProvisionerChange(deed=deed, name=current.name, type=current.type))

    def action_remove(self) -> None:
        """Remove the one under the cursor, after its name was typed."""
        if current := self._list.current:
            change = ProvisionerChange(deed=Deed.REMOVE, name=current.name, type=current.type)
            self._propose(change)

    def action_external_keys(self) -> None:
        """See the keys that let new ACME accounts in."""
        if self._overview is not None:
            names = [each.name for each in self._list.provisioners if each.type == "ACME"]
            calendar = Calendar(zone=self._zone, now=self._overview.now)
            self.app.push_screen(ExternalKeyScreen(self._operator, names, calendar))

    @on(LineList.Opened)
    def _open(self) -> None:
        if current := self._list.current:
            self.run_worker(self._open_form(current.name), exclusive=True, group="form")

    @on(LineList.Moved)
    def _moved(self) -> None:
        self._show_head()
        self.refresh_bindings()

    def _add(self, kind: str | None) -> None:
        if kind:
            self.run_worker(self._open_form("", kind), exclusive=True, group="form")

    def _propose(self, change: ProvisionerChange) -> None:
        issued = self._list.current.issued if self._list.current else 0
        self.app.push_screen(SaveConfiguration(self._operator, change, issued=issued), self._made)

    def _made(self, made: bool | None) -> None:  # noqa: FBT001 - what Textual calls it with
        if made:
            self.action_again()

    async def _open_form(self, name: str, kind: str = "") -> None:
        operator = self._operator
        try:
            form = await (operator.provisioner(name) if name else operator.new_provisioner(kind))
        except HearthError as error:
            self.notify(f"{LOOK} {printable(error.public)}", severity="warning", markup=False)
            return
        now = self._overview.now if self._overview else None
        calendar = Calendar(zone=self._zone, now=now) if now else None
        self.app.push_screen(ProvisionerScreen(operator, form, calendar))

    async def _fetch(self) -> None:
        try:
            found = await self._operator.provisioners()
        except HearthError as error:
            self._list.empty = f"{LOOK} {printable(error.public)}"
            found = ()
        else:
            self._list.empty = "There is none. Press n to add one."
        self._list.provisioners = found
        self._list.lines_changed(self._list.cursor)
        self._show_head()
        self.refresh_bindings()

    def _show_head(self) -> None:
        current = self._list.current
        left = Text("Provisioners  ", "bold")
        if current is not None and current.state:
            left += Text(f"{LOOK} {printable(current.name)}: {printable(current.state)}")
        count = Text(f"{self._list.line_count} in ca.json")
        for head in self.query("#head").results(Static):  # there is none once it is left
            head.update(ends(left, count, max(0, self.size.width - 2)))
