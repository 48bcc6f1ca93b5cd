"""Who may ask for certificates: the first provisioner, and the passwords."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import ClassVar, Final, final

from textual.widget import Widget
from textual.widgets import Input, Static

from appliance.model.founding import Check, Draft, Mark, Passwords, Topic
from appliance.model.secret import Password
from tui.screens.wizard.page import Page
from tui.widgets.answers import Answer
from tui.widgets.choices import Tick

_SHORT: Final = 10  # characters


@final
class AccessPage(Page):
    """The fifth step. What is typed here is in memory only."""

    TOPIC = Topic.ACCESS
    INTRODUCTION: ClassVar[str] = (
        "A provisioner lets people ask for certificates: who knows its password may. The password "
        "also locks keys in files. Left empty, passwords are made, shown once, and typed from "
        "your paper."
    )
    WHY: ClassVar[str] = (
        "ACME clients prove themselves and need no password; people and scripts that run `hearth "
        "ca certificate` do, by the provisioner's. Whoever has the password of the keys and the "
        "files has the CA: give the keys another one if others are to know the provisioner's. "
        "Passwords are kept nowhere before the CA is made, so they are typed again when this is "
        "left and taken up."
    )

    def fields(self) -> Iterable[Widget]:
        """Ask for a name and passwords."""
        draft, known = self.wizard.draft, self.wizard.passwords
        same = known.keys == known.provisioner
        yield from self.row(
            "Provisioner",
            Input(draft.provisioner, id="provisioner", compact=True, placeholder="admin"),
            field="provisioner",
        )
        yield from self.row("Password", _secret("password", known.provisioner), field="password")
        yield from self.row("and again", _secret("again", known.provisioner), field="again")
        yield Tick("The keys have another password", not same, id="other")
        yield from self.row("Of the keys", _secret("keys", known.keys), field="keys")
        yield from self.row("and again", _secret("keys-again", known.keys), field="keys-again")
        yield Static("Ctrl+U empties a field.", classes="quiet")

    def on_mount(self) -> None:
        """Begin with the first password where it is still missing."""
        self._show_other()
        self.query_one("#password", Input).focus()

    def collect(self, draft: Draft) -> Draft:
        """Take the name into the draft; the passwords go to the wizard."""
        provisioner = self._typed("password")
        keys = self._typed("keys") if self._other else provisioner
        self.wizard.passwords = Passwords(keys=keys, provisioner=provisioner)
        return replace(draft, provisioner=self.query_one("#provisioner", Input).value.strip())

    def own_checks(self) -> Sequence[Check]:
        """Compare what was typed twice."""
        pairs = [("password", "again"), *([("keys", "keys-again")] if self._other else [])]
        checks = [
            Check(mark=Mark.ACT, text="the two are not the same: type it again", field=second)
            for first, second in pairs
            if self._typed(first) != self._typed(second)
        ]
        if self._other and bool(self._typed("password")) != bool(self._typed("keys")):
            text = "give both passwords, or leave both empty to have them made"
            checks.append(Check(mark=Mark.ACT, text=text, field="keys"))
        if any(0 < len(self._typed(first).reveal()) < _SHORT for first, _ in pairs):
            text = f"shorter than {_SHORT} characters: whoever gets the files can guess it"
            checks.append(Check(mark=Mark.LOOK, text=text))
        return checks

    def on_checkbox_changed(self) -> None:
        """Show the second pair, or not."""
        self._show_other()

    @property
    def _other(self) -> bool:
        return self.query_one("#other", Tick).value

    def _typed(self, name: str) -> Password:
        return Password(self.query_one(f"#{name}", Input).value.encode())

    def _show_other(self) -> None:
        for name in ("keys", "keys-again"):
            for row in self.query_one(f"#{name}", Input).ancestors_with_self:
                if isinstance(row, Answer):
                    row.display = self._other


def _secret(name: str, known: Password) -> Input:
    return Input(known.reveal().decode(), id=name, compact=True, password=True)
