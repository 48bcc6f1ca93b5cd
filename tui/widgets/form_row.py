"""A field of a provisioner's form: its name, where it is typed, what holds, and what is wrong."""

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Label, Static, TextArea

from appliance.model.provisioners import FieldKind, FieldProblem, FormField
from tui.widgets.cycle import Cycle
from tui.wording import ACT, printable

YES, NO, INHERITED = "yes", "no", ""


class FormRow(Vertical):
    """One field."""

    DEFAULT_CSS = """
    FormRow {
        height: auto;
        .line { height: auto; }
        .called { width: 23; color: $foreground 65%; }
        .called.-needed { color: $foreground; }
        .holds { width: 24; padding: 0 0 0 1; color: $foreground 50%; }
        Input { width: 1fr; background: $panel; }
        TextArea {
            width: 1fr;
            height: 7;
            border: none;
            padding: 0 1;
            background: $panel;
            &:focus { border: none; }
        }
        .below { padding: 0 0 0 23; display: none; height: auto; }
        &.-long .line { layout: vertical; }
        &.-here .below, &.-wrong .below { display: block; }
        &> .form-row--hint { color: $foreground 50%; }
        &> .form-row--wrong { color: $error; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"form-row--hint", "form-row--wrong"}

    class Changed(Message):
        """Something else is in the field."""

        def __init__(self, row: "FormRow", value: str) -> None:
            super().__init__()
            self.row = row
            self.value = value

    def __init__(self, field: FormField) -> None:
        super().__init__(id=f"row-{field.name}")
        self.field = field
        self._widget = _widget(field)
        self._holds = Label(classes="holds", markup=False)
        self._below = Static(classes="below", markup=False)  # made when something is to be said
        self._problem = ""
        self.set_class(field.kind is FieldKind.LONG, "-long")

    def compose(self) -> ComposeResult:
        """Put the label before the field, and what is said about it beside and below."""
        needed = "*" if self.field.needed else ""
        called = Label(f"{self.field.label}{needed}", classes="called", markup=False)
        called.set_class(self.field.needed, "-needed")
        with Horizontal(classes="line"):
            yield called
            yield self._widget
            if self.field.inherited and self.field.kind is not FieldKind.LONG:
                yield self._holds

    def on_mount(self) -> None:
        """Say what holds."""
        self._show_state(self.value)

    @property
    def value(self) -> str:
        """What is in the field."""
        if isinstance(self._widget, TextArea):
            return self._widget.text
        return self._widget.value

    def show(self, value: str) -> None:
        """Put something into the field."""
        if isinstance(self._widget, TextArea):
            self._widget.text = value
        else:
            self._widget.value = value
        self._show_state(value)

    def complain(self, problem: FieldProblem | None) -> None:
        """Say what is wrong, or nothing."""
        text = f"{ACT} {printable(problem.text)}" if problem else ""
        if text != self._problem:
            self._problem = text
            self.set_class(bool(text), "-wrong")
            self._say()

    def take_focus(self) -> None:
        """Let it be typed into."""
        self._widget.focus()

    def on_descendant_focus(self) -> None:
        """Say what belongs there."""
        self.add_class("-here")
        self._say()

    def on_descendant_blur(self) -> None:
        """Say it no more."""
        self.remove_class("-here")
        self._say()

    def on_input_changed(self, message: Input.Changed) -> None:
        """Tell what was typed."""
        message.stop()
        self._tell(message.value)

    def on_text_area_changed(self, message: TextArea.Changed) -> None:
        """Tell what was typed."""
        message.stop()
        self._tell(message.text_area.text)

    def on_cycle_changed(self, message: Cycle.Changed) -> None:
        """Tell what was chosen."""
        message.stop()
        self._tell(message.cycle.value)

    def _tell(self, value: str) -> None:
        self._show_state(value)
        self.post_message(self.Changed(self, value))

    def _say(self) -> None:
        """Write what stands below: what belongs there, and what is wrong."""
        hint = _hint(self.field) if self.has_class("-here") else ""
        if not self._below.is_attached:
            if not hint and not self._problem:
                return
            self.mount(self._below)
        text = Text(hint, self.get_component_rich_style("form-row--hint"))
        if self._problem:
            text += Text("\n" if hint else "")
            text += Text(self._problem, self.get_component_rich_style("form-row--wrong"))
        self._below.update(text)

    def _show_state(self, value: str) -> None:
        """Say whether it is inherited or set here."""
        above = self.field.inherited
        if not above:
            return
        text = f"inherited  {above}" if not value.strip() else f"set here ({above} above)"
        self._holds.update(Text(text, no_wrap=True))


def _hint(field: FormField) -> str:
    choices = f" One of: {', '.join(field.choices)}." if field.choices else ""
    how = {
        FieldKind.LIST: " Apart by commas.",
        FieldKind.FILE: " The name of a file on this machine.",
    }.get(field.kind, "")
    return f"{field.hint}{choices}{how}".strip()


def _widget(field: FormField) -> "Input | TextArea | Cycle":
    name = f"field-{field.name}"
    match field.kind:
        case FieldKind.SWITCH:
            return Cycle([(NO, NO), (YES, YES)], field.value or NO, id=name)
        case FieldKind.CLAIM:
            return Cycle([(INHERITED, "inherited"), (YES, YES), (NO, NO)], field.value, id=name)
        case FieldKind.LONG:
            return TextArea(field.value, id=name, compact=True, tab_behavior="focus")
        case FieldKind.SECRET:
            shown = "set; type another one to change it" if field.value else ""
            return Input(id=name, password=True, compact=True, placeholder=shown)
        case _:
            return Input(field.value, id=name, compact=True)


def rows_of(root: Widget) -> dict[str, FormRow]:
    """Give the rows below a widget, by the names of their fields."""
    return {row.field.name: row for row in root.query(FormRow)}
