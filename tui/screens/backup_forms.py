"""What is asked before a backup is made elsewhere, or one with keys is proven."""

from collections.abc import Awaitable
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input, Static

from appliance.model.backups import BackupOrder, ProofOrder
from appliance.model.errors import HearthError
from appliance.operator.interface import Operator
from tui.screens.sheet_modal import SheetModal
from tui.wording import ACT, printable

_SHORTEST = 8  # characters of a passphrase


class BackupForm(SheetModal[bool]):
    """Fields, and what is wrong below them. Secrets are cleared once they are handed over."""

    DEFAULT_CSS = """
    BackupForm {
        .sheet { width: 70; }
        .sheet > Static { margin: 1 0 0 0; }
        .sheet > .problem { color: $error; height: auto; margin: 0; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "back", show=False)]

    def __init__(self, operator: Operator, title: str, keys: str) -> None:
        super().__init__(title, keys)
        self._operator = operator

    def on_mount(self) -> None:
        """Begin to type."""
        self.query(Input).first().focus()

    def action_leave(self) -> None:
        """Go back, and forget what was typed."""
        self._clear()
        self.dismiss(result=False)

    def secret(self) -> str:
        """Take what was typed unseen."""
        return "".join(each.value for each in self.query("#passphrase").results(Input))

    def ask(self, begun: Awaitable[object]) -> None:
        """Begin it."""
        self._clear()
        self.run_worker(self._begin(begun), exclusive=True)

    def wrong(self, field: str, text: str) -> None:
        """Say beside a field what is wrong with it."""
        for problem in self.query(".problem").results(Static):
            shown = problem.id == f"{field}-problem"
            problem.update(f"{ACT} {printable(text)}" if shown else "")

    async def _begin(self, begun: Awaitable[object]) -> None:
        try:
            await begun
        except HearthError as error:
            self.wrong("place", error.public)
            return
        self.dismiss(result=True)

    def _clear(self) -> None:
        for field in self.query(Input):
            if field.password:
                field.value = ""


class BackupElsewhere(BackupForm):
    """Where to, and the passphrase that puts the keys in."""

    def __init__(self, operator: Operator) -> None:
        super().__init__(operator, "Make a backup now", "Tab next · Enter make it · Esc back")

    def compose_sheet(self) -> ComposeResult:
        """Ask."""
        yield Static("Where to: /mnt/stick, sftp://user@host/path, s3://bucket/prefix?…")
        yield Input(id="place", compact=True)
        yield Static(id="place-problem", classes="problem", markup=False)
        yield Static("Passphrase for the CA's keys; without one they are left out")
        yield Input(id="passphrase", password=True, compact=True)
        yield Static("The same once more")
        yield Input(id="again", password=True, compact=True)
        yield Static(id="passphrase-problem", classes="problem", markup=False)

    @on(Input.Submitted)
    def _submitted(self) -> None:
        place = self.query_one("#place", Input).value.strip()
        secret, again = self.secret(), self.query_one("#again", Input).value
        if not place:
            self.wrong("place", "Name a place. Nothing was made.")
        elif secret != again:
            self.wrong("passphrase", "The two are not the same.")
        elif secret and len(secret) < _SHORTEST:
            self.wrong("passphrase", f"It needs {_SHORTEST} characters or more.")
        else:
            self.ask(self._operator.begin_backup(BackupOrder(place=place, passphrase=secret)))


class ProveBackup(BackupForm):
    """The passphrase of a backup, if it has keys in it; and which, where none is named."""

    def __init__(self, operator: Operator, name: str) -> None:
        super().__init__(operator, "Prove a backup", "Tab next · Enter prove it · Esc back")
        self._backup = name

    def compose_sheet(self) -> ComposeResult:
        """Ask."""
        if self._backup:
            yield Static(printable(self._backup), markup=False)
        else:
            yield Static("Which: the path of its file on the CA's machine")
            yield Input(id="place", compact=True)
        yield Static("Passphrase of the keys in it; nothing if there are none")
        yield Input(id="passphrase", password=True, compact=True)
        yield Static(id="place-problem", classes="problem", markup=False)

    @on(Input.Submitted)
    def _submitted(self) -> None:
        typed = "".join(each.value for each in self.query("#place").results(Input)).strip()
        if not (self._backup or "/" in typed):
            self.wrong("place", "Name its whole path. Nothing was tried.")
            return
        order = ProofOrder(name=self._backup or typed, passphrase=self.secret())
        self.ask(self._operator.begin_proof(order))
