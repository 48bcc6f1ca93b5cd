"""The way from one intermediate to the next: what can be done now, what is done by command."""

from datetime import tzinfo
from functools import partial
from typing import ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Footer, Rule, Static

from appliance.model.signing_keys import IssuerChange, IssuerStep
from appliance.operator.interface import Operator
from tui.columns import Column
from tui.screens.typed import Typed
from tui.screens.watched import SHAPES, Below
from tui.widgets.line_list import LineList
from tui.widgets.row_list import Row, RowList
from tui.widgets.sheet import Field, Section
from tui.wording import printable

_WORDS: Final = {
    IssuerChange.CREATE: "make the next",
    IssuerChange.ACTIVATE: "activate",
    IssuerChange.RETIRE: "retire",
    IssuerChange.REMOVE: "remove",
}
_HELP: Final = (
    Section(
        title="From one intermediate to the next",
        text=(
            "A new one is made and signed by the root, which is done by command where the root's"
            " key is. It stands by, published with the others, so that clients know it. Activated,"
            " it issues; the one before it retires, and renews what it issued with the chain that"
            " clients have. When all of that has ended it is retired, and then removed."
        ),
    ),
    Section(
        title="Keys",
        fields=(
            Field(name="Enter", value="take the step: ca.json is changed and put in force"),
            Field(name="c", value="copy the command, where the terminal allows it"),
            Field(name="Esc", value="back to the keys"),
        ),
    ),
)


class Succession(Below):
    """The steps, the one that is due first."""

    AUTO_FOCUS = "RowList"
    name_shown = "Next intermediate"
    help = _HELP
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("c", "copy", "copy the command"),
    ]

    def __init__(self, operator: Operator, *, zone: tzinfo | None, pause: float) -> None:
        super().__init__(operator, zone=zone, pause=pause)
        self._list = RowList(
            Column(title="", width=10),
            Column(title="step", width=14),
            Column(title="intermediate", width=0),
            Column(title="how", width=14),
        )
        self._steps: tuple[IssuerStep, ...] = ()

    def compose(self) -> ComposeResult:
        """The list, and what the step under the cursor is."""
        yield Static(classes="head")
        yield Rule()
        yield self._list
        yield Rule()
        yield Static(id="step", classes="note")
        yield Footer(compact=True, show_command_palette=False)

    async def look(self) -> None:
        """Ask for the steps."""
        self._steps = tuple((await self._operator.keys()).steps)
        self._list.show([_row(step) for step in self._steps])
        due = [step for step in self._steps if step.due]
        part, text = ("look", "a step is due") if due else ("good", "nothing is due")
        self.head("Keys · the next intermediate", part, text)
        self._tell()

    def action_copy(self) -> None:
        """Put the command into the clipboard."""
        if self._steps:
            self.app.copy_to_clipboard(self._steps[self._list.cursor].command)
            self.notify("The command is in the clipboard, where the terminal allows it.", timeout=3)

    @on(LineList.Moved)
    def _tell(self) -> None:
        if not self._steps:
            return
        step = self._steps[min(self._list.cursor, len(self._steps) - 1)]
        how = "Enter does it here, and so does" if step.here else "On the box, type"
        text = f"{printable(step.text)}\n\n{how}:\n\n{printable(step.command)}\n"
        self.put("#step", text)

    @on(LineList.Opened)
    def _open(self, message: LineList.Opened) -> None:
        step = self._steps[message.place]
        if not step.here:
            self.notify(
                "This step is taken by the command below: the root's key has to sign.", timeout=6
            )
            return
        word = _WORDS[step.change]
        self.app.push_screen(
            Typed(
                f"{word[0].upper()}{word[1:]} {step.issuer}?",
                step.text,
                step.issuer,
                word,
                partial(self._operator.change_issuer, step.change, step.issuer),
            ),
            self._taken,
        )

    def _taken(self, done: bool | None) -> None:  # noqa: FBT001 - what Textual calls it with
        if done:
            self.notify("Done, and in force.", timeout=4)
            self.look_now()


def _row(step: IssuerStep) -> Row:
    part = "look" if step.due else "plain"
    return Row(
        key=f"{step.change} {step.issuer}",
        part=part,
        cells=(
            f"{SHAPES[part]} {'due now' if step.due else 'can be'}",
            _WORDS[step.change],
            printable(step.issuer),
            "here" if step.here else "by a command",
        ),
    )
