"""What a change makes of ca.json, shown before it is made."""

from typing import ClassVar, Final

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
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


class SaveConfiguration(ModalScreen[bool]):
    """The difference, then Enter. Gives whether the change was made.

    What is wrong with a field is left in `problems` for whoever asked.
    """

    CSS = """
    SaveConfiguration {
        align: center middle;
        background: $background 60%;
        #frame {
            width: 78;
            max-width: 100%;
            height: auto;
            max-height: 100%;
            background: $surface;
            border: round $primary 60%;
            border-title-color: $primary;
            border-subtitle-color: $foreground 60%;
            padding: 0 1;
        }
        &.-removing #frame { border: round $warning; border-title-color: $warning; }
        #note { height: auto; color: $foreground 80%; margin: 0 0 1 0; }
        #scroll { height: auto; max-height: 65vh; scrollbar-size-vertical: 1; }
        #diff { height: auto; }
        .diff--more { color: $success; }
        .diff--less { color: $error; }
        .diff--place { color: $foreground 45%; }
        .diff--same { color: $foreground 65%; }
        Label { color: $foreground 80%; margin: 1 0 0 0; }
        Input { background: $panel; }
        #problem { color: $error; height: auto; }
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
        super().__init__()
        self._operator = operator
        self._change = change
        self._issued = issued
        self._outcome: ChangeOutcome | None = None
        self._busy = False
        self.problems: tuple[FieldProblem, ...] = ()

    def compose(self) -> ComposeResult:
        """Show the difference, and ask for the name where that is removed."""
        name = printable(self._change.name)
        removing = self._change.deed is Deed.REMOVE
        self.set_class(removing, "-removing")
        with Vertical(id="frame") as frame:
            frame.border_title = _TITLES[self._change.deed].format(name=name)
            frame.border_subtitle = f"Enter {self._change.deed} · Esc back"
            if note := self._note():
                yield Static(note, id="note", markup=False)
            with VerticalScroll(id="scroll"):
                yield Static("looking …", id="diff", markup=False)
            if removing:
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
            self._say(f"That is not {self._change.name}. Nothing was removed.")
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
        self._say("")
        frame = self.query_one("#frame")
        frame.border_subtitle = "saving, and putting in force …"
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
            frame.border_subtitle = f"Enter {self._change.deed} · Esc back"

    def _refused(self, problems: tuple[FieldProblem, ...]) -> None:
        """Say what is wrong: here, where it is with the whole, else beside the fields."""
        self.problems = problems
        if any(each.field for each in problems) and self._change.values:
            self.dismiss(result=False)
            return
        self.query_one("#diff", Static).update("Nothing was changed.")
        self._say(f"{ACT} {'; '.join(printable(each.text) for each in problems)}")

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

    def _say(self, text: str) -> None:
        self.query_one("#problem", Static).update(text)
