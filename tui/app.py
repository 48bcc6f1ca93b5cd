"""The console: an application over one Operator.

It asks and shows. What it shows is in the journal, what keeps that up to date is the feed, and
each screen is a class of its own under `screens/`. It neither reads a clock nor a file: the time
is the appliance's own.
"""

from collections.abc import Iterable
from datetime import tzinfo
from functools import partial
from typing import ClassVar

from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen, Screen

from appliance.model.errors import HearthError
from appliance.model.founding import Founded
from appliance.model.overview import Overview
from appliance.model.tokens import TokenState
from appliance.operator.founding import FirstCertificates
from appliance.operator.interface import Operator
from appliance.operator.locking import ConsoleLock
from tui.ending import Ending
from tui.feed import Feed, Rhythm
from tui.journal import Journal
from tui.lockable import LockableApp
from tui.pulse import Pulse
from tui.screens.certificates import Certificates
from tui.screens.fault import Fault
from tui.screens.keys import Keys
from tui.screens.live import Live
from tui.screens.more import DOORS, More
from tui.screens.overview import OverviewScreen
from tui.screens.place import Place
from tui.screens.provisioners import Provisioners
from tui.screens.quit import Quit
from tui.screens.unlock_token import UnlockToken, takes_pin
from tui.screens.wizard.first import First
from tui.terminal import USUAL_SEAT, Seat
from tui.theme import EMBER, PAPER
from tui.wording import printable


class Console(LockableApp[Ending]):
    """The application. `zone` is that of shown times; None is the machine's."""

    TITLE = "Hearth"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "quit", "quit"),
        Binding("ctrl+q,ctrl+c", "quit", "quit", show=False, priority=True),
        Binding("u", "unlock", "unlock a token", show=False),
    ]

    def __init__(
        self,
        operator: Operator,
        *,
        zone: tzinfo | None = None,
        rhythm: Rhythm | None = None,
        seat: Seat = USUAL_SEAT,
        lock: ConsoleLock | None = None,
    ) -> None:
        super().__init__(seat, lock)
        self._operator = operator
        self.journal = Journal()
        self.pulse = Pulse()
        self._greeting: First | None = None
        rhythm = rhythm or Rhythm()
        self._feed = Feed(operator, self.journal, self.pulse, rhythm)
        self._overview: Overview | None = None
        self.live = Live(operator, self.journal, self.pulse, zone=zone)
        self._places: dict[str, Place] = {
            "overview": OverviewScreen(operator, zone=zone, pause=rhythm.overview),
            "live": self.live,
            "certificates": Certificates(operator, zone=zone),
            "provisioners": Provisioners(operator, zone=zone),
            "keys": Keys(operator, zone=zone, pause=rhythm.overview),
            "more": More(operator, zone=zone, pause=rhythm.overview),
        }

    def on_mount(self) -> None:
        """Begin with the overview, and to follow."""
        for name, place in self._places.items():
            self.install_screen(place, name)
        self.push_screen("overview")
        self.run_worker(self._feed.watch_overview(self._on_overview), name="overview")
        self.run_worker(self._feed.watch_events(self._on_events), name="events")
        self.run_worker(self.watch_idle_time(), name="idle time")
        if self._greeting is not None:
            self.push_screen(self._greeting)

    def greet(self, certificates: FirstCertificates, founded: Founded) -> None:
        """Offer the first certificate of a CA that has just been made, before it begins."""
        self._greeting = First(certificates, founded)

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Give what Ctrl+P finds."""
        live = self.live
        if isinstance(screen, Place):
            for name, place in self._places.items():
                title = place.name_shown
                go = partial(self.action_go, name)
                yield SystemCommand(title, f"Go to the screen {title}", go)
            yield SystemCommand("Help", "Explain this screen", screen.action_help)
            yield SystemCommand(
                "Issue a certificate", "For names, a device's request, an SSH key", self._issue
            )
            yield SystemCommand(
                "Add a provisioner", "Let somebody ask for certificates", self._add_provisioner
            )
            yield from self._doors()
        if screen is live:
            yield SystemCommand("Filter", "Show only some lines", live.action_filter)
            yield SystemCommand("Pause or go on", "Hold the list still", live.action_pause)
            yield SystemCommand("Newest", "Go to the newest line and follow", live.action_newest)
            yield SystemCommand(
                "ACME keys", "See, make and remove external account keys", live.action_external_keys
            )
        yield SystemCommand("Unlock a token", "Type the PIN that one waits for", self.action_unlock)
        yield SystemCommand("Lock", "Cover the console until the passphrase", self.action_lock)
        yield SystemCommand("Light or dark", "Change the colours", self.action_change_light)
        yield SystemCommand("Quit", "Close the console, or stop the authority", self.action_quit)

    def _doors(self) -> Iterable[SystemCommand]:
        for door in DOORS:
            yield SystemCommand(door.name, f"More: {door.text}", partial(self._open, door.name))
            for deed in door.deeds:
                do = partial(self._open, door.name, deed.action)
                yield SystemCommand(deed.name, deed.text, do)

    def _open(self, name: str, action: str = "") -> None:
        self.action_go("more")
        if isinstance(more := self._places["more"], More):
            more.call_later(more.action_open, name, action)

    def _issue(self) -> None:
        self.action_go("certificates")
        if isinstance(certificates := self._places["certificates"], Certificates):
            certificates.call_later(certificates.action_new)

    def _add_provisioner(self) -> None:
        self.action_go("provisioners")
        if isinstance(place := self._places["provisioners"], Provisioners):
            place.call_later(place.action_new)

    def action_go(self, name: str) -> None:
        """Go from one of the numbered screens to another."""
        place = self._places[name]
        if isinstance(self.screen, Place) and self.screen is not place:
            self.switch_screen(name)
            place.call_later(self._show_overview, place)  # once it is there

    def action_change_light(self) -> None:
        """Change between the dark and the light colours."""
        self.theme = PAPER.name if self.theme == EMBER.name else EMBER.name

    def action_unlock(self) -> None:
        """Open the first token that cannot sign: with its PIN, or with what helps."""
        if not isinstance(self.screen, ModalScreen):
            self.run_worker(self._unlock(), exclusive=True, group="unlock")

    async def _unlock(self) -> None:
        try:
            tokens = await self._operator.tokens()
        except HearthError as error:
            self.notify(printable(error.public), severity="error", markup=False)
            return
        closed = [each for each in tokens if each.state is not TokenState.READY]
        if not closed:
            self.notify("No token waits for anything.")
            return
        first = next((each for each in closed if takes_pin(each)), closed[0])
        self.push_screen(UnlockToken(self._operator, first))

    async def action_quit(self) -> None:
        """Ask what shall end, once. An attached console is only left: it holds nothing up."""
        if self.seat.attachment is not None:
            self.exit(Ending.KEEP_SERVING)
        elif not isinstance(self.screen, Quit | Fault):
            self.push_screen(Quit(), self._end)

    def show_fault(self, error: BaseException) -> None:
        """Show what ended the server, then end. From another task: by `call_later`."""
        self.push_screen(Fault(error))

    def _end(self, ending: Ending | None) -> None:
        if ending is not None:
            self.exit(ending)

    def _on_overview(self, overview: Overview | None) -> None:
        self._overview = overview
        for place in self._places.values():
            self._show_overview(place)

    def _on_events(self, added: int | None) -> None:
        if self.live.is_mounted:
            self.live.show_events(added)

    def _show_overview(self, place: Place) -> None:
        if place.is_mounted:
            place.show_overview(self._overview)
