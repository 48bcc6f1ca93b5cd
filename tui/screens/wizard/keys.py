"""Where the keys live: in files, or on tokens that were found."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import ClassVar, Final, final

from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widget import Widget
from textual.widgets import Input, Label, Static

from appliance.model.errors import HearthError
from appliance.model.founding import Device, Draft, Topic
from tui.screens.wizard.page import Page
from tui.widgets.choices import Choice, Way
from tui.wording import printable

_ELSEWHERE: Final = "another place:"


@final
class KeysPage(Page):
    """The third step."""

    TOPIC = Topic.KEYS
    INTRODUCTION: ClassVar[str] = (
        "The intermediate's key signs every certificate, so it stays in this box. The root's key "
        "signs only the intermediate: best kept away from it."
    )
    WHY: ClassVar[str] = (
        "A key in a file can be copied by whoever gets the file and its password; one that was "
        "made on a token cannot leave it. If the intermediate is lost or stolen, the root makes "
        "another one and no client notices; if the root is lost, all clients must learn a new one. "
        "So the root belongs on a second token or an encrypted file on a stick, in a drawer.\n"
        "Another place is a directory on a mounted stick, or a token's URI: "
        "pkcs11:module-path=/usr/lib/….so;token=NAME, or yubikey:serial=NUMBER. From a token with "
        "its factory PIN, PIN, PUK and management key are changed, shown once, and typed from "
        "your paper."
    )
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+r", "search", "look again")]

    DEFAULT_CSS = """
    KeysPage {
        #places { height: auto; }
        #devices { height: auto; color: $foreground 75%; margin: 0 0 1 0; }
        .places-title { color: $foreground 60%; }
        Choice { margin: 0 0 0 2; }
        .elsewhere { margin: 0 0 0 6; background: $panel; display: none; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._devices: Sequence[Device] = ()
        self._hurried = False  # somebody wanted to go on before there was something to choose

    def fields(self) -> Iterable[Widget]:
        """Leave room for what is found."""
        yield Static("Looking for tokens …", id="devices", markup=False)
        yield Vertical(id="places")

    def on_mount(self) -> None:
        """Look for tokens first."""
        self.action_search()

    def action_search(self) -> None:
        """Look for tokens again."""
        self.query_one("#devices", Static).update("Looking for tokens …")
        self.begin(self._search, "search")

    def collect(self, draft: Draft) -> Draft:
        """Take both places."""
        if not self.query("#keys_at"):
            return draft
        return replace(draft, keys_at=self._place("keys_at"), root_at=self._place("root_at"))

    def action_next(self) -> None:
        """Go on, once there is something to choose."""
        if self.query("#keys_at"):
            super().action_next()
        else:
            self._hurried = True
            self.hint("Still looking for tokens: a moment.")

    def on_radio_set_changed(self) -> None:
        """Show the field for another place, and look again."""
        for name in ("keys_at", "root_at"):
            self._elsewhere(name).display = self._is_elsewhere(name)
        self.begin(self.look, "look")

    async def _search(self) -> None:
        try:
            self._devices = await self.wizard.founding.devices()
        except HearthError as error:
            self.complain(error.public)
        self.query_one("#devices", Static).update(_listed(self._devices))
        draft = self.collect(self.wizard.draft)
        places = self.query_one("#places", Vertical)
        await places.remove_children()
        root = "encrypted file in this box (take it away afterwards)"
        await places.mount(
            Label("Intermediate, and keys for SSH", classes="places-title"),
            *self._choice("keys_at", draft.keys_at, "encrypted file in this box"),
            Label("Root", classes="places-title"),
            *self._choice("root_at", draft.root_at, root),
        )
        self.query_one("#keys_at", Choice).focus()
        if self._hurried:
            self._hurried = False
            self.hint("")
        await self.look()

    def _choice(self, name: str, at: str, in_file: str) -> Iterable[Widget]:
        known = ["", *(device.uri for device in self._devices if device.uri)]
        slots = ", a slot of its own" if name == "root_at" else ""
        labels = [in_file, *(f"{_brief(each)}{slots}" for each in self._devices if each.uri)]
        chosen = known.index(at) if at in known else len(known)
        ways = [printable(label) for label in (*labels, _ELSEWHERE)]
        yield Choice(*ways, chosen=chosen, id=name)
        field = Input(
            "" if at in known else at,
            id=f"{name}-other",
            classes="elsewhere",
            compact=True,
            placeholder="/media/stick  or  pkcs11:module-path=…;token=…",
        )
        field.display = chosen == len(known)
        yield field

    def _place(self, name: str) -> str:
        if self._is_elsewhere(name):
            return self._elsewhere(name).value.strip()
        known = ["", *(device.uri for device in self._devices if device.uri)]
        return known[self.query_one(f"#{name}", Choice).chosen]

    def _is_elsewhere(self, name: str) -> bool:
        choice = self.query_one(f"#{name}", Choice)
        return choice.chosen == len(choice.query(Way)) - 1

    def _elsewhere(self, name: str) -> Input:
        return self.query_one(f"#{name}-other", Input)


def _listed(devices: Sequence[Device]) -> str:
    if not devices:
        return "No token was found. Plug one in and press Ctrl+R, or go on with files."
    lines = [f"{_brief(each)}   firmware {each.firmware or '?'}   {each.state}" for each in devices]
    return "Found:  " + printable_lines(lines)


def _brief(device: Device) -> str:
    return f"{device.model} {device.serial}".strip()


def printable_lines(lines: Iterable[str]) -> str:
    """Put lines below each other, each made harmless."""
    return "\n        ".join(printable(line) for line in lines)
