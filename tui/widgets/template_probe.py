"""What a template makes of an example, as one types."""

import asyncio
from collections.abc import Callable

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets import Input, Label, Static
from textual.worker import WorkType

from appliance.model.errors import HearthError
from appliance.model.provisioners import ProvisionerChange, Side, TemplateTried
from appliance.operator.provisioning import Provisioning
from tui.widgets.cycle import Cycle
from tui.widgets.name_probe import PAUSE, sides_of
from tui.wording import ACT, LOOK, printable


class TemplateProbe(Vertical):
    """Names that an example asks for, and the certificate that it would get."""

    DEFAULT_CSS = """
    TemplateProbe {
        height: 10;
        padding: 0 1;
        border-top: solid $panel;
        .line { height: 1; }
        .line Label { width: 18; color: $foreground; }
        .line Input { width: 1fr; background: $panel; }
        Cycle { width: 38; padding: 0 0 0 1; }
        VerticalScroll { height: 1fr; scrollbar-size-vertical: 1; }
        #rendered { height: auto; }
        &> .template-probe--plain { color: $foreground 80%; }
        &> .template-probe--title { color: $primary; }
        &> .template-probe--act { color: $error; }
    }
    """
    COMPONENT_CLASSES = {  # noqa: RUF012 - as Textual has it
        "template-probe--plain", "template-probe--title", "template-probe--act",
    }  # fmt: skip

    def __init__(
        self, operator: Provisioning, change: Callable[[], ProvisionerChange], kind: str
    ) -> None:
        super().__init__()
        self._operator = operator
        self._change = change
        self._sides = sides_of(kind)

    def compose(self) -> ComposeResult:
        """Ask for an example, and show what comes of it."""
        with Horizontal(classes="line"):
            yield Label("Example asks for")
            yield Input("nas.home.arpa", id="example", compact=True)
            if len(self._sides) > 1:
                yield Cycle(self._sides, self._sides[0][0], id="example-side")
        with VerticalScroll():
            yield Static(id="rendered", markup=False)

    @on(Input.Changed)
    @on(Cycle.Changed)
    def _typed(self, message: Input.Changed | Cycle.Changed) -> None:
        message.stop()
        self.look()

    def look(self) -> None:
        """Render again."""
        work: WorkType[None] = self._try  # which the next one may replace before it begins
        self.run_worker(work, exclusive=True, group="template")

    async def _try(self) -> None:
        await asyncio.sleep(PAUSE)
        names = self.query_one("#example", Input).value.replace(",", " ").split()
        chosen = self.query("#example-side").results(Cycle)
        side = next((Side(each.value) for each in chosen), Side.X509)
        try:
            tried = await self._operator.try_template(self._change(), names, side)
        except HearthError as error:
            tried = TemplateTried(problem=error.public)
        self.query_one("#rendered", Static).update(self._drawn(tried))

    def _drawn(self, tried: TemplateTried) -> Text:
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
        style = self.get_component_rich_style(f"template-probe--{part}")
        for line in lines.split("\n"):
            text.append(f"{printable(line)}\n", style)
