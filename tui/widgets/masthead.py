"""The top of a screen: whose authority this is, where it is, how it is."""

from collections.abc import Sequence
from datetime import timedelta, tzinfo
from typing import ClassVar, Final

from rich.text import Text
from textual.widget import Widget

from appliance.model.overview import Overview
from appliance.model.tokens import TokenState, TokenStatus
from tui.widgets.ends import ends
from tui.wording import ACT, GOOD, LOOK, Calendar, long_span, printable, span

_SOON: Final = timedelta(days=30)


class Masthead(Widget):
    """Name, state and time; address, store and uptime; the root's fingerprint.

    On a low screen (class `-low`) only the first line.
    """

    DEFAULT_CSS = """
    Masthead {
        height: 3;
        padding: 0 1;
        &.-low { height: 1; }
        &> .masthead--name { color: $primary; text-style: bold; }
        &> .masthead--plain { color: $foreground; }
        &> .masthead--quiet { color: $foreground 60%; }
        &> .masthead--good { color: $success; }
        &> .masthead--look { color: $warning; }
        &> .masthead--act { color: $error; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "masthead--name",
        "masthead--plain",
        "masthead--quiet",
        "masthead--good",
        "masthead--look",
        "masthead--act",
    }

    def __init__(self, *, zone: tzinfo | None) -> None:
        super().__init__()
        self._zone = zone
        self._overview: Overview | None = None
        self._answering = True

    def show(self, overview: Overview | None, *, answering: bool) -> None:
        """Show a state; without one, keep the last and say that there is no answer."""
        before = self._overview, self._answering
        self._overview = overview or self._overview
        self._answering = answering
        if before != (self._overview, self._answering):
            self.refresh()

    def render(self) -> Text:
        """Draw the lines."""
        width = self.size.width
        if self._overview is None:
            return ends(self._text("◆ Hearth", "name"), self._text("starting", "quiet"), width)
        calendar = Calendar(zone=self._zone, now=self._overview.now)
        lines = [self._first(self._overview, calendar, width)]
        if self.size.height > 1:
            lines += [self._second(self._overview, width), self._third(self._overview, width)]
        return Text("\n").join(lines)

    def _first(self, overview: Overview, calendar: Calendar, width: int) -> Text:
        name = self._text("◆ ", "name") + self._text(printable(overview.name), "name")
        state = self._state(overview, calendar)
        return ends(name, state + self._text(f"   {calendar.clock(overview.now)}", "plain"), width)

    def _second(self, overview: Overview, width: int) -> Text:
        where = self._text(f"  {overview.url}", "plain")
        where += self._text(f"  on {overview.address}  ·  {printable(overview.store)}", "quiet")
        uptime = f"up {long_span(overview.now - overview.started_at)}"
        return ends(where, self._text(uptime, "quiet"), width)

    def _third(self, overview: Overview, width: int) -> Text:
        root = self._text("  root ", "quiet") + self._text(overview.fingerprint, "quiet")
        return ends(root, Text(""), width)

    def _state(self, overview: Overview, calendar: Calendar) -> Text:
        """Say what matters most: silence, an end that is near, or that all is well."""
        if not self._answering:
            return self._text(f"{ACT} not answering", "act")
        ends_of = (
            ("root", overview.root_not_after - calendar.now),
            ("intermediate", overview.intermediate_not_after - calendar.now),
        )
        for what, left in ends_of:
            if left <= timedelta():
                return self._text(f"{ACT} {what} has ended", "act")
        if text := token_state(overview.tokens):
            return self._text(f"{ACT} {text}", "act")
        for what, left in ends_of:
            if left <= _SOON:
                return self._text(f"{LOOK} {what} ends in {span(left)}", "look")
        return self._text(f"{GOOD} serving", "good")

    def _text(self, text: str, part: str) -> Text:
        return Text(text, self.get_component_rich_style(f"masthead--{part}"))


def token_state(tokens: Sequence[TokenStatus]) -> str:
    """Name the first token that cannot sign, its state, and how many more there are."""
    waiting = [each for each in tokens if each.state is not TokenState.READY]
    if not waiting:
        return ""
    more = f" +{len(waiting) - 1}" if len(waiting) > 1 else ""
    return f"{printable(waiting[0].name)}: {waiting[0].state}{more}"
