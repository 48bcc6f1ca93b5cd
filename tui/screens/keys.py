"""Keys: what signs what, where each key lives and until when, and the tokens that they are on."""

from collections.abc import Container, Iterator
from datetime import timedelta, tzinfo
from typing import ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Footer, Rule, Static

from appliance.model.overview import Overview
from appliance.model.signing_keys import IssuerChange, IssuerStep, KeyHolding, KeyReport
from appliance.model.tokens import ADVICE, TokenState, TokenStatus
from appliance.operator.interface import Operator
from tui.columns import Column
from tui.screens.key import KeySheet
from tui.screens.place import Place
from tui.screens.succession import Succession
from tui.screens.watched import SHAPES, Watched
from tui.widgets.column_titles import ColumnTitles
from tui.widgets.line_list import LineList
from tui.widgets.place_bar import PlaceBar
from tui.widgets.row_list import Row, RowList
from tui.widgets.sheet import Field, Section
from tui.wording import Calendar, printable, span

_SOON: Final = timedelta(days=30)
_WHERE: Final = 25
_SIGNING: Final = (TokenState.READY, TokenState.TOUCH)
_HELP: Final = (
    Section(
        title="What you see",
        text=(
            "Each key that this CA signs with, from the root down, where it lives and when its"
            " certificate ends; then the tokens. The root's key signs intermediates only, and is"
            " best kept away from this box."
        ),
        fields=(
            Field(name="● …", value="in use, as it should be"),
            Field(name="▲ …", value="on its way in or out, or its end is near"),
            Field(name="■ …", value="it cannot sign: the last line says what helps"),
            Field(name="○ …", value="not here, or retired"),
        ),
    ),
    Section(
        title="Keys",
        fields=(
            Field(name="Enter", value="all about a key; of one on a YubiKey, what vouches for it"),
            Field(name="u", value="type the PIN that a token waits for"),
            Field(name="n", value="the way to the next intermediate, step by step"),
        ),
    ),
)


class Keys(Watched, Place):
    """The keys of the CA and its tokens."""

    AUTO_FOCUS = "RowList"
    name_shown = "Keys"
    help = _HELP
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("u", "app.unlock", "unlock"),
        Binding("n", "next_issuer", "next intermediate"),
    ]

    def __init__(self, operator: Operator, *, zone: tzinfo | None, pause: float) -> None:
        super().__init__(operator, zone=zone, pause=pause)
        self._list = RowList(
            Column(title="what", width=14),
            Column(title="which", width=0),
            Column(title="where", width=_WHERE),
            Column(title="until", width=7, right=True),
            Column(title="key", width=8),
            least=20,
        )
        self._report = KeyReport(keys=(), steps=())
        self._tokens: tuple[TokenStatus, ...] = ()

    def compose(self) -> ComposeResult:
        """Put the parts one below the other."""
        yield Static(classes="head")
        yield Rule()
        yield ColumnTitles(self._list)
        yield self._list
        yield Rule()
        yield Static(id="next", classes="note")
        yield PlaceBar("Keys")
        yield Footer(compact=True, show_command_palette=False)

    def show_overview(self, overview: Overview | None) -> None:
        """Take note of the time and of the tokens, whose states change at any moment."""
        if overview is not None:
            self.take_time(overview)
            if overview.tokens != self._tokens:
                self._tokens = overview.tokens
                self._show()

    def action_next_issuer(self) -> None:
        """See the steps to the next intermediate."""
        screen = Succession(self._operator, zone=self._zone, pause=self._pause)
        self.app.push_screen(screen)

    async def look(self) -> None:
        """Ask for the keys."""
        overview = await self._operator.overview()
        self.take_time(overview)
        self._tokens = overview.tokens
        self._report = await self._operator.keys()
        self._show()

    @on(LineList.Opened)
    def _open(self, message: LineList.Opened) -> None:
        if message.place < len(self._report.keys):
            key = self._report.keys[message.place]
            self.app.push_screen(KeySheet(self._operator, key, self.calendar))
        else:
            self.app.push_screen(
                KeySheet(
                    self._operator,
                    self._tokens[message.place - len(self._report.keys)],
                    self.calendar,
                )
            )

    def _show(self) -> None:
        shut = {each.name for each in self._tokens if each.state not in _SIGNING}
        keys = [_key_row(key, self.calendar, shut) for key in self._report.keys]
        self._list.show((*keys, *(_token_row(each) for each in self._tokens)))
        closed = [each for each in self._tokens if each.state not in _SIGNING]
        if closed:
            name = printable(closed[0].name)
            self.head("Keys", "act", f"{name}: {closed[0].state}")
        elif self._tokens:
            self.head("Keys", "good", "all tokens are ready")
        else:
            self.head("Keys", "good", "in files")
        self.put("#next", "\n".join(self._lines(closed)))

    def _lines(self, closed: list[TokenStatus]) -> Iterator[str]:
        for token in closed[:1]:
            yield f"{SHAPES['act']} {printable(token.name)}: {ADVICE[token.state]}"
        due = [step for step in self._report.steps if step.due]
        if due:
            yield f"{SHAPES['look']} {headline(due[0])} (n)"
        else:
            yield f"{SHAPES['good']} No change of the intermediate is due (n shows the steps)"


def headline(step: IssuerStep) -> str:
    """Say in a line what a step is."""
    name = printable(step.issuer)
    return {
        IssuerChange.CREATE: "Make the next intermediate",
        IssuerChange.ACTIVATE: f"Let the intermediate {name} issue",
        IssuerChange.RETIRE: f"Retire the intermediate {name}",
        IssuerChange.REMOVE: f"Remove the intermediate {name}",
    }[step.change]


def _key_row(key: KeyHolding, calendar: Calendar, shut: Container[str]) -> Row:
    part = "act" if key.token in shut else _part(key, calendar)
    until = span(key.not_after - calendar.now) if key.not_after else ""
    if key.not_after and key.not_after <= calendar.now:
        until = "ended"
    which = key.subject or key.fingerprint
    state = "" if key.state in ("signing", "in use") else f", {key.state}"
    return Row(
        key=f"{key.role} {key.name} {key.fingerprint}",
        part=part,
        cells=(
            f"{SHAPES[part]} {key.role}",
            f"{printable(which)}{state}",
            _ending(printable(key.place)),
            until,
            key.kind,
        ),
    )


def _ending(place: str) -> str:
    """Cut a long place at its beginning: files are told apart by their ends."""
    if len(place) <= _WHERE:
        return place
    end = place.rpartition("/")[2]
    return f"…/{end}" if len(end) + 2 <= _WHERE else f"…{place[1 - _WHERE :]}"


def _part(key: KeyHolding, calendar: Calendar) -> str:
    if key.not_after and key.not_after <= calendar.now:
        return "act"
    if key.state in ("kept away", "retired"):
        return "quiet"
    near = (
        key.not_after is not None
        and key.not_before is not None
        and key.not_after - calendar.now < min(_SOON, (key.not_after - key.not_before) / 5)
    )
    return "look" if near or key.state in ("standby", "retiring", "on this box") else "good"


def _token_row(token: TokenStatus) -> Row:
    part = "good" if token.state in _SIGNING else "act"
    tries = "" if token.tries_left is None else f"{token.tries_left} tries"
    return Row(
        key=f"token {token.uri}",
        part=part,
        cells=(
            f"{SHAPES[part]} token",
            printable(token.name),
            f"{token.state}",
            tries,
            printable(token.model),
        ),
    )
