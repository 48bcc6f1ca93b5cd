"""Overview: how the box is, how busy, and what needs somebody."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import tzinfo
from typing import Final

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.events import Resize
from textual.widgets import Footer, Rule, Static

from appliance.model.alerts import AlertReport
from appliance.model.errors import HearthError
from appliance.model.events import Event
from appliance.model.inventory import CertificateCounts, CertificateKind
from appliance.model.overview import Overview
from appliance.operator.interface import Operator
from tui import health
from tui.screens.help import Help
from tui.screens.place import Place
from tui.widgets.health_lines import HealthLines
from tui.widgets.hours import Hours
from tui.widgets.line_list import LineList
from tui.widgets.masthead import Masthead
from tui.widgets.need_list import NeedList
from tui.widgets.place_bar import PlaceBar
from tui.widgets.sheet import Field, Section
from tui.wording import Calendar, fit, printable

_PATIENCE: Final = 5.0  # seconds until a silent server is said to be one
_COUNTED: Final = 10  # looks between two at the counts
_REFUSALS: Final = 3
_LOW: Final = 20  # lines, below which only what needs somebody is shown beside the header
_HELP: Final = (
    Section(
        title="What you see",
        text=(
            "How the box is, how much it issued in each of the last 24 hours, and what needs you:"
            " what is not as it should be, and machines that were used to renew their"
            " certificates and are late. A certificate that ends soon and is renewed in time is"
            " not listed."
        ),
        fields=(
            Field(name="● …", value="as it should be"),
            Field(name="▲ …", value="look at it: something will fail if nobody does"),
            Field(name="■ …", value="act: something fails now"),
            Field(name="○ …", value="not set up"),
        ),
    ),
    Section(
        title="Keys",
        fields=(
            Field(name="Enter", value="what to do about a line of Needs you"),
            Field(name="1 2 3", value="the screens of the bar below"),
            Field(name="Ctrl+P", value="find any command"),
            Field(name="q", value="quit, after a question"),
        ),
    ),
)


class OverviewScreen(Place):
    """The first screen."""

    CSS = """
    OverviewScreen {
        background: $background;
        Rule.-horizontal { color: $panel; margin: 0; }
        Footer { padding: 0 1; }
        .title { height: 1; padding: 0 1; color: $primary; }
        #refusals { height: auto; max-height: 3; padding: 0 1 0 3; color: $foreground 70%; }
        &.-low HealthLines, &.-low Rule, &.-low #refused, &.-low #refusals,
        &.-low PlaceBar { display: none; }
    }
    """
    AUTO_FOCUS = "NeedList"
    name_shown = "Overview"
    help = _HELP

    def __init__(self, operator: Operator, *, zone: tzinfo | None, pause: float) -> None:
        super().__init__()
        self._operator = operator
        self._zone = zone
        self._pause = pause
        self._masthead = Masthead(zone=zone)
        self._health = HealthLines()
        self._hours = Hours()
        self._needs = NeedList()
        self._refusals = Static("", id="refusals", markup=False)
        self._overview: Overview | None = None
        self._report: AlertReport | None = None
        self._counts: Sequence[CertificateCounts] = ()
        self._refused: Sequence[Event] = ()

    def compose(self) -> ComposeResult:
        """Put the parts one below the other."""
        yield self._masthead
        yield Rule()
        yield self._health
        yield Rule()
        yield self._hours
        yield Rule()
        yield Static("Needs you", classes="title")
        yield self._needs
        yield Static("Refused last", id="refused", classes="title")
        yield self._refusals
        yield PlaceBar("Overview")
        yield Footer(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        """Begin to look."""
        self.run_worker(self._watch())

    def on_resize(self, event: Resize) -> None:
        """On a low terminal leave out what is not urgent."""
        low = event.size.height < _LOW
        self.set_class(low, "-low")
        self._masthead.set_class(low, "-low")
        self._show_refusals()

    def show_overview(self, overview: Overview | None) -> None:
        """Show the state of the appliance; None: it does not answer."""
        self._masthead.show(overview, answering=overview is not None)
        if overview is not None:
            self._overview = overview
            self._show_health()

    async def _watch(self) -> None:
        """Ask again and again, while somebody sees it."""
        looks = 0
        while True:
            if self.is_current:
                with suppress(HearthError, TimeoutError):
                    async with asyncio.timeout(_PATIENCE):
                        await self._look(looks)
                    looks += 1
            await asyncio.sleep(self._pause)

    async def _look(self, looks: int) -> None:
        self._report = await self._operator.alerts()
        activity = await self._operator.activity()
        if looks % _COUNTED == 0:
            self._counts = [
                await self._operator.certificate_counts(kind) for kind in CertificateKind
            ]
        self._needs.show(health.needs(self._report))
        self._hours.show(activity)
        self._refused = activity.refusals[:_REFUSALS]
        self._show_refusals()
        self._show_health()

    def _show_health(self) -> None:
        if self._overview is not None:
            self._health.show(tuple(health.parts(self._overview, self._report, self._counts)))

    def _show_refusals(self) -> None:
        if self._overview is None:
            return
        calendar, width = self._calendar(self._overview), max(20, self.size.width - 4)
        lines = [
            fit(
                f"{calendar.brief(each.at):8}  {fit(_who(each), width // 3)}  "
                f"{printable(each.reason)}",
                width,
            )
            for each in self._refused
        ]
        self._refusals.update(Text("\n".join(lines) or "nothing", no_wrap=True))

    def _calendar(self, overview: Overview) -> Calendar:
        return Calendar(zone=self._zone, now=overview.now)

    @on(LineList.Opened)
    def _open(self, message: LineList.Opened) -> None:
        if self._overview is None:
            return
        need, calendar = self._needs.needs[message.place], self._calendar(self._overview)
        fields = (
            Field(name="State", value=f"{need.shape} {need.severity}", part=need.part),
            Field(name="What", value=need.text),
            Field(
                name="Since", value=f"{calendar.full(need.since)}, {calendar.relative(need.since)}"
            ),
            Field(name="What to do", value=need.advice, part="good"),
            Field(name="Do not tell", value=f"hearth alerts mute '{need.name}'", part="quiet"),
        )
        self.app.push_screen(Help(need.title, (Section(title=need.title, fields=fields),)))


def _who(event: Event) -> str:
    return printable(event.subject or next(iter(event.sans), "") or event.client or "no name")
