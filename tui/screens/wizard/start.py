"""How the CA starts, and who opens its keys then."""

from collections.abc import Iterable
from dataclasses import replace
from typing import ClassVar, Final, final

from textual.widget import Widget
from textual.widgets import Static

from appliance.model.founding import Draft, Topic, Unlock
from tui.screens.wizard.page import Page
from tui.widgets.choices import Choice, Tick

_WAYS: Final = (Unlock.ASK, Unlock.FILE, Unlock.SEALED)


@final
class StartPage(Page):
    """The sixth step."""

    TOPIC = Topic.START
    INTRODUCTION: ClassVar[str] = (
        "The keys are locked. Somebody, or something, has to open them each time the CA starts."
    )
    WHY: ClassVar[str] = (
        "There is no third way: a box that starts by itself has what opens its keys, and so has "
        "whoever takes the box away. With keys on a token, the thief needs the token as well, and "
        "no copy can be made of it. A TPM or systemd's encrypted credentials bind the password to "
        "this machine: better than a file, where the disk alone is stolen (homelab.md 1)."
    )

    def fields(self) -> Iterable[Widget]:
        """Offer the ways."""
        draft, boot = self.wizard.draft, self.wizard.progress.boot
        if boot.is_possible:
            yield Tick("A service of this machine: it starts at boot", draft.service, id="service")
        else:
            yield Static(f"At boot: {boot.otherwise}", classes="quiet", markup=False)
        sealed = ["A file does, sealed to this machine (by its TPM, if any)"]
        yield from self.row(
            "",
            Choice(
                "I do, typing the password or PIN at each start",
                "A file does: it starts by itself after a power cut",
                *(sealed if boot.can_seal else ()),
                chosen=_WAYS.index(draft.unlock) if boot.can_seal else draft.unlock is Unlock.FILE,
                id="unlock",
            ),
            field="unlock",
        )
        yield Static(
            "\nTyped: safest; after a power cut nothing is issued until you come.\n"
            "File: for its user's eyes alone (mode 0600), and for whoever takes the disk."
            + ("\nSealed: the disk alone is worth nothing; the whole box is." * boot.can_seal),
            classes="quiet",
        )

    def collect(self, draft: Draft) -> Draft:
        """Take the choice."""
        service = any(each.value for each in self.query("#service").results(Tick))
        unlock = _WAYS[self.query_one("#unlock", Choice).chosen]
        return replace(draft, service=service, unlock=unlock)

    def on_radio_set_changed(self) -> None:
        """Look again."""
        self.begin(self.look, "look")

    def on_checkbox_changed(self) -> None:
        """Look again."""
        self.begin(self.look, "look")
