"""Everything about one event and its certificate."""

from collections.abc import Iterable, Iterator
from typing import ClassVar, Final

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widgets import Footer, Rule, Static

from appliance.model.errors import HearthError, NotFound
from appliance.model.events import Event, EventKind
from appliance.model.inventory import CertificateDetail, CertificateKind, CertificateState
from appliance.operator.interface import Operator
from tui import certificate, ssh_certificate
from tui.widgets.sheet import Field, Section, Sheet
from tui.wording import ACT, GOOD, LOOK, SHAPES, Calendar, long_span, printable, provisioner, span

_STATES: Final = {
    CertificateState.ACTIVE: (GOOD, "good"),
    CertificateState.EXPIRED: (LOOK, "look"),
    CertificateState.REVOKED: (ACT, "act"),
}
# RFC 5280 section 5.3.1
_REASONS: Final = {
    1: "key compromise",
    2: "CA compromise",
    3: "affiliation changed",
    4: "superseded",
    5: "cessation of operation",
    6: "certificate hold",
    8: "remove from CRL",
    9: "privilege withdrawn",
    10: "AA compromise",
}


class Details(Screen[None]):
    """A sheet of fields; what the event says at once, the certificate when it has come."""

    CSS = """
    Details {
        background: $background;
        #title { height: 1; padding: 0 1; color: $primary; text-style: bold; }
        Rule.-horizontal { color: $panel; margin: 0; }
        Footer { padding: 0 1; }
    }
    """
    AUTO_FOCUS = "Sheet"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,backspace,enter", "dismiss", "back", key_display="Esc"),
        Binding("c", "copy", "copy certificate"),
    ]

    def __init__(self, event: Event, operator: Operator, calendar: Calendar) -> None:
        super().__init__()
        self._event = event
        self._operator = operator
        self._calendar = calendar
        self._is_ssh = event.is_ssh
        self._text = ""  # of the certificate

    def compose(self) -> ComposeResult:
        """Title, fields, keys."""
        yield Static(self._title(), id="title", markup=False)
        yield Rule()
        yield Sheet()
        yield Footer(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        """Show what is known, and ask for the rest."""
        self._show()
        if self._event.serial is not None:
            self.run_worker(self._fetch(self._event.serial))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer to copy only where there is something."""
        return action != "copy" or bool(self._text)

    def action_copy(self) -> None:
        """Put the certificate into the clipboard, where the terminal lets us (OSC 52)."""
        self.app.copy_to_clipboard(self._text)
        self.notify("The certificate is in the clipboard, where the terminal allows it.", timeout=3)

    async def _fetch(self, serial: int) -> None:
        try:
            kind = CertificateKind.SSH if self._is_ssh else CertificateKind.X509
            detail = await self._operator.certificate(serial, kind)
        except NotFound:
            self._show(Section(title="Certificate", text="It is not in the inventory."))
        except HearthError as error:
            self._show(Section(title="Certificate", text=f"{LOOK} {printable(error.public)}"))
        else:
            form = ssh_certificate if self._is_ssh else certificate
            self._text = form.text(detail.der)
            self._show(
                Section(title="Certificate", fields=tuple(self._certificate(detail))),
                *self._history(detail),
                Section(
                    title="Fingerprints",
                    fields=tuple(
                        Field(name=name, value=value)
                        for name, value in form.fingerprints(detail.der)
                    ),
                ),
                Section(title="OpenSSH" if self._is_ssh else "PEM", text=self._text),
            )
            self.refresh_bindings()

    def _history(self, detail: CertificateDetail) -> Iterator[Section]:
        """Tell who asked for it, what it was renewed from, and by what."""
        fields: list[Field] = []
        if origin := detail.origin:
            asked = ", ".join(filter(None, (origin.operation, origin.asked_by)))
            fields += [*_known("Asked by", asked), *_known("From", origin.client)]
        fields += _serials("Renews", reversed(detail.before))
        fields += _serials("Renewed by", reversed(detail.renewed_by))
        if fields:
            yield Section(title="History", fields=tuple(fields))

    def _show(self, *sections: Section) -> None:
        event = Section(title="Event", fields=tuple(self._of_event()))
        self.query_one(Sheet).show((event, *sections))

    def _title(self) -> Text:
        name = self._event.subject or next(iter(self._event.sans), "") or "no name"
        kind = f"{SHAPES[self._event.kind]} {self._event.kind}"
        return Text(f"{kind}  {printable(name)}", no_wrap=True, overflow="ellipsis")

    def _of_event(self) -> Iterator[Field]:
        event, calendar = self._event, self._calendar
        when = f"{calendar.full(event.at)}, {calendar.relative(event.at)}"
        yield Field(name="Time", value=when)
        if event.reason:
            refused = event.kind is EventKind.REFUSED
            yield Field(
                name="Reason", value=printable(event.reason), part="act" if refused else "plain"
            )
        yield from _known("Operation", event.operation)
        yield from _known("For", event.certificate_type)
        yield from _known("Key ID" if self._is_ssh else "Subject", event.subject)
        yield from _known("Principals" if self._is_ssh else "SANs", ", ".join(event.sans))
        yield from _known("Provisioner", provisioner(event))
        if event.serial is not None:
            yield Field(name="Serial", value=f"{event.serial}")
            yield Field(name="", value=f"0x{event.serial:x}", part="quiet")
        if event.not_before and event.not_after:
            yield Field(name="Valid from", value=calendar.full(event.not_before))
            length = event.not_after - event.not_before
            until = f"{calendar.full(event.not_after)}, {span(length)} in all"
            yield Field(name="Valid until", value=until)
        yield from _known("Client", event.client)
        yield from _known("Request id", event.request_id)
        if event.took:
            yield Field(name="Took", value=f"{event.took * 1000:.1f} ms")

    def _certificate(self, detail: CertificateDetail) -> Iterator[Field]:
        summary, calendar = detail.summary, self._calendar
        shape, part = _STATES[summary.state]
        state = f"{shape} {summary.state}"
        if summary.state is CertificateState.ACTIVE:
            state += f", {long_span(summary.not_after - calendar.now)} left"
        yield Field(name="State", value=state, part=part)
        if revocation := summary.revocation:
            code = _REASONS.get(revocation.reason_code, "unspecified")
            why = f": {printable(revocation.reason)}" if revocation.reason else ""
            yield Field(name="Revoked", value=f"{calendar.full(revocation.at)}, {code}{why}")
        form = ssh_certificate if self._is_ssh else certificate
        for name, value in form.fields(detail.der):
            yield Field(name=name, value=value)


def _serials(name: str, serials: Iterable[int]) -> Iterator[Field]:
    """Give serial numbers a line each, the newest first."""
    for place, serial in enumerate(serials):
        yield Field(name="" if place else name, value=f"0x{serial:x}")


def _known(name: str, value: str) -> Iterator[Field]:
    if value:
        yield Field(name=name, value=printable(value))
