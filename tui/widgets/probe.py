"""What a provisioner would make of an example, answered as one types."""

import asyncio
from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import ClassVar, Final

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Input, Label, Static
from textual.worker import WorkType

from appliance.model.errors import HearthError
from appliance.model.provisioners import ProvisionerChange, Side
from appliance.operator.provisioning import Provisioning
from tui.widgets.cycle import Cycle
from tui.wording import ACT, printable

_PAUSE: Final = 0.15  # seconds of no key, after which it is asked
_SSH: Final = ("JWK", "OIDC", "X5C", "K8sSA", "Nebula")  # types that grant SSH certificates, too
_SIDES: Final = (
    (Side.X509, "X.509"),
    (Side.SSH_USER, "SSH user"),
    (Side.SSH_HOST, "SSH host"),
)


class Probe(Vertical):
    """A line for names, for which kind of certificate, and what comes of it.

    It tries the change as the form has it at that moment.
    """

    DEFAULT_CSS = """
    Probe {
        padding: 0 1;
        border-top: solid $panel;
        .line { height: 1; }
        .line Label { color: $foreground; }
        .line Input { width: 1fr; background: $panel; }
        Cycle { width: 38; padding: 0 0 0 1; }
        .answer { height: auto; }
        &> .probe--plain { color: $foreground 80%; }
        &> .probe--title { color: $primary; }
        &> .probe--good { color: $success; }
        &> .probe--act { color: $error; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "probe--plain", "probe--title", "probe--good", "probe--act",
    }  # fmt: skip
    question: ClassVar[str]

    def __init__(
        self, operator: Provisioning, change: Callable[[], ProvisionerChange], kind: str
    ) -> None:
        super().__init__()
        self._operator = operator
        self._change = change
        self._sides = [
            (str(side), word) for side, word in _SIDES if side is Side.X509 or kind in _SSH
        ]

    def compose(self) -> ComposeResult:
        """Ask for names; the answer stands below."""
        with Horizontal(classes="line"):
            yield Label(self.question)
            yield self.field()
            if len(self._sides) > 1:
                yield Cycle(self._sides, self._sides[0][0])
        yield from self.compose_answer()

    @abstractmethod
    def field(self) -> Input:
        """Give the field for the names."""

    def compose_answer(self) -> ComposeResult:
        """Give the answer its place."""
        yield Static(classes="answer", markup=False)

    @abstractmethod
    async def answer(self, change: ProvisionerChange, names: Sequence[str], side: Side) -> Text:
        """Ask what comes of the names. Raises HearthError."""

    def style(self, part: str) -> str:
        """Give how a part of an answer looks: plain, title, good or act."""
        return str(self.get_component_rich_style(f"probe--{part}"))

    @on(Input.Changed)
    @on(Cycle.Changed)
    def _typed(self, message: Input.Changed | Cycle.Changed) -> None:
        message.stop()
        self.look()

    def look(self) -> None:
        """Ask again."""
        work: WorkType[None] = self._try  # which the next one may replace before it begins
        self.run_worker(work, exclusive=True)

    async def _try(self) -> None:
        await asyncio.sleep(_PAUSE)
        names = " ".join(each.value for each in self.query(Input)).replace(",", " ").split()
        side = next((Side(each.value) for each in self.query(Cycle)), Side.X509)
        try:
            text = await self.answer(self._change(), names, side)
        except HearthError as error:
            text = Text(f"{ACT} {printable(error.public)}", self.style("act"))
        for place in self.query(".answer").results(Static):  # there is none once it is left
            place.update(text)
