"""The keys that let new ACME accounts in (RFC 8555 7.3.4): seen, made, removed."""

from collections.abc import Sequence
from typing import ClassVar, Final

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widgets import Footer, Rule, Static

from appliance.model.errors import BadRequest, HearthError, NotFound
from appliance.model.external_keys import ExternalKey, ExternalKeyQuery
from appliance.operator.interface import ExternalKeys
from tui.screens.external_key import KeyDetails
from tui.screens.help import Help
from tui.screens.new_external_key import NewKey
from tui.screens.remove_external_key import RemoveKey
from tui.widgets.column_titles import ColumnTitles
from tui.widgets.key_list import KeyList
from tui.widgets.line_list import LineList
from tui.widgets.sheet import Field, Section
from tui.wording import LOOK, Calendar, printable

_PAGE: Final = 1000
_NONE: Final = "There is no key yet. Press n to make one."
_NO_PROVISIONER: Final = (
    "No provisioner is of type ACME: hearth ca provisioner add NAME --type ACME"
)
_HELP: Final = (
    Section(
        title="What you see",
        text=(
            "Where a provisioner of type ACME asks for it (requireEAB), a client makes an account "
            "only with a key from here. A key lets one account in; a key for some names keeps its "
            "account to them."
        ),
        fields=(
            Field(name="● unused", value="a key that nobody has brought yet"),
            Field(name="○ used", value="an account was made with it"),
            Field(name="▲ expired", value="nobody brought it in time"),
        ),
    ),
    Section(
        title="Keys",
        fields=(
            Field(name="n", value="make a key; its secret is shown once"),
            Field(name="Enter", value="all about a key"),
            Field(name="d", value="remove a key, after a question"),
            Field(name="r", value="ask again"),
            Field(name="Esc", value="back to the live view"),
        ),
    ),
)


class ExternalKeyScreen(Screen[None]):
    """The keys of all provisioners of type ACME."""

    CSS = """
    ExternalKeyScreen {
        background: $background;
        #title { height: 1; padding: 0 1; color: $primary; text-style: bold; }
        Rule.-horizontal { color: $panel; margin: 0; }
        Footer { padding: 0 1; }
    }
    """
    AUTO_FOCUS = "KeyList"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "new", "new key"),
        Binding("d,delete", "remove", "remove", key_display="d"),
        Binding("r", "refresh_keys", "again", show=False),
        Binding("question_mark", "help", "help", key_display="?"),
        Binding("escape", "dismiss", "back", key_display="Esc"),
    ]

    def __init__(
        self, operator: ExternalKeys, provisioners: Sequence[str], calendar: Calendar
    ) -> None:
        super().__init__()
        self._operator = operator
        self._all = provisioners
        self._calendar = calendar
        self._list = KeyList(calendar)
        self._known: list[str] = []

    def compose(self) -> ComposeResult:
        """Title, list, keys."""
        yield Static(Text("ACME: external account keys"), id="title")
        yield Rule()
        yield ColumnTitles(self._list)
        yield self._list
        yield Footer(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        """Ask for the keys."""
        self.action_refresh_keys()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer only what can be done."""
        if action == "remove":
            return self._list.current is not None
        return action != "new" or bool(self._known)

    def action_refresh_keys(self) -> None:
        """Ask for the keys again."""
        self.run_worker(self._fetch(), exclusive=True)

    def action_new(self) -> None:
        """Make a key."""
        form = NewKey(self._operator, self._known, self._calendar.now)
        self.app.push_screen(form, self._changed)

    def action_remove(self) -> None:
        """Remove the key under the cursor."""
        if key := self._list.current:
            self.app.push_screen(RemoveKey(self._operator, key), self._changed)

    def action_help(self) -> None:
        """Explain this screen."""
        self.app.push_screen(Help("External account keys", _HELP))

    def _changed(self, changed: bool | None) -> None:  # noqa: FBT001 - what Textual calls it with
        if changed:
            self.action_refresh_keys()

    @on(LineList.Opened)
    def _open(self) -> None:
        if key := self._list.current:
            self.app.push_screen(KeyDetails(key, self._calendar))

    async def _fetch(self) -> None:
        known: list[str] = []
        keys: list[ExternalKey] = []
        try:
            for provisioner in self._all:
                try:
                    keys += await self._of(provisioner)
                except (BadRequest, NotFound):
                    continue  # it is of another type
                known.append(provisioner)
        except HearthError as error:
            self._list.empty = f"{LOOK} {printable(error.public)}"
            keys = []
        else:
            self._list.empty = _NONE if known else _NO_PROVISIONER
        self._known = known
        self._list.keys = sorted(keys, key=lambda key: key.created_at, reverse=True)
        self._list.lines_changed(self._list.cursor)
        self.refresh_bindings()

    async def _of(self, provisioner: str) -> list[ExternalKey]:
        found: list[ExternalKey] = []
        cursor = ""
        while True:
            query = ExternalKeyQuery(provisioner=provisioner, cursor=cursor, limit=_PAGE)
            page = await self._operator.external_keys(query)
            found += page.keys
            cursor = page.cursor
            if not cursor:
                return found
