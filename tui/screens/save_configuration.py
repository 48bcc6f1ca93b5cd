"""What a change makes of ca.json, shown before it is made."""

from typing import ClassVar, Final

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Input, Label, Static
from textual.worker import WorkType

from appliance.model.errors import HearthError
from appliance.model.provisioners import (
    ChangeOutcome,
    Deed,
    FieldProblem,
    ProvisionerChange,
)
from appliance.operator.provisioning import Provisioning
from tui.screens.sheet_modal import SheetModal
from tui.wording import ACT, GOOD, count, printable

_TITLES: Final = {
    Deed.ADD: "Add {name}?",
    Deed.CHANGE: "Change {name}?",
    Deed.REMOVE: "Remove {name}?",
    Deed.DISABLE: "Switch {name} off?",
    Deed.ENABLE: "Switch {name} on?",
}
_DONE: Final = {
    Deed.ADD: "was added",
    Deed.CHANGE: "was changed",
    Deed.REMOVE: "was removed",
    Deed.DISABLE: "is off",
    Deed.ENABLE: "is on",
}
_NOTES: Final = {
    Deed.DISABLE: "It will issue and renew nothing. What it issued stays valid until its end.",
    Deed.ENABLE: "It will issue and renew again.",
}
_SHAPES: Final = {"+": "diff--more", "-": "diff--less", "@": "diff--place"}


class SaveConfiguration(SheetModal[bool]):
    """The difference, then Enter. Gives whether the change was made.

    What is wrong with a field is left in `problems` for whoever asked.
    """

    CSS = """
    SaveConfiguration {
        .sheet { width: 78; padding: 0 1; }
        #note { height: auto; color: $foreground 80%; margin: 0 0 1 0; }
        #scroll { height: auto; max-height: 65vh; scrollbar-size-vertical: 1; }
        #diff { height: auto; }
        .diff--more { color: $success; }
        .diff--less { color: $error; }
        .diff--place { color: $foreground 45%; }
        .diff--same { color: $foreground 65%; }
        .sheet > Label { margin: 1 0 0 0; }
        #problem { margin: 0; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "diff--more", "diff--less", "diff--place", "diff--same",
    }  # fmt: skip
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(False)", "back", show=False),
        Binding("enter", "save", "save", show=False),
    ]

    def __init__(
        self, operator: Provisioning, change: ProvisionerChange, *, issued: int = 0
    ) -> None:
        super().__init__(
            _TITLES[change.deed].format(name=change.name),
            f"Enter {change.deed} · Esc back",
            is_grave=change.deed is Deed.REMOVE,
        )
        self._operator = operator
        self._change = change
        self._issued = issued
        self._outcome: ChangeOutcome | None = None
        self._busy = False
        self.problems: tuple[FieldProblem, ...] = ()

    def compose_sheet(self) -> ComposeResult:
        """Show the difference, and ask for the name where that is removed."""
        if note := self._note():
            yield Static(note, id="note", markup=False)
        with VerticalScroll(id="scroll"):
            yield Static("looking …", id="diff", markup=False)
        if self._change.deed is Deed.REMOVE:
            name = printable(self._change.name)
            yield Label(f"Type its name, {name}, to remove it:", markup=False)
            yield Input(id="name", compact=True)
        yield Static(id="problem", markup=False)

    def on_mount(self) -> None:
        """Ask what would change."""
        self.query_one("#name" if self._change.deed is Deed.REMOVE else "#scroll").focus()
        work: WorkType[None] = self._preview
        self.run_worker(work, exclusive=True)

    @on(Input.Submitted)
    def _submitted(self, message: Input.Submitted) -> None:
        message.stop()
        if message.value.strip() != self._change.name:
            self.say(f"That is not {self._change.name}. Nothing was removed.")
        else:
            self._begin()

    def action_save(self) -> None:
        """Make the change; a removal waits for the name."""
        if self._change.deed is not Deed.REMOVE:
            self._begin()

    def _begin(self) -> None:
        if not self._busy and self._outcome is not None:
            self.run_worker(self._save(self._outcome.basis), exclusive=True)

    async def _preview(self) -> None:
        try:
            outcome = await self._operator.preview_provisioner(self._change)
        except HearthError as error:
            self._refused((FieldProblem(field="", text=error.public),))
            return
        if outcome.problems:
            self._refused(outcome.problems)
            return
        if not outcome.diff:
            self.query_one("#diff", Static).update("Nothing in ca.json would be different.")
            return
        self._outcome = outcome
        self.query_one("#diff", Static).update(self._drawn(outcome.diff))

    async def _save(self, basis: str) -> None:
        self._busy = True
        self.say("")
        sheet = self.query_one(".sheet")
        sheet.border_subtitle = "saving, and putting in force …"
        try:
            outcome = await self._operator.change_provisioner(self._change, basis)
        except HearthError as error:
            self._refused((FieldProblem(field="", text=error.public),))
        else:
            if outcome.problems:
                self._refused(outcome.problems)
                return
            done = _DONE[self._change.deed]
            text = f"{GOOD} {printable(self._change.name)} {done}, and that is in force."
            self.app.notify(text, markup=False, timeout=4)
            self.dismiss(result=True)
        finally:
            self._busy = False
            sheet.border_subtitle = self._keys

    def _refused(self, problems: tuple[FieldProblem, ...]) -> None:
        """Say what is wrong: here, where it is with the whole, else beside the fields."""
        self.problems = problems
        if any(each.field for each in problems) and self._change.values:
            self.dismiss(result=False)
            return
        self.query_one("#diff", Static).update("Nothing was changed.")
        self.say(f"{ACT} {'; '.join(printable(each.text) for each in problems)}")

    def _note(self) -> str:
        if self._change.deed is not Deed.REMOVE:
            return _NOTES.get(self._change.deed, "")
        issued = f"The {count(self._issued)} certificates that" if self._issued else "What"
        return (
            f"{issued} it issued can no longer be renewed, and stay valid until their end. To stop"
            " it for a while, switch it off instead (d)."
        )

    def _drawn(self, lines: tuple[str, ...]) -> Text:
        text = Text(no_wrap=True, overflow="ellipsis")
        for line in lines:
            style = self.get_component_rich_style(_SHAPES.get(line[:1], "diff--same"))
            text.append(f"{printable(line)}\n", style)
        text.right_crop(1)
        return text
