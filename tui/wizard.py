"""The first run: an application over one Founding, before there is a CA to operate.

name → clock → keys → services → access → start → making → sheet ──> the console, with the
  │ Ctrl+S at any step: the answers are on disk                       first certificate on it
  └────────── `hearth` again takes them up where they were left
"""

from typing import ClassVar, Final

from textual.binding import Binding, BindingType

from appliance.model.errors import HearthError
from appliance.model.founding import Draft, Founded, Passwords, Progress, Topic
from appliance.operator.founding import FirstCertificates, Founding
from tui.screens.fault import Fault
from tui.screens.wizard.access import AccessPage
from tui.screens.wizard.clock import ClockPage
from tui.screens.wizard.first import First
from tui.screens.wizard.keys import KeysPage
from tui.screens.wizard.making import MakingPage
from tui.screens.wizard.name import NamePage
from tui.screens.wizard.page import Page
from tui.screens.wizard.services import ServicesPage
from tui.screens.wizard.sheet import SheetPage
from tui.screens.wizard.start import StartPage
from tui.seated import SeatedApp
from tui.terminal import USUAL_SEAT, Seat

_PAGES: Final[dict[Topic, type[Page]]] = {
    page.TOPIC: page
    for page in (
        NamePage,
        ClockPage,
        KeysPage,
        ServicesPage,
        AccessPage,
        StartPage,
        MakingPage,
        SheetPage,
    )
}


class Wizard(SeatedApp[Founded]):
    """The application. Gives what was made; None when it was left."""

    TITLE = "Hearth"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+q,ctrl+c", "leave", "leave", show=False, priority=True),
    ]

    def __init__(self, founding: Founding, seat: Seat = USUAL_SEAT) -> None:
        super().__init__(seat)
        self.founding = founding
        self.progress = Progress(draft=Draft(), topic=Topic.NAME)
        self.draft = Draft()
        self.passwords = Passwords()
        self.founded: Founded | None = None
        self.notice = ""

    def on_mount(self) -> None:
        """Begin where it was left."""
        self.run_worker(self._begin(), name="begin")

    def go(self, topic: Topic) -> None:
        """Show a step."""
        page = _PAGES[topic]()
        if isinstance(self.screen, Page):
            self.switch_screen(page)
        else:
            self.push_screen(page)

    async def advance(self, topic: Topic, draft: Draft) -> None:
        """Keep the answers and show the step after this one. Raises HearthError."""
        following = tuple(Topic)[tuple(Topic).index(topic) + 1]
        if topic is Topic.ACCESS and self.progress.stopped_at:
            following = Topic.MAKING  # what is half made cannot be answered anew
        await self.founding.keep(draft, following)
        self.draft = draft
        self.go(following)

    def back(self, topic: Topic, draft: Draft) -> None:
        """Show the step before this one."""
        place = tuple(Topic).index(topic)
        if place == 0 or self.progress.stopped_at:
            self.notify("Ctrl+S leaves; the answers are kept.")
            return
        self.draft = draft
        self.go(tuple(Topic)[place - 1])

    async def leave(self, topic: Topic, draft: Draft) -> None:
        """Keep the answers and end. Raises HearthError."""
        await self.founding.keep(draft, topic)
        self.exit(None)

    def action_leave(self) -> None:
        """End, as Ctrl+S does."""
        screen = self.screen
        if isinstance(screen, Page):
            screen.action_leave()
        else:
            self.exit(None)

    def show_fault(self, error: BaseException) -> None:
        """Show what went wrong with the engine."""
        self.push_screen(Fault(error))

    async def _begin(self) -> None:
        try:
            self.progress = await self.founding.begin()
        except HearthError as error:
            self.show_fault(error)
            return
        self.draft = self.progress.draft
        topic = self.progress.topic
        if self.progress.stopped_at:
            topic = Topic.ACCESS if self.progress.wants_passwords else Topic.MAKING
        if self.progress.resumed:
            self.notice = "Taken up where it was left. Passwords were not kept."
        self.go(topic)


class Greeting(SeatedApp[Founded]):
    """The last step alone, where the CA is a service: its console is another's then."""

    TITLE = "Hearth"

    def __init__(
        self, certificates: FirstCertificates, founded: Founded, seat: Seat = USUAL_SEAT
    ) -> None:
        super().__init__(seat)
        self._first = First(certificates, founded)

    def on_mount(self) -> None:
        """Ask for a name; end when that is done, or put off."""
        self.push_screen(self._first, lambda _: self.exit(None))
