"""Fewer colours than there are: the same words and shapes, and nothing that only colour says."""

import pytest
from rich.segment import Segment
from rich.style import Style
from textual.app import App
from textual.color import Color

from tui.colours import Fewer
from tui.terminal import Depth, Terminal, terminal_of
from tui.theme import EMBER

GROUND, PANEL, INK, QUIET = "#15171b", "#25292f", "#d9d4cc", "#77757a"


def exchanged(depth: Depth, *styles: str) -> list[Style]:
    app: App[None] = App()
    app.register_theme(EMBER)
    app.theme = EMBER.name
    segments = [Segment("x", Style.parse(style)) for style in styles]
    changed = Fewer(app, depth).apply(segments, Color.parse(GROUND))
    return [segment.style or Style.null() for segment in changed]


@pytest.mark.parametrize(
    ("environment", "terminal"),
    [
        ({"TERM": "xterm-256color", "COLORTERM": "truecolor"}, Terminal()),
        ({"TERM": "tmux-256color"}, Terminal(depth=Depth.MANY)),
        ({"TERM": "screen"}, Terminal(depth=Depth.FEW)),
        ({"TERM": "linux"}, Terminal(depth=Depth.FEW, mouse=False, plain=True)),
        ({"TERM": "vt220"}, Terminal(depth=Depth.NONE, mouse=False, plain=True)),
        ({"TERM": "xterm-mono", "NO_COLOR": ""}, Terminal(depth=Depth.FEW)),
        ({"TERM": "xterm-direct", "NO_COLOR": "1"}, Terminal(depth=Depth.NONE)),
        ({}, Terminal(depth=Depth.FEW)),
    ],
    ids=str,
)
def test_a_terminal_is_known_by_its_environment(
    environment: dict[str, str], terminal: Terminal
) -> None:
    assert terminal_of(environment) == terminal


def test_without_colours_only_attributes_are_left() -> None:
    quiet, plain, good, line = exchanged(
        Depth.NONE, f"{QUIET} on {GROUND}", f"{INK} on {GROUND}",
        f"#93b97c on {GROUND}", f"{INK} on {PANEL}",
    )  # fmt: skip
    assert all(style.color is style.bgcolor is None for style in (quiet, plain, good, line))
    assert (quiet.dim, plain.dim, good.bold, line.reverse) == (True, False, True, True)


def test_with_sixteen_hues_stay_and_grounds_are_the_terminals_own() -> None:
    good, look, act, rule = exchanged(
        Depth.FEW, f"#93b97c on {GROUND}", f"#e2b65d on {GROUND}",
        f"#df7166 on {GROUND}", f"{PANEL} on {GROUND}",
    )  # fmt: skip
    assert [style.color.number for style in (good, look, act) if style.color] == [2, 3, 1]
    assert not any(style.dim for style in (good, look, act))
    assert (rule.color, rule.dim) == (None, True)
    assert good.bgcolor is None


@pytest.mark.parametrize("depth", [Depth.FEW, Depth.NONE])
def test_a_cursor_is_seen_in_a_field(depth: Depth) -> None:
    before, cursor, after = exchanged(
        depth, f"{INK} on {PANEL}", f"{GROUND} on #e3a76f", f"{INK} on {PANEL}"
    )
    assert (before.reverse, bool(cursor.reverse), after.reverse) == (True, False, True)
    (option,) = exchanged(depth, f"{GROUND} on #e3a76f")
    assert option.reverse
