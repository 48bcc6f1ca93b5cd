"""Questions of a form: each a label and a field, and below it room for what is wrong with it."""

from collections.abc import Iterable, Sequence
from typing import Final

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widget import Widget
from textual.widgets import Label

from appliance.model.founding import Check, Mark
from tui.widgets.findings import Findings

_BESIDE: Final = "beside-"


class Answer(Vertical):
    """One question. Without a field of the checks there is nothing to be said about it."""

    DEFAULT_CSS = """
    Answer {
        height: auto;
        .row { height: auto; }
        .called { width: 18; color: $foreground 60%; }
        .row > Input, .row > Select, .row > TextArea { width: 1fr; background: $panel; }
        .beside { padding: 0 0 0 18; display: none; }
    }
    """

    def __init__(self, label: str, widget: Widget, *, field: str = "") -> None:
        super().__init__()
        self._label = label
        self._widget = widget
        self._field = field

    @property
    def asks(self) -> str:
        """Which field it is about."""
        return self._widget.id or ""

    def call(self, label: str) -> None:
        """Give it another label."""
        self.query_one(".called", Label).update(label)

    def compose(self) -> ComposeResult:
        """Put the label before the field, and the findings below."""
        yield Horizontal(Label(self._label, classes="called"), self._widget, classes="row")
        if self._field:
            yield Findings(id=f"{_BESIDE}{self._field}", classes="beside", markup=False)


def show_checks(form: Widget, checks: Sequence[Check]) -> bool:
    """Show what is wrong beside its field, the rest in `#findings`; give whether nothing is."""
    beside = {each.id: each for each in form.query(".beside").results(Findings)}
    wrong = [each for each in checks if each.mark is Mark.ACT]
    placed = [each for each in wrong if f"{_BESIDE}{each.field}" in beside]
    for name, findings in beside.items():
        findings.show(each for each in placed if f"{_BESIDE}{each.field}" == name)
    form.query_one("#findings", Findings).show(each for each in checks if each not in placed)
    return not wrong


def focus_wrong(form: Widget, checks: Iterable[Check]) -> None:
    """Go to the first field that is wrong."""
    for each in checks:
        found = form.query(f"#{each.field}") if each.field and each.mark is Mark.ACT else None
        if found:
            found.first().focus()
            break


def looks(checks: Iterable[Check]) -> set[str]:
    """Give what is unwise, in words: after it was seen, a person may go on."""
    return {each.text for each in checks if each.mark is Mark.LOOK}
