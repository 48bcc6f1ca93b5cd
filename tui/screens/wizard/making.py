"""All answers once more; then the CA is made, step by step, a person at hand for questions."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from typing import ClassVar, Final, final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widget import Widget
from textual.widgets import Input, Static

from appliance.model.ceremony import StepState
from appliance.model.errors import HearthError
from appliance.model.founding import (
    Began,
    Draft,
    Founded,
    Question,
    QuestionKind,
    Told,
    Topic,
    Unlock,
)
from appliance.model.secret import Password
from tui.screens.wizard.page import Page
from tui.wording import printable

_TYPED: Final = (QuestionKind.RETYPE, QuestionKind.DICTATE)
_HOW: Final = {
    QuestionKind.AGREE: "y yes · n no",
    QuestionKind.WAIT: "Enter when it is done",
    QuestionKind.SHOW: "Enter when this is written down; it is not shown again",
    QuestionKind.RETYPE: "type it from where it is written down, then Enter",
    QuestionKind.DICTATE: "type the words, then Enter",
}
_OPENED: Final = {
    Unlock.ASK: "you, at each start",
    Unlock.FILE: "a file",
    Unlock.SEALED: "a file sealed to this machine",
}
_SHAPES: Final = {
    StepState.DONE: "●",
    StepState.UNDER_WAY: "◐",
    StepState.AHEAD: "○",
    StepState.LEFT_OUT: "-",
}


@final
class MakingPage(Page):
    """The seventh step."""

    TOPIC = Topic.MAKING
    WHY: ClassVar[str] = (
        "The keys are made where they live, root and intermediate are signed, every key is tried, "
        "and the configuration and a recovery sheet are written. Each thing that is done is "
        "written down at once: whatever interrupts it, `hearth` goes on from there, or undoes it."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "agree(True)", "yes", show=False),
        Binding("n", "agree(False)", "no", show=False),
        Binding("u", "undo", "undo", show=False),
    ]
    DEFAULT_CSS = """
    MakingPage {
        #summary { height: auto; }
        #course { height: auto; display: none; }
        #steps { color: $primary; height: 1; }
        #told { height: auto; color: $foreground 75%; }
        #question { height: auto; margin: 1 0 0 0; color: $warning; display: none; }
        #secrets { height: auto; margin: 1 0; display: none; }
        #given { background: $panel; display: none; }
        #how { height: auto; color: $foreground 60%; display: none; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._question: Question | None = None
        self._lines: list[str] = []
        self._making = False

    def fields(self) -> Iterable[Widget]:
        """Show the answers; their place is taken by what is done."""
        yield Static(self._summary(), id="summary", markup=False)
        yield Course(id="course")

    async def look(self) -> bool:
        """Say whether something was interrupted."""
        stopped = self.wizard.progress.stopped_at
        if stopped:
            self.hint(f"It was interrupted at: {stopped}. Enter goes on, u undoes what was made.")
        else:
            self.hint("Enter makes it.")
        return True

    def action_next(self) -> None:
        """Begin, or answer."""
        if self._question is not None:
            if self._question.kind in (QuestionKind.WAIT, QuestionKind.SHOW):
                self._answer(given=True)
            elif typed := self.query_one("#given", Input).value:
                self._answer(given=typed)
        elif not self._making:
            self.begin(self._make, "make")

    def action_agree(self, given: bool) -> None:  # noqa: FBT001 - the answer
        """Answer yes or no."""
        if self._question is not None and self._question.kind is QuestionKind.AGREE:
            self._answer(given=given)

    def action_back(self) -> None:
        """Go back, while there is nothing yet to go back behind."""
        if self._making:
            self.notify("It is under way. Ctrl+S leaves; `hearth` takes it up again.")
        elif self.wizard.progress.stopped_at:
            self.notify("Part of it is made: Enter goes on, u undoes it, Ctrl+S leaves.")
        else:
            super().action_back()

    def action_undo(self) -> None:
        """Undo what was interrupted."""
        if self.wizard.progress.stopped_at and not self._making:
            self.begin(self._undo, "make")

    async def _make(self) -> None:
        self._making = True
        self.hint("")
        self._findings.display = False
        self.query_one("#summary").display = False
        self.query_one("#course").display = True
        hearing = asyncio.create_task(self._hear())
        founded: Founded | None = None
        try:
            await self.wizard.founding.keep(self.wizard.draft, Topic.MAKING)
            founded = await self.wizard.founding.make(self.wizard.draft, self.wizard.passwords)
        except HearthError as error:
            self._making = False
            await self._failed(error)
        finally:
            self._making = False
            hearing.cancel()
            with suppress(asyncio.CancelledError, HearthError):
                await hearing
            self._forget_question()
        if founded is not None:
            self.wizard.founded = founded
            self.wizard.go(Topic.SHEET)

    async def _failed(self, error: HearthError) -> None:
        self.complain(error.public)
        self.wizard.progress = await self.wizard.founding.begin()
        self.hint(
            "Enter tries again, u undoes what was made, Ctrl+S leaves."
            if self.wizard.progress.stopped_at
            else "Nothing was made. Enter tries again, Esc goes back."
        )

    async def _undo(self) -> None:
        try:
            left = await self.wizard.founding.undo()
            self.wizard.progress = await self.wizard.founding.begin()
        except HearthError as error:
            self.complain(error.public)
            return
        self.wizard.notice = "; ".join(left) or "What was made is gone. The answers are kept."
        self.wizard.go(Topic.NAME)

    async def _hear(self) -> None:
        while True:
            match await self.wizard.founding.hear():
                case Began() as began:
                    self._show_step(began)
                case Told(text=text):
                    self._tell(text)
                case Question() as question:
                    self._ask(question)

    # ---- what is shown

    def _show_step(self, began: Began) -> None:
        shapes = "".join(_SHAPES[each.state] for each in began.stages)
        number = began.stages.index(began.current) + 1
        line = f"{shapes}  {number} of {len(began.stages)}: {began.current.title}"
        self.query_one("#steps", Static).update(line)

    def _tell(self, text: str) -> None:
        self._lines.append(printable(text))
        self.query_one("#told", Static).update("\n".join(f"  {line}" for line in self._lines[-8:]))

    def _ask(self, question: Question) -> None:
        self._question = question
        text = question.text if question.kind not in _TYPED else f"The {question.text}"
        end = "?" if question.kind is QuestionKind.AGREE else "."
        self._put("#question", printable(text).rstrip(".:?") + end)
        self._put("#how", _HOW[question.kind])
        self._put("#secrets", "\n".join(_secret(*each) for each in question.secrets.items()))
        field = self.query_one("#given", Input)
        field.display = question.kind in _TYPED
        field.disabled = not field.display
        field.password = question.kind is QuestionKind.RETYPE
        if field.display:
            field.focus()
        self.call_after_refresh(self.query_one("#how").scroll_visible)

    def _answer(self, *, given: bool | str) -> None:
        question = self._question
        if question is None:
            return
        self._forget_question()
        secret = question.kind is QuestionKind.RETYPE
        answer = Password(str(given).encode()) if secret else given
        self.begin(partial(self.wizard.founding.answer, answer), "answer")

    def _forget_question(self) -> None:
        """Take it away, and whatever was secret in it."""
        self._question = None
        if not self.query("#given"):  # the page has gone
            return
        for name in ("#question", "#how", "#secrets"):
            self._put(name, "")
        field = self.query_one("#given", Input)
        field.value = ""
        field.display = False
        field.disabled = True

    def _put(self, name: str, text: str) -> None:
        widget = self.query_one(name, Static)
        widget.update(text)
        widget.display = bool(text)

    def _summary(self) -> str:
        draft = self.wizard.draft
        lines = [f"{name:<14}{printable(value)}" for name, value in _answers(draft)]
        return "\n".join([*lines, "", f"It is written to {self.wizard.progress.directory}."])


class Course(Vertical):
    """What is done, and what is asked."""

    def compose(self) -> ComposeResult:
        """Put one below the other."""
        yield Static(id="steps", markup=False)
        yield Static(id="told", markup=False)
        yield Static(id="question", markup=False)
        yield Static(id="secrets", markup=False)
        yield Input(id="given", compact=True, disabled=True)
        yield Static(id="how", markup=False)


def _answers(draft: Draft) -> Iterable[tuple[str, str]]:
    yield "Name", draft.name
    yield "Found at", draft.dns_names
    yield "Listens on", draft.address
    yield "Intermediate", draft.keys_at or "encrypted file in this box"
    yield "Root", draft.root_at or "encrypted file in this box"
    services = (
        (draft.acme, "ACME"),
        (draft.ssh, "SSH"),
        (draft.published, f"CRL and OCSP on {draft.insecure_address}"),
    )
    yield "Serves", ", ".join(name for wanted, name in services if wanted) or "tokens only"
    yield "Provisioner", draft.provisioner
    yield "Starts", "at boot, as a service" if draft.service else "by hand"
    yield "Opened by", _OPENED[draft.unlock]


def _secret(name: str, text: str) -> str:
    return f"  {name}:\n      {text}" if name else text
