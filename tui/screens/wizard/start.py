"""How the CA starts, and who opens its keys then."""

from collections.abc import Iterable
from dataclasses import replace
from typing import ClassVar, final

from textual.widget import Widget
from textual.widgets import Static

from appliance.model.founding import Draft, Topic, Unlock
from tui.screens.wizard.page import Page
from tui.widgets.choices import Choice


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
        by_file = self.wizard.draft.unlock is Unlock.FILE
        yield Choice(
            "I do, typing the password or PIN at each start",
            "A file beside the keys does: it starts by itself after a power cut",
            chosen=int(by_file),
            id="unlock",
        )
        yield Static(
            "\nTyped: safest; after a power cut nothing is issued until you come.\n"
            "File: readable for its user alone (mode 0600), and for whoever takes the disk.\n",
            classes="quiet",
        )
        yield Static(self._at_boot(), classes="quiet", markup=False)

    def collect(self, draft: Draft) -> Draft:
        """Take the choice."""
        ways = (Unlock.ASK, Unlock.FILE)
        return replace(draft, unlock=ways[self.query_one("#unlock", Choice).chosen])

    def _at_boot(self) -> str:
        if self.wizard.progress.installs:
            return (
                "At boot: `hearth install`, as root, makes it a service when this is finished, and "
                "offers a third way: a password sealed to this machine (--unlock credential)."
            )
        return (
            "At boot: have this machine run `hearth serve` (see homelab.md 7). "
            "Until then, `hearth` on a terminal starts it."
        )
