"""What to keep of a CA that was made: fingerprint, recovery sheet, how it starts."""

from collections.abc import Iterable, Sequence
from typing import ClassVar, Final, final

from rich.text import Text
from textual.containers import Horizontal, Vertical
from textual.widget import Widget
from textual.widgets import Static

from appliance.model.founding import Founded, Topic
from tui.screens.wizard.page import Page

_HALVES: Final = {
    (False, False): " ",
    (True, False): "▀",
    (False, True): "▄",
    (True, True): "█",
}
_NOW: Final = "Enter starts it now."
_WORDS: Final = 5  # a line


@final
class SheetPage(Page):
    """The eighth step."""

    TOPIC = Topic.SHEET
    WHY: ClassVar[str] = (
        "Who installs the root on another machine compares this fingerprint: in hexadecimal, as "
        "words read aloud over the telephone, or by a camera. The words are those of SLIP-39, ten "
        "bits each. The recovery sheet says what is where and how to get it back; it has no "
        "secret. Print it, or copy it to another machine, and put it with your written passwords."
    )
    DEFAULT_CSS = """
    SheetPage {
        #code { width: auto; height: auto; margin: 0 0 0 2; }
        #facts { width: 1fr; height: auto; }
        #both { height: auto; }
    }
    """

    def fields(self) -> Iterable[Widget]:
        """Put the words at the left, the code at the right."""
        founded = self.wizard.founded
        if founded is None:
            return
        with_code = Static(drawn(founded.code), id="code")
        yield Horizontal(
            Vertical(Static(_facts(founded), markup=False), id="facts"), with_code, id="both"
        )

    def action_next(self) -> None:
        """Go on to the running CA."""
        self.wizard.exit(self.wizard.founded)

    def action_back(self) -> None:
        """Stay: what was made is made."""
        self.notify("It is made. Enter starts it.")

    def action_leave(self) -> None:
        """Leave without starting it."""
        self.wizard.exit(None)


def drawn(code: Sequence[Sequence[bool]]) -> Text:
    """Draw a code with half blocks, dark on light whatever the theme."""
    rows = [list(row) for row in code]
    if len(rows) % 2:
        rows.append([False] * len(rows[0]))
    lines = (
        "".join(_HALVES[upper, lower] for upper, lower in zip(*pair, strict=True))
        for pair in zip(rows[::2], rows[1::2], strict=True)
    )
    return Text("\n".join(lines), style="#000000 on #ffffff")


def _facts(founded: Founded) -> str:
    parts = [founded.fingerprint[at : at + 4] for at in range(0, len(founded.fingerprint), 4)]
    numbers = [" ".join(parts[at : at + 8]) for at in range(0, len(parts), 8)]
    words = [
        " ".join(founded.words[at : at + _WORDS]) for at in range(0, len(founded.words), _WORDS)
    ]
    return "\n".join(
        [
            f"● {founded.name} is made.",
            "",
            "Fingerprint of the root:",
            *numbers,
            "",
            *words,
            "",
            "Recovery sheet, to print:",
            founded.sheet,
            "It starts at boot; to see it:" if founded.is_service else "From now on it starts by:",
            founded.start,
            "",
            "Enter makes the service, and starts it." if founded.is_service else _NOW,
        ]
    )
