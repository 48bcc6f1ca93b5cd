"""The first certificate, issued by the running CA: the last step, over the live view."""

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from appliance.model.errors import HearthError
from appliance.model.founding import FirstCertificate, Founded
from appliance.operator.founding import FirstCertificates
from tui.wording import ACT, GOOD, printable


class First(ModalScreen[None]):
    """Ask for a name, have it certified, and say what comes next."""

    CSS = """
    First {
        align: center middle;
        background: $background 60%;
        #frame {
            width: 78;
            max-width: 100%;
            height: auto;
            max-height: 100%;
            background: $surface;
            border: round $primary 60%;
            border-title-color: $primary;
            border-subtitle-color: $foreground 60%;
            padding: 0 2;
        }
        Static { height: auto; }
        Input { background: $panel; margin: 1 0; }
        #said { color: $foreground 80%; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "next", "next", show=False),
        Binding("escape", "dismiss", "later", show=False),
    ]

    def __init__(self, certificates: FirstCertificates, founded: Founded) -> None:
        super().__init__()
        self._certificates = certificates
        self._founded = founded
        self._issued = False

    def compose(self) -> ComposeResult:
        """Put question and answer below each other."""
        with Vertical(id="frame") as frame:
            frame.border_title = "9 of 9   The first certificate"
            frame.border_subtitle = "Enter issue it · Esc later"
            yield Static(
                f"{GOOD} {printable(self._founded.name)} serves at {self._founded.url}\n\n"
                "For which name shall it be? Certificate and key are written to the directory in "
                "which hearth was started.",
                markup=False,
            )
            yield Input(id="name", compact=True)
            yield Static(id="said", markup=False)

    async def on_mount(self) -> None:
        """Suggest this machine's name."""
        field = self.query_one(Input)
        field.value = await self._certificates.suggest()
        field.focus()

    def action_next(self) -> None:
        """Issue it; or go on to the live view."""
        if self._issued:
            self.dismiss(None)
        else:
            self.run_worker(self._issue(), exclusive=True)

    @on(Input.Submitted)
    def _submitted(self) -> None:
        self.action_next()

    async def _issue(self) -> None:
        said = self.query_one("#said", Static)
        try:
            made = await self._certificates.issue(self.query_one(Input).value.strip())
        except HearthError as error:
            said.update(f"{ACT} {printable(error.public)}")
            return
        self._issued = True
        self.query_one(Input).display = False
        self.query_one("#frame").border_subtitle = "Enter to the console"
        said.update(self._next_steps(made))
        self.set_focus(None)

    def _next_steps(self, made: FirstCertificate) -> str:
        until = made.not_after.astimezone().strftime("%a %d %b %H:%M")
        return (
            f"{GOOD} issued  {printable(made.subject)}   until {until}\n"
            f"  {made.certificate_file}\n  {made.key_file}\n\n"
            "It leads to the root that was made; the console shows it among the others.\n\n"
            "On another machine, once:\n"
            f"  hearth ca bootstrap --ca-url {self._founded.url} \\\n"
            f"    --fingerprint {self._founded.fingerprint}\n"
            "then:  hearth ca certificate NAME NAME.crt NAME.key"
        )
