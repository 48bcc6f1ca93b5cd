"""Which type a new provisioner is of."""

from typing import ClassVar, Final

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen
from textual.widgets import OptionList
from textual.widgets.option_list import Option

_TYPES: Final = (
    ("ACME", "machines that prove their names: certbot, Caddy, Traefik …"),
    ("JWK", "who knows a password, or has a key"),
    ("OIDC", "people who log in at an identity provider"),
    ("X5C", "who has a certificate of another CA"),
    ("SSHPOP", "hosts with an SSH certificate, to renew it"),
    ("Nebula", "hosts of a Nebula network"),
    ("K8sSA", "service accounts of a Kubernetes cluster"),
)


class NewProvisioner(ModalScreen[str]):
    """The types that are served. Gives the one that was chosen, or nothing."""

    CSS = """
    NewProvisioner {
        align: center middle;
        background: $background 60%;
        OptionList {
            width: 72;
            max-width: 100%;
            height: auto;
            max-height: 100%;
            background: $surface;
            border: round $primary 60%;
            border-title-color: $primary;
            border-subtitle-color: $foreground 60%;
            padding: 0 1;
        }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss('')", "back", show=False)]

    def compose(self) -> ComposeResult:
        """List the types with who they are for."""
        options = [
            Option(Text.assemble((f"{name:<8}", "bold"), text), id=name) for name, text in _TYPES
        ]
        chosen = OptionList(*options)
        chosen.border_title = "A new provisioner is for …"
        chosen.border_subtitle = "Enter choose · Esc back"
        yield chosen

    @on(OptionList.OptionSelected)
    def _chosen(self, message: OptionList.OptionSelected) -> None:
        self.dismiss(message.option_id or "")
