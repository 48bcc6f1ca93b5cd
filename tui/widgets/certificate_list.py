"""Certificates of the inventory, a line each, as many as were asked for so far."""

from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo
from typing import ClassVar, Final

from rich.segment import Segment

from appliance.model.inventory import CertificateState, CertificateSummary
from tui.widgets.line_list import LineList
from tui.wording import ACT, GOOD, LOOK, Calendar, fit, fit_right, printable, subject_of

STATES: Final = {
    CertificateState.ACTIVE: (GOOD, "good"),
    CertificateState.EXPIRED: (LOOK, "look"),
    CertificateState.REVOKED: (ACT, "act"),
}
_STATE: Final = 9
_PROVISIONER: Final = 12
_ISSUED: Final = 8
_ENDS: Final = 10
_SERIAL: Final = 12
_GAP: Final = 2
_LEAST: Final = 24  # cells of a name, before the columns after it have room


class CertificateList(LineList):
    """State, names, provisioner, when issued and ending, and what the serial number begins with."""

    DEFAULT_CSS = """
    CertificateList {
        &> .certificate-list--plain { color: $foreground 65%; }
        &> .certificate-list--name { color: $foreground; }
        &> .certificate-list--good { color: $success; }
        &> .certificate-list--look { color: $warning; }
        &> .certificate-list--act { color: $error; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        f"certificate-list--{part}" for part in ("plain", "name", "good", "look", "act")
    }

    def __init__(self, *, zone: tzinfo | None) -> None:
        super().__init__(empty="Asking …", id="certificates")
        self.calendar = Calendar(zone=zone, now=datetime.fromtimestamp(0, UTC))
        self.certificates: list[CertificateSummary] = []

    @property
    def line_count(self) -> int:
        """How many there are here."""
        return len(self.certificates)

    @property
    def current(self) -> CertificateSummary | None:
        """The one under the cursor."""
        return self.certificates[self.cursor] if self.certificates else None

    def show(self, certificates: Sequence[CertificateSummary], cursor: int = 0) -> None:
        """Show others."""
        self.certificates = list(certificates)
        self.lines_changed(cursor)

    def more(self, certificates: Sequence[CertificateSummary]) -> None:
        """Add some at the end."""
        self.certificates += certificates
        self.refresh()

    def draw(self, place: int, width: int) -> list[Segment]:
        """Draw one."""
        each = self.certificates[place]
        shape, part = STATES[each.state]
        cells = [(part, fit(f"{shape} {each.state}", _STATE))]
        name = width - _STATE - _GAP
        after: list[str] = []
        for text, room in self._after(each):
            if name - room - _GAP < _LEAST:
                break
            name -= room + _GAP
            after.append(text)
        lead = f"{each.certificate_type} " if each.certificate_type else ""
        cells.append(("name", fit(subject_of(lead, (each.subject, *each.sans), name), name)))
        cells += [("plain", text) for text in after]
        segments: list[Segment] = []
        for style, text in cells:
            rich = self.get_component_rich_style(f"certificate-list--{style}")
            segments.append(Segment(f"{text}{' ' * _GAP}", rich))
        return segments

    def titles(self) -> str:
        """Write the line of titles, for the columns of `draw`."""
        width = self.size.width - 4
        name = width - _STATE - _GAP
        after = ""
        for title, room, right in (
            ("ends", _ENDS, True), ("provisioner", _PROVISIONER, False),
            ("issued", _ISSUED, False), ("serial", _SERIAL, False),
        ):  # fmt: skip
            if name - room - _GAP < _LEAST:
                break
            name -= room + _GAP
            after += (fit_right if right else fit)(title, room) + " " * _GAP
        return f"{fit('state', _STATE)}  {fit('name', max(0, name))}  {after}"

    def _after(self, each: CertificateSummary) -> Sequence[tuple[str, int]]:
        """Give the columns after the name, those first that stay longest."""
        calendar = self.calendar
        hexadecimal = f"{each.serial:x}"
        serial = "0x" + hexadecimal.zfill(len(hexadecimal) + len(hexadecimal) % 2)
        return (
            (fit_right(calendar.relative(each.not_after), _ENDS), _ENDS),
            (fit(printable(each.provisioner), _PROVISIONER), _PROVISIONER),
            (fit(calendar.brief(each.issued_at), _ISSUED), _ISSUED),
            (serial[:_SERIAL].ljust(_SERIAL), _SERIAL),
        )
