"""Screens that ask again and again while somebody sees them, and act beside."""

import asyncio
from collections.abc import Coroutine
from datetime import UTC, datetime, tzinfo
from typing import ClassVar, Final

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.events import Resize
from textual.screen import Screen
from textual.widgets import Static

from appliance.model.errors import HearthError
from appliance.model.overview import Overview
from appliance.operator.interface import Operator
from tui.screens.help import Help
from tui.widgets.ends import ends
from tui.widgets.sheet import Section
from tui.wording import ACT, GOOD, LOOK, Calendar, printable

_PATIENCE: Final = 20.0  # seconds until a silent server is said to be one
_LOW: Final = 16  # lines, below which rules and titles give way
SHAPES: Final = {"good": GOOD, "look": LOOK, "act": ACT, "quiet": "○", "plain": " "}


class Watched(Screen[None]):
    """A screen with a head: its name at the left, how it stands at the right.

    Subclasses say in `look` what they ask for and show. Nothing that is asked holds up a key.
    """

    DEFAULT_CSS = """
    Watched {
        background: $background;
        Rule.-horizontal { color: $panel; margin: 0; }
        Footer { padding: 0 1; }
        .head { height: 1; padding: 0 1; }
        .note { height: auto; padding: 0 2; color: $foreground 80%; }
        &.-low Rule, &.-low ColumnTitles, &.-low PlaceBar { display: none; }
    }
    """

    def __init__(self, operator: Operator, *, zone: tzinfo | None, pause: float) -> None:
        super().__init__()
        self._operator = operator
        self._zone = zone
        self._pause = pause
        self.calendar = Calendar(zone=zone, now=datetime.fromtimestamp(0, UTC))
        self._left = ""
        self._right = ("plain", "")
        self._again = asyncio.Event()
        self._possible: tuple[object, ...] = ()
        self._texts: dict[str, str] = {}

    def on_mount(self) -> None:
        """Begin to look."""
        self.run_worker(self._watch(), group="watch")

    def on_resize(self, event: Resize) -> None:
        """Fit what is drawn to the width."""
        self.set_class(event.size.height < _LOW, "-low")
        self.call_after_refresh(self.fit)

    def fit(self) -> None:
        """Draw again what depends on the width."""
        if not self.is_mounted:
            return
        part, text = self._right
        colour = {"good": "success", "look": "warning", "act": "error"}.get(part)
        shape = SHAPES[part].strip()
        right = Text(f"{shape} {text}".strip())
        if colour is not None:
            right.stylize(self.app.get_css_variables()[colour], 0, 1)
        name, _, rest = self._left.partition("  ")
        left = Text.assemble((name, "bold"), f"  {rest}" if rest else "")
        width = max(0, self.size.width - 2)
        for head in self.query(".head").results(Static):
            head.update(ends(left, right, width))

    def head(self, left: str, part: str, right: str) -> None:
        """Say what is shown, and how it stands: plain, good, look, act or quiet."""
        if (self._left, self._right) != (left, (part, right)):
            self._left, self._right = left, (part, right)
            self.fit()

    async def look(self) -> None:
        """Ask, and show. Raises HearthError."""

    def looked(self) -> None:
        """Take note that it has looked, without an error."""

    def look_now(self) -> None:
        """Look at once, and not only after the pause."""
        self._again.set()

    def begin(self, work: Coroutine[object, object, object], name: str = "work") -> None:
        """Do something beside, and look again; what is refused is said."""
        self.run_worker(self._do(work), group=name, exclusive=True)

    def say(self, text: str) -> None:
        """Say what is wrong, for some seconds."""
        self.notify(f"{ACT} {printable(text)}", severity="error", markup=False, timeout=10)

    async def _do(self, work: Coroutine[object, object, object]) -> None:
        try:
            await work
        except HearthError as error:
            self.say(error.public)
        self.look_now()

    async def _watch(self) -> None:
        while True:
            if self.is_current:
                await self._look()
            self._again.clear()
            try:
                async with asyncio.timeout(self._pause):
                    await self._again.wait()
            except TimeoutError:
                continue

    async def _look(self) -> None:
        try:
            async with asyncio.timeout(_PATIENCE):
                await self.look()
            self.looked()
        except HearthError as error:
            self.head(self._left, "act", printable(error.public))
        except TimeoutError:
            self.head(self._left, "act", "the server does not answer")

    def put(self, place: str, text: str) -> None:
        """Write a text into its place, if the screen is still there."""
        if self._texts.get(place) == text:
            return
        for each in self.query(place).results(Static):
            each.update(Text(text))
            self._texts[place] = text

    def offer(self, *possible: object) -> None:
        """Have the footer follow what can be done, when that has changed."""
        if possible != self._possible:
            self._possible = possible
            self.refresh_bindings()

    def take_time(self, overview: Overview) -> None:
        """Take the appliance's time for now."""
        self.calendar = Calendar(zone=self._zone, now=overview.now)


class Below(Watched):
    """A screen that opens below `6 More`, and goes back with Esc."""

    name_shown: ClassVar[str] = ""
    help: ClassVar[tuple[Section, ...]] = ()
    first_action = ""  # to be done once it has looked
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark", "help", "help", key_display="?"),
        Binding("escape", "dismiss", "back", key_display="Esc"),
    ]

    def looked(self) -> None:
        """Do what it was opened for."""
        action, self.first_action = self.first_action, ""
        if action:
            self.call_later(self.run_action, action)

    def action_help(self) -> None:
        """Explain this screen."""
        self.app.push_screen(Help(self.name_shown, self.help))
