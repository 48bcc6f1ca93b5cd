"""Revoking a certificate, after a question."""

from typing import Final

from textual import on
from textual.app import ComposeResult
from textual.widgets import Input, Label, Select

from appliance.model.inventory import CertificateKind, CertificateSummary
from appliance.operator.interface import Revoking
from tui.screens.typed import Typed

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


class Revoke(Typed):
    """Have the end of the serial number typed, then revoke, for a reason."""

    CSS = """
    Revoke {
        .sheet { width: 70; }
        .sheet > Static { margin: 0; }
        #note, Input, Select { margin: 0 0 1 0; }
        Select { background: $panel; border: round $warning; padding: 0 2; }
    }
    """
    AUTO_FOCUS = "#reason"

    def __init__(self, operator: Revoking, certificate: CertificateSummary) -> None:
        name = certificate.subject or next(iter(certificate.sans), "") or "no name"
        ssh = certificate.kind is CertificateKind.SSH
        lists = "hearth ssh krl" if ssh else "the CRL or OCSP"
        end = str(certificate.serial)[-_END:]
        super().__init__(
            f"Revoke {name}?",
            f"It is never renewed again. Who asks {lists} refuses it; others take it until its"
            " end. This cannot be undone.",
            end,
            "revoke",
            self._revoke,
            question=f"Type the end of its serial number, {end}",
            undone="Nothing was revoked.",
            keys="Enter revoke · Tab next · Esc stay",
        )
        self._operator = operator
        self._certificate = certificate

    def compose_more(self) -> ComposeResult:
        """Ask for the reason."""
        yield Label("Reason")
        yield Select(_REASONS, value=1, allow_blank=False, compact=True, id="reason")
        yield Label("In your words (may be empty; the journal keeps them)")
        yield Input(id="words", compact=True, placeholder="lost on a train", max_length=200)

    @on(Input.Submitted, "#words")
    def _to_the_end(self) -> None:
        self.query_one("#word", Input).focus()

    async def _revoke(self) -> None:
        code = self.query_one("#reason", Select).value
        await self._operator.revoke_certificate(
            self._certificate.serial,
            self._certificate.kind,
            reason_code=code if isinstance(code, int) else 0,
            reason=self.query_one("#words", Input).value.strip(),
        )
