"""What a template makes of an example, as one types."""

from collections.abc import Sequence

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Input

from appliance.model.provisioners import ProvisionerChange, Side
from tui.widgets.probe import Probe
from tui.wording import ACT, LOOK, printable


class TemplateProbe(Probe):
    """Names that an example asks for, and the certificate that it would get."""

    DEFAULT_CSS = """
    TemplateProbe {
        height: 10;
        .line Label { width: 18; }
        VerticalScroll { height: 1fr; scrollbar-size-vertical: 1; }
    }
    """
    question = "Example asks for"

    def field(self) -> Input:
        """Give the field for the names."""
        return Input("nas.home.arpa", id="example", compact=True)

    def compose_answer(self) -> ComposeResult:
        """Give the certificate room to scroll."""
        with VerticalScroll():
            yield from super().compose_answer()

    async def answer(self, change: ProvisionerChange, names: Sequence[str], side: Side) -> Text:
        """Have the template rendered. Raises HearthError."""
        tried = await self._operator.try_template(change, names, side)
        text = Text()
        if tried.problem:
            shape = LOOK if tried.certificate else ACT
            self._add(text, "act", f"{shape} {tried.problem}")
        if tried.certificate:
            self._add(text, "plain", tried.certificate.strip())
        if tried.rendered:
            self._add(text, "title", "What the template makes")
            self._add(text, "plain", tried.rendered)
        return text

    def _add(self, text: Text, part: str, lines: str) -> None:
        style = self.style(part)
        for line in lines.split("\n"):
            text.append(f"{printable(line)}\n", style)
