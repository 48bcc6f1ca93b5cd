"""Would a name be allowed? Answered as one types, by the rules that judge certificates."""

import asyncio
from collections.abc import Callable
from typing import Final

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Input, Label, Static
from textual.worker import WorkType

from appliance.model.errors import HearthError
from appliance.model.provisioners import NameJudgement, ProvisionerChange, Side
from appliance.operator.provisioning import Provisioning
from tui.widgets.cycle import Cycle
from tui.wording import ACT, GOOD, printable

PAUSE: Final = 0.15  # seconds of no key, after which it is asked
_SSH: Final = ("JWK", "OIDC", "X5C", "K8sSA", "Nebula")
_SIDES: Final = (
    (Side.X509, "X.509"),
    (Side.SSH_USER, "SSH user"),
    (Side.SSH_HOST, "SSH host"),
)


def sides_of(kind: str) -> list[tuple[str, str]]:
    """Give what certificates a type grants, and how that is called."""
    return [(str(side), word) for side, word in _SIDES if side is Side.X509 or kind in _SSH]


class NameProbe(Vertical):
    """Names to try, and what becomes of each."""

    DEFAULT_CSS = """
    NameProbe {
        height: auto;
        max-height: 8;
        padding: 0 1;
        border-top: solid $panel;
        .line { height: 1; }
        .line Label { width: 23; color: $foreground; }
        .line Input { width: 1fr; background: $panel; }
        Cycle { width: 38; padding: 0 0 0 1; }
        #allowed { height: auto; max-height: 5; padding: 0 0 0 23; }
        &> .name-probe--good { color: $success; }
        &> .name-probe--act { color: $error; }
    }
    """
    COMPONENT_CLASSES = {"name-probe--good", "name-probe--act"}  # noqa: RUF012 - as Textual has it

    def __init__(
        self, operator: Provisioning, change: Callable[[], ProvisionerChange], kind: str
    ) -> None:
        super().__init__()
        self._operator = operator
        self._change = change
        self._sides = sides_of(kind)

    def compose(self) -> ComposeResult:
        """Ask for names."""
        with Horizontal(classes="line"):
            yield Label("Would it be allowed?")
            yield Input(id="tried", compact=True, placeholder="nas.home.arpa, 192.0.2.7")
            if len(self._sides) > 1:
                yield Cycle(self._sides, self._sides[0][0], id="side")
        yield Static(id="allowed", markup=False)

    @on(Input.Changed)
    @on(Cycle.Changed)
    def _typed(self, message: Input.Changed | Cycle.Changed) -> None:
        message.stop()
        self.look()

    def look(self) -> None:
        """Ask again."""
        work: WorkType[None] = self._judge  # which the next one may replace before it begins
        self.run_worker(work, exclusive=True, group="names")

    async def _judge(self) -> None:
        typed = self.query_one("#tried", Input).value
        names = [each for each in typed.replace(",", " ").split() if each]
        if not names:
            self.query_one("#allowed", Static).update("")
            return
        await asyncio.sleep(PAUSE)
        side = Side(self.query_one("#side", Cycle).value) if self.query("#side") else Side.X509
        try:
            judged = await self._operator.judge_names(self._change(), names, side)
        except HearthError as error:
            self._show(Text(f"{ACT} {printable(error.public)}", self._style("act")))
            return
        text = Text()
        for problem in judged.problems:
            text.append(f"{ACT} {printable(problem.text)}\n", self._style("act"))
        for each in judged.judgements:
            text.append(f"{_said(each)}\n", self._style("good" if each.allowed else "act"))
        text.right_crop(1)
        self._show(text)

    def _show(self, text: Text) -> None:
        self.query_one("#allowed", Static).update(text)

    def _style(self, part: str) -> str:
        return str(self.get_component_rich_style(f"name-probe--{part}"))


def _said(each: NameJudgement) -> str:
    if each.allowed:
        return f"{GOOD} yes  {printable(each.name)}: {printable(each.why)}"
    return f"{ACT} no   {printable(each.name)}: {printable(each.why)}"
