"""Revoking a certificate, after a question."""

from typing import ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Label, Select, Static

from appliance.model.errors import HearthError
from appliance.model.inventory import CertificateKind, CertificateSummary
from appliance.operator.interface import Revoking
from tui.wording import ACT, printable

_END: Final = 4  # digits of the serial number that are to be typed
# RFC 5280 section 5.3.1: those that are said of the certificate of a machine or a person
_REASONS: Final = (
    ("key compromise: somebody else has its key", 1),
    ("superseded: another took its place", 4),
    ("cessation of operation: it is not needed any more", 5),
    ("affiliation changed: its names are another's", 3),
    ("privilege withdrawn", 9),
    ("unspecified", 0),
)


class Revoke(ModalScreen[bool]):
    """Have the end of the serial number typed, then revoke. Gives whether it was."""

    CSS = """
    Revoke {
        align: center middle;
        background: $background 60%;
        Vertical {
            width: 70;
            max-width: 100%;
            height: auto;
            max-height: 100%;
            background: $surface;
            border: round $warning;
            border-title-color: $warning;
            border-subtitle-color: $foreground 60%;
            padding: 0 2;
        }
        #note { margin: 0 0 1 0; }
        #note, Label { color: $foreground 80%; }
        Input, Select { background: $panel; margin: 0 0 1 0; }
        #problem { color: $error; height: auto; margin: 0; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(False)", "stay", show=False)
    ]

    def __init__(self, operator: Revoking, certificate: CertificateSummary) -> None:
        super().__init__()
        self._operator = operator
        self._certificate = certificate
        self._end = str(certificate.serial)[-_END:]

    def compose(self) -> ComposeResult:
        """Say what happens, and ask."""
        each = self._certificate
        name = each.subject or next(iter(each.sans), "") or "no name"
        ssh = each.kind is CertificateKind.SSH
        lists = "hearth ssh krl" if ssh else "the CRL or OCSP"
        with Vertical() as sheet:
            sheet.border_title = f"Revoke {printable(name)}?"
            sheet.border_subtitle = "Enter revoke · Tab next · Esc stay"
            yield Static(
                f"It is never renewed again. Who asks {lists} refuses it; others take it until its"
                " end. This cannot be undone.",
                id="note",
                markup=False,
            )
            yield Label("Reason")
            yield Select(_REASONS, value=1, allow_blank=False, compact=True, id="reason")
            yield Label("In your words (may be empty; the journal keeps them)")
            yield Input(id="words", compact=True, placeholder="lost on a train", max_length=200)
            yield Label(f"Type the end of its serial number, {self._end}", markup=False)
            yield Input(id="end", compact=True, max_length=_END)
            yield Static(id="problem", markup=False)

    def on_mount(self) -> None:
        """Begin with the reason."""
        self.query_one("#reason").focus()

    @on(Input.Submitted, "#words")
    def _to_the_end(self) -> None:
        self.query_one("#end", Input).focus()

    @on(Input.Submitted, "#end")
    def _submitted(self, message: Input.Submitted) -> None:
        if message.value.strip() != self._end:
            self._say(f"That is not {self._end}. Nothing was revoked.")
            return
        self.run_worker(self._revoke(), exclusive=True)

    async def _revoke(self) -> None:
        code = self.query_one("#reason", Select).value
        try:
            await self._operator.revoke_certificate(
                self._certificate.serial,
                self._certificate.kind,
                reason_code=code if isinstance(code, int) else 0,
                reason=self.query_one("#words", Input).value.strip(),
            )
        except HearthError as error:
            self._say(f"{ACT} {printable(error.public)}")
            return
        self.dismiss(result=True)

    def _say(self, text: str) -> None:
        self.query_one("#problem", Static).update(text)
