"""All about one key or token."""

from collections.abc import Iterator
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widgets import Footer, Rule, Static

from appliance.model.errors import HearthError
from appliance.model.signing_keys import KeyHolding
from appliance.model.tokens import ADVICE, TokenState, TokenStatus
from appliance.operator.interface import Operator
from tui.screens.unlock_token import UnlockToken, takes_pin
from tui.widgets.sheet import Field, Section, Sheet
from tui.wording import ACT, GOOD, LOOK, Calendar, printable


class KeySheet(Screen[None]):
    """A sheet of fields. What vouches for a key is asked of its device only when that is wanted."""

    CSS = """
    KeySheet {
        background: $background;
        #title { height: 1; padding: 0 1; color: $primary; text-style: bold; }
        Rule.-horizontal { color: $panel; margin: 0; }
        Footer { padding: 0 1; }
    }
    """
    AUTO_FOCUS = "Sheet"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "attest", "ask the device to vouch"),
        Binding("u", "unlock", "unlock"),
        Binding("escape,backspace,enter", "dismiss", "back", key_display="Esc"),
    ]

    def __init__(
        self, operator: Operator, shown: KeyHolding | TokenStatus, calendar: Calendar
    ) -> None:
        super().__init__()
        self._operator = operator
        self._shown = shown
        self._calendar = calendar

    def compose(self) -> ComposeResult:
        """Title, fields, keys."""
        shown = self._shown
        name = f"Token {shown.name}" if isinstance(shown, TokenStatus) else f"Key: {shown.role}"
        yield Static(printable(name), id="title", markup=False)
        yield Rule()
        yield Sheet()
        yield Footer(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        """Write the fields, now that there are styles."""
        self._show()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer only what can be done."""
        if action == "attest":
            return isinstance(self._shown, KeyHolding) and self._shown.uri.startswith("yubikey:")
        if action == "unlock":
            return isinstance(self._shown, TokenStatus) and takes_pin(self._shown)
        return True

    def action_attest(self) -> None:
        """Have the device say that it made the key."""
        if isinstance(self._shown, KeyHolding):
            self._show(Section(title="Attestation", text="asking the device …"))
            self.run_worker(self._attest(self._shown.uri), exclusive=True)

    def action_unlock(self) -> None:
        """Type the PIN of the token."""
        if isinstance(self._shown, TokenStatus):
            self.app.push_screen(UnlockToken(self._operator, self._shown), self._unlocked)

    def _unlocked(self, opened: bool | None) -> None:  # noqa: FBT001 - what Textual calls it with
        if opened:
            self.dismiss()

    async def _attest(self, uri: str) -> None:
        try:
            found = await self._operator.attestation(uri)
        except HearthError as error:
            self._show(Section(title="Attestation", text=f"{LOOK} {printable(error.public)}"))
            return
        text = f"{GOOD} {printable(found.text)}"
        if found.problem:
            text = f"{ACT} {printable(found.text)}, but {printable(found.problem)}"
        self._show(Section(title="Attestation", text=text))

    def _show(self, *sections: Section) -> None:
        shown = self._shown
        if isinstance(shown, TokenStatus):
            fields = tuple(_token_fields(shown))
        else:
            fields = tuple(_key_fields(shown, self._calendar))
        self.query_one(Sheet).show((Section(title="What is known", fields=fields), *sections))


def _key_fields(key: KeyHolding, calendar: Calendar) -> Iterator[Field]:
    yield from _known("Subject", key.subject)
    yield from _known("Name", key.name)
    yield Field(name="State", value=key.state)
    yield Field(name="Signs", value=key.signs)
    yield from _known("Kind", key.kind)
    yield Field(name="Lives", value=printable(key.place))
    yield from _known("Token", key.token)
    yield from _known("URI", key.uri)
    if key.not_before and key.not_after:
        yield Field(name="Valid from", value=calendar.full(key.not_before))
        until = f"{calendar.full(key.not_after)}, {calendar.relative(key.not_after)}"
        yield Field(name="Valid until", value=until)
    elif not key.not_after:
        yield Field(name="Valid until", value="it has no certificate, and no end")
    yield from _known("SHA-256", key.fingerprint)


def _token_fields(token: TokenStatus) -> Iterator[Field]:
    ready = token.state is TokenState.READY
    shape = GOOD if ready else ACT
    yield Field(name="State", value=f"{shape} {token.state}", part="good" if ready else "act")
    yield Field(name="What to do", value=ADVICE[token.state])
    yield from _known("Said", token.detail)
    yield from _known("Model", token.model)
    yield from _known("Serial", token.serial)
    yield from _known("Firmware", token.firmware)
    if token.tries_left is not None:
        yield Field(name="Tries left", value=f"{token.tries_left}")
    yield Field(name="URI", value=printable(token.uri))


def _known(name: str, value: str) -> Iterator[Field]:
    if value:
        yield Field(name=name, value=printable(value))
