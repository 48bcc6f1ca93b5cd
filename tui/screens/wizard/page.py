"""What all steps of the first run share: a title, a body, findings, and the way on and back."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar, Final, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Footer, Label, Rule, Static
from textual.worker import WorkType

from appliance.model.errors import HearthError
from appliance.model.founding import TITLES, Check, Draft, Mark, Topic
from tui.screens.help import Help
from tui.widgets.answers import Answer, focus_wrong, looks, show_checks
from tui.widgets.findings import Findings
from tui.widgets.sheet import Field, Section

if TYPE_CHECKING:
    from tui.wizard import Wizard

STEPS: Final = len(Topic) + 1  # the first certificate is issued by the running CA
_KEYS: Final = Section(
    title="Keys",
    fields=(
        Field(name="Enter", value="look at the answers, and go on"),
        Field(name="Tab", value="the next field; Shift+Tab the one before"),
        Field(name="↑ ↓ space", value="move among choices, and choose"),
        Field(name="Esc", value="back to the step before"),
        Field(name="Ctrl+S", value="leave: the answers are kept, `hearth` takes them up again"),
    ),
)


class Page(Screen[None]):
    """One step. What can be answered is in a draft; nothing is made before the last step."""

    TOPIC: ClassVar[Topic]
    INTRODUCTION: ClassVar[str] = ""
    WHY: ClassVar[str] = ""

    DEFAULT_CSS = """
    Page {
        background: $background;
        #title { height: 1; padding: 0 2; color: $primary; }
        #title Label { width: auto; }
        #title .gap { width: 1fr; }
        Rule.-horizontal { color: $panel; margin: 0; }
        #body { height: 1fr; padding: 0 2; scrollbar-size-vertical: 1; }
        #introduction { height: auto; color: $foreground 75%; margin: 0 0 1 0; }
        .quiet { color: $foreground 60%; height: auto; }
        #findings { margin: 1 0 0 0; display: none; }
        #hint { height: auto; color: $foreground 60%; display: none; }
        Footer { padding: 0 1; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "enter", "next", priority=True),
        Binding("escape", "back", "back"),
        Binding("f1", "help", "why, and keys"),
        Binding("ctrl+s", "leave", "leave, resume later"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._seen: set[str] = set()
        self._findings = Findings(id="findings", markup=False)
        self._hint = Static(id="hint", markup=False)

    @property
    def wizard(self) -> "Wizard":
        """The application."""
        return cast("Wizard", self.app)

    def compose(self) -> ComposeResult:
        """Put the title over the body."""
        number = tuple(Topic).index(self.TOPIC) + 1
        with Horizontal(id="title"):
            yield Label("Set up Hearth")
            yield Label(classes="gap")
            yield Label(f"{number} of {STEPS}   {TITLES[self.TOPIC]}", id="where")
        yield Rule()
        with VerticalScroll(id="body", can_focus=False):
            if self.INTRODUCTION:
                yield Static(self.INTRODUCTION, id="introduction", markup=False)
            yield from self.fields()
            yield self._findings
            yield self._hint
        yield Rule()
        yield Footer(show_command_palette=False)

    def fields(self) -> Iterable[Widget]:
        """Give the widgets of the body."""
        return ()

    def row(self, label: str, widget: Widget, *, field: str = "") -> Iterable[Widget]:
        """Put a label before a widget, and room for what is wrong with it below."""
        yield Answer(label, widget, field=field)

    def on_mount(self) -> None:
        """Look at the answers as they are."""
        if self.wizard.notice:
            self.hint(self.wizard.notice)
            self.wizard.notice = ""
        self.begin(self.look, "look")

    def begin(self, task: WorkType[object], group: str) -> None:
        """Do something in the background, in the place of what the group does."""
        self.run_worker(task, group=group, exclusive=True)

    def collect(self, draft: Draft) -> Draft:
        """Give the draft with the answers of this step."""
        return draft

    def own_checks(self) -> Sequence[Check]:
        """Judge what is not in the draft."""
        return ()

    async def look(self) -> bool:
        """Show what is found about the answers; give whether they will do."""
        checks = await self._judged(self.collect(self.wizard.draft))
        self._seen |= looks(checks)
        return self._show(checks)

    def action_enter(self) -> None:
        """Go on after the keys that are still on their way to the field."""
        (self.focused or self).call_later(self.action_next)

    def action_next(self) -> None:
        """Go on, if the answers will do."""
        self.begin(self._next, "next")

    def action_back(self) -> None:
        """Go to the step before."""
        self.wizard.back(self.TOPIC, self.collect(self.wizard.draft))

    def action_leave(self) -> None:
        """Leave; the answers are kept."""
        self.begin(self._leave, "next")

    def action_help(self) -> None:
        """Explain this step."""
        why = (Section(title="Why", text=self.WHY),) if self.WHY else ()
        self.app.push_screen(Help(TITLES[self.TOPIC], (*why, _KEYS)))

    def complain(self, text: str) -> None:
        """Say what went wrong."""
        self._show([Check(mark=Mark.ACT, text=text)])

    def hint(self, text: str) -> None:
        """Say what can be done now."""
        self._hint.update(text)
        self._hint.display = bool(text)
        if text:
            self.call_after_refresh(self._hint.scroll_visible)

    async def _next(self) -> None:
        draft = self.collect(self.wizard.draft)
        checks = await self._judged(draft)
        new = looks(checks) - self._seen
        self._seen |= new
        if not self._show(checks):
            focus_wrong(self, checks)
            return
        self.hint("Enter goes on all the same." if new else "")
        if new:
            return
        await self._go_on(draft)

    async def _go_on(self, draft: Draft) -> None:
        try:
            await self.wizard.advance(self.TOPIC, draft)
        except HearthError as error:
            self.complain(error.public)

    async def _leave(self) -> None:
        try:
            await self.wizard.leave(self.TOPIC, self.collect(self.wizard.draft))
        except HearthError as error:
            self.complain(error.public)

    async def _judged(self, draft: Draft) -> Sequence[Check]:
        try:
            return [*self.own_checks(), *await self.wizard.founding.judge(self.TOPIC, draft)]
        except HearthError as error:
            return [Check(mark=Mark.ACT, text=error.public)]

    def _show(self, checks: Sequence[Check]) -> bool:
        return show_checks(self, checks)
