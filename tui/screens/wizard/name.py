"""The CA's name, and the addresses by which it is found."""

from collections.abc import Iterable
from dataclasses import replace
from typing import ClassVar, final

from textual import on
from textual.widget import Widget
from textual.widgets import Input, Static

from appliance.model.founding import Draft, Topic
from tui.screens.wizard.page import Page
from tui.widgets.choices import Tick
from tui.wording import printable


@final
class NamePage(Page):
    """The first step."""

    TOPIC = Topic.NAME
    INTRODUCTION: ClassVar[str] = (
        "Eight short steps make a certificate authority, and a ninth its first certificate. "
        "Nothing is made before the seventh; Ctrl+S leaves at any step."
    )
    WHY: ClassVar[str] = (
        "The name stands in the root certificate, where people see it for ten years. Clients reach "
        "the CA by its names and addresses, which are in its own certificate: a name that leads "
        "here and back, and the IP address for machines without DNS. They can be changed later in "
        "ca.json; the root's name cannot."
    )

    def fields(self) -> Iterable[Widget]:
        """Ask for name, names and address."""
        draft = self.wizard.draft
        yield from self.row("Name", Input(draft.name, id="name", compact=True), field="name")
        yield from self.row(
            "Found at",
            Input(draft.dns_names, id="dns_names", compact=True, placeholder="ca.home.arpa"),
            field="dns_names",
        )
        for address in self.wizard.progress.addresses[:1]:
            yield from self.row(
                "",
                Tick(
                    f"and at {address}, for machines without DNS",
                    value=address in draft.dns_names,
                    id="own",
                ),
            )
        yield from self.row(
            "Listens on",
            Input(draft.address, id="address", compact=True, placeholder=":443"),
            field="address",
        )
        written = printable(str(self.wizard.progress.directory))
        yield Static(f"Everything is written to {written}", classes="quiet", markup=False)

    def collect(self, draft: Draft) -> Draft:
        """Take the three fields; the machine's own address goes with the names."""
        names = self.query_one("#dns_names", Input).value
        for tick in self.query("#own").results(Tick):
            names = _with(names, self.wizard.progress.addresses[0], wanted=tick.value)
        return replace(
            draft,
            name=self.query_one("#name", Input).value.strip(),
            dns_names=names,
            address=self.query_one("#address", Input).value.strip(),
        )

    @on(Input.Changed, "#dns_names")
    def _follow(self, message: Input.Changed) -> None:
        """Have the tick say what the names say."""
        for tick in self.query("#own").results(Tick):
            tick.value = self.wizard.progress.addresses[0] in _listed(message.value)

    def on_checkbox_changed(self) -> None:
        """Show among the names what the tick adds or takes away."""
        field = self.query_one("#dns_names", Input)
        field.value = self.collect(self.wizard.draft).dns_names


def _listed(names: str) -> list[str]:
    return names.replace(",", " ").split()


def _with(names: str, address: str, *, wanted: bool) -> str:
    listed = _listed(names)
    kept = [each for each in listed if each != address]
    if not wanted:
        return ", ".join(kept)
    return names if address in listed else ", ".join([*listed, address])
