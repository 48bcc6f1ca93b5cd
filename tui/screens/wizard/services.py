"""What the CA does for its clients."""

from collections.abc import Iterable
from dataclasses import replace
from typing import ClassVar, final

from textual.widget import Widget
from textual.widgets import Input, Static

from appliance.model.founding import Draft, Topic
from tui.screens.wizard.page import Page
from tui.widgets.choices import Tick


@final
class ServicesPage(Page):
    """The fourth step."""

    TOPIC = Topic.SERVICES
    INTRODUCTION: ClassVar[str] = "What shall it do? All of it can be changed later, in ca.json."
    WHY: ClassVar[str] = (
        "ACME is what certbot, Caddy, Traefik and most devices speak: they prove that a name is "
        "theirs and renew by themselves. SSH certificates end the question whether a host's key is "
        "the right one, and the copying of authorized_keys. Revocation lists and OCSP are for "
        "certificates that live long; those of this CA live a day, and are simply not renewed. "
        "They are served by plain HTTP, because clients fetch them before they trust anything."
    )

    def fields(self) -> Iterable[Widget]:
        """Offer each service."""
        draft = self.wizard.draft
        lists = "Revocation lists and OCSP, by plain HTTP"
        yield Tick("ACME: machines get certificates by themselves", draft.acme, id="acme")
        yield Static("    certbot, Caddy, Traefik, acme.sh, routers, printers", classes="quiet")
        yield Tick("SSH certificates for users and hosts", draft.ssh, id="ssh")
        yield Static("    two more keys are made, beside that of the intermediate", classes="quiet")
        yield Tick(lists, draft.published, id="published")
        yield from self.row(
            "    listens on",
            Input(draft.insecure_address, id="insecure_address", compact=True),
            field="insecure_address",
        )

    def collect(self, draft: Draft) -> Draft:
        """Take the ticks."""
        return replace(
            draft,
            acme=self.query_one("#acme", Tick).value,
            ssh=self.query_one("#ssh", Tick).value,
            published=self.query_one("#published", Tick).value,
            insecure_address=self.query_one("#insecure_address", Input).value.strip(),
        )

    def on_checkbox_changed(self) -> None:
        """Look again."""
        self.begin(self.look, "look")
