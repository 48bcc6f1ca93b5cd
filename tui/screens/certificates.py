"""Certificates: the inventory, searched as one types, page after page as one reads."""

import asyncio
from dataclasses import replace
from datetime import datetime, tzinfo
from typing import ClassVar, Final

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.events import Resize
from textual.widgets import Footer, Rule, Static

from appliance.model.errors import HearthError
from appliance.model.inventory import CertificateQuery, CertificateState
from appliance.model.overview import Overview
from appliance.operator.interface import Operator
from tui.history import events_of
from tui.screens.details import Details
from tui.screens.export import Export
from tui.screens.issue import Issue
from tui.screens.place import Place
from tui.screens.revoke import Revoke
from tui.selection import Selection
from tui.widgets.certificate_list import CertificateList
from tui.widgets.column_titles import ColumnTitles
from tui.widgets.ends import ends
from tui.widgets.filter_field import FilterField
from tui.widgets.line_list import LineList
from tui.widgets.place_bar import PlaceBar
from tui.widgets.search_bar import SearchBar
from tui.widgets.sheet import Field, Section
from tui.wording import LOOK, Calendar, count, printable

_PAGE: Final = 200
_MOST: Final = 10_000  # certificates that the list keeps
_NEAR: Final = 50  # lines from the end, where more are asked for
_PAUSE: Final = 0.12  # seconds of no key, after which it is searched
_LOW: Final = 16
_HELP: Final = (
    Section(
        title="Searching",
        text=(
            "What is typed is what a name begins with, or what follows a dot in it: `na` finds"
            " nas.home.arpa, `home.a` too; `*.home.arpa` finds every name below. Four digits or"
            " more, or hexadecimal after 0x, are what a serial number begins with."
        ),
        fields=(
            Field(name="/", value="search; Enter to the list, Esc shows all again"),
            Field(name="t", value="change between X.509 and SSH"),
            Field(name="s", value="state: active, expired, revoked, any"),
            Field(name="p", value="provisioner: the next one, any"),
            Field(name="e", value="ends within a day, a week, a month, any; the soonest first"),
        ),
    ),
    Section(
        title="What to do with them",
        fields=(
            Field(name="Enter", value="all about it: fields, history of renewals, PEM"),
            Field(name="n", value="issue one: for a name, a device's request, an SSH key"),
            Field(name="r", value="revoke it, after a question"),
            Field(name="w", value="write it, or all that the list finds, to a file"),
            Field(name="g", value="ask again, from the newest on"),
        ),
    ),
)


class Certificates(Place):
    """The inventory."""

    CSS = """
    Certificates {
        background: $background;
        Rule.-horizontal { color: $panel; margin: 0; }
        Footer { padding: 0 1; }
        #head { height: 1; padding: 0 1; }
        &.-low Rule, &.-low ColumnTitles, &.-low PlaceBar { display: none; }
    }
    """
    AUTO_FOCUS = "CertificateList"
    name_shown = "Certificates"
    help = _HELP
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "search", "search", key_display="/"),
        Binding("t", "other_kind", "kind"),
        Binding("s", "next_state", "state"),
        Binding("p", "next_provisioner", "by", show=False),
        Binding("e", "next_end", "ends", show=False),
        Binding("n", "new", "new"),
        Binding("r", "revoke", "revoke"),
        Binding("w", "write", "write"),
        Binding("g", "again", "newest", show=False),
        Binding("escape", "everything", "show everything", show=False),
    ]

    def __init__(self, operator: Operator, *, zone: tzinfo | None) -> None:
        super().__init__()
        self._operator = operator
        self._zone = zone
        self._selection = Selection()
        self._list = CertificateList(zone=zone)
        self._search = SearchBar("name, *.domain or serial number …")
        self._overview: Overview | None = None
        self._query: CertificateQuery | None = None  # of the next page; None: there is none
        self._asking = False

    def compose(self) -> ComposeResult:
        """Put the parts one below the other."""
        yield Static(id="head")
        yield Rule()
        yield self._search
        yield ColumnTitles(self._list)
        yield self._list
        yield PlaceBar("Certificates")
        yield Footer(compact=True, show_command_palette=False)

    def on_resize(self, event: Resize) -> None:
        """Fit the head; on a low terminal leave out what is not the list."""
        self.set_class(event.size.height < _LOW, "-low")
        self.call_after_refresh(self._show_head)

    def show_overview(self, overview: Overview | None) -> None:
        """Take note of the time and of who provides; ask, when it is seen for the first time."""
        if overview is None:
            return
        first = self._overview is None
        self._overview = overview
        self._list.calendar = Calendar(zone=self._zone, now=overview.now)
        if first:
            self._ask()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer only what can be done."""
        if action == "revoke":
            current = self._list.current
            return current is not None and current.state is not CertificateState.REVOKED
        return action != "write" or self._list.current is not None

    def action_search(self) -> None:
        """Type a search."""
        self._search.begin()

    def action_everything(self) -> None:
        """Let go of the search, and of all else that leaves something out."""
        self._search.clear()
        self._list.focus()
        self._choose(Selection(kind=self._selection.kind))

    def action_other_kind(self) -> None:
        """Change between X.509 and SSH."""
        self._choose(self._selection.other_kind())

    def action_next_state(self) -> None:
        """Show those of another state."""
        self._choose(self._selection.next_state())

    def action_next_provisioner(self) -> None:
        """Show those of another provisioner."""
        known = self._overview.provisioners if self._overview else ()
        self._choose(self._selection.next_provisioner(known))

    def action_next_end(self) -> None:
        """Show those that end within another time."""
        self._choose(self._selection.next_end())

    def action_again(self) -> None:
        """Ask again."""
        self._ask()

    def action_new(self) -> None:
        """Issue a certificate from here."""
        if self._overview is not None:
            self.app.push_screen(Issue(self._operator, self._overview), self._changed)

    def action_revoke(self) -> None:
        """Revoke the certificate under the cursor, after a question."""
        if (current := self._list.current) is not None:
            self.app.push_screen(Revoke(self._operator, current), self._changed)

    def action_write(self) -> None:
        """Write the certificate under the cursor, or all that are found, to a file."""
        if (current := self._list.current) is not None and self._overview is not None:
            query = self._selection.query(self._overview.now, _PAGE)
            self.app.push_screen(Export(self._operator, current, query, self._selection.words()))

    def _choose(self, selection: Selection) -> None:
        if selection != self._selection:
            self._selection = selection
            self._ask()

    def _changed(self, changed: bool | None) -> None:  # noqa: FBT001 - what Textual calls it with
        if changed:
            self._ask(keep=self._list.cursor)

    @on(FilterField.Changed)
    def _typed(self) -> None:
        self._choose(replace(self._selection, typed=self._search.value))

    @on(FilterField.Left)
    def _typing_ended(self) -> None:
        self._list.focus()

    @on(LineList.Moved)
    def _moved(self) -> None:
        near = self._list.cursor >= self._list.line_count - _NEAR
        if near and self._query is not None and not self._asking:
            self.run_worker(self._fetch_more(), group="list", exclusive=True)
        self._show_head()
        self.refresh_bindings()

    @on(LineList.Opened)
    def _open(self) -> None:
        if (current := self._list.current) is not None:
            event = next(iter(events_of(current)))
            self.app.push_screen(Details(event, self._operator, self._list.calendar))

    # ---- asking

    def _ask(self, *, keep: int = 0) -> None:
        """Ask for the list anew; a search under way is given up."""
        if self._overview is not None:
            now = self._overview.now
            self.run_worker(self._fetch(now, keep), group="list", exclusive=True)

    async def _fetch(self, now: datetime, keep: int) -> None:
        self._asking = True
        self._show_head()
        try:
            if self._list.certificates:
                await asyncio.sleep(_PAUSE)
            query = self._selection.query(now, max(_PAGE, keep + 1))
            page = await self._operator.certificates(query)
        except HearthError as error:
            self._list.empty = f"{LOOK} {printable(error.public)}"
            self._list.show(())
            self._query = None
        else:
            self._list.empty = (
                "None is found. Esc shows all." if self._selection.is_narrow else "There is none."
            )
            self._list.show(page.certificates, keep)
            self._query = replace(query, cursor=page.cursor) if page.cursor else None
        finally:
            self._asking = False
        self._show_head()
        self.refresh_bindings()

    async def _fetch_more(self) -> None:
        if self._query is None or self._list.line_count >= _MOST:
            return
        self._asking = True
        try:
            page = await self._operator.certificates(replace(self._query, limit=_PAGE))
        except HearthError as error:
            self.notify(f"{LOOK} {printable(error.public)}", severity="warning", markup=False)
            return
        finally:
            self._asking = False
        self._list.more(page.certificates)
        self._query = replace(self._query, cursor=page.cursor) if page.cursor else None
        self._show_head()

    def _show_head(self) -> None:
        width = max(0, self.size.width - 2)
        left = Text("Certificates  ", "bold") + Text(self._selection.words())
        shown = count(self._list.line_count)
        if self._query is not None:
            full = self._list.line_count >= _MOST
            shown += " shown; search for more" if full else " shown, more below"
        else:
            shown += " found"
        if self._asking:
            shown = f"searching …  {shown}"
        for head in self.query("#head").results(Static):  # there is none once it is left
            head.update(ends(left, Text(shown), width))
