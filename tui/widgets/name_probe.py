"""Would a name be allowed? Answered as one types, by the rules that judge certificates."""

from collections.abc import Sequence

from rich.text import Text
from textual.widgets import Input

from appliance.model.provisioners import NameJudgement, ProvisionerChange, Side
from tui.widgets.probe import Probe
from tui.wording import ACT, GOOD, printable


class NameProbe(Probe):
    """Names to try, and what becomes of each."""

    DEFAULT_CSS = """
    NameProbe {
        height: auto;
        max-height: 8;
        .line Label { width: 23; }
        .answer { max-height: 5; padding: 0 0 0 23; }
    }
    """
    question = "Would it be allowed?"

    def field(self) -> Input:
        """Give the field for the names."""
        return Input(id="tried", compact=True, placeholder="nas.home.arpa, 192.0.2.7")

    async def answer(self, change: ProvisionerChange, names: Sequence[str], side: Side) -> Text:
        """Have each name judged. Raises HearthError."""
        text = Text()
        if not names:
            return text
        judged = await self._operator.judge_names(change, names, side)
        for problem in judged.problems:
            text.append(f"{ACT} {printable(problem.text)}\n", self.style("act"))
        for each in judged.judgements:
            text.append(f"{_said(each)}\n", self.style("good" if each.allowed else "act"))
        text.right_crop(1)
        return text


def _said(each: NameJudgement) -> str:
    if each.allowed:
        return f"{GOOD} yes  {printable(each.name)}: {printable(each.why)}"
    return f"{ACT} no   {printable(each.name)}: {printable(each.why)}"
