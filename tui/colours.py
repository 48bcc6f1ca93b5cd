"""Drawing with fewer colours than there are: 256, 16 or none.

With 16 or none the ground is the terminal's own, light or dark. What has another ground than the
screen (the line of the cursor, a field) is drawn in reverse; what is quiet is dim; hues become the
nearest of the terminal's, or bold. Words and shapes say the same without any of it.
"""

from colorsys import rgb_to_hsv
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from rich.color import Color as RichColor
from rich.color import ColorSystem
from rich.color_triplet import ColorTriplet
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter

from tui.terminal import Depth, Terminal

if TYPE_CHECKING:
    from textual.app import App

_OTHER_GROUND: Final = 0.05  # of brightness, between two grounds that are told apart
_STRONG_GROUND: Final = 0.3  # as a cursor's in a field
_QUIET: Final = 0.5  # of brightness, between grey ink that stands out and the screen's ground
_QUIET_HUE: Final = 0.35  # the same of ink with a hue
_COLOURED: Final = 0.12  # between the strongest and the weakest part of a colour with a hue
_HUES: Final = ((20, 1), (70, 3), (170, 2), (260, 6), (330, 5), (361, 1))  # degrees, ANSI's number


def suit(app: "App[Any]", terminal: Terminal) -> None:
    """Have an application draw what the terminal can show, whatever this process's own is."""
    app.no_color = False
    app._filters = app._filters[:1]  # noqa: SLF001 - without Textual's grey for NO_COLOR
    # Styles remember their escape sequence, whatever application draws: it must be the same in all.
    app.console._color_system = ColorSystem.TRUECOLOR  # noqa: SLF001
    if terminal.depth is not Depth.TRUE:
        app._filters.append(Fewer(app, terminal.depth))  # noqa: SLF001


class Fewer(LineFilter):
    """Exchanges colours that a terminal does not have."""

    def __init__(self, app: "App[Any]", depth: Depth) -> None:
        super().__init__()
        self._app = app
        self._depth = depth

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Exchange them in a line."""
        depth = self._depth
        if depth is Depth.MANY:
            return [Segment(text, style and _of_256(style), None) for text, style, _ in segments]
        ground = _brightness(Color.parse(self._app.current_theme.background or "black").rgb)
        in_field = any(
            style and _OTHER_GROUND < _lift(style, ground) < _STRONG_GROUND
            for _, style, _ in segments
        )
        return [
            Segment(text, style and _fewer(style, ground, depth, in_field), None)
            for text, style, _ in segments
        ]


def _lift(style: Style, ground: float) -> float:
    """Tell how far its ground is from the screen's."""
    own = style.bgcolor.get_truecolor() if style.bgcolor else None
    return abs(_brightness(own) - ground) if own is not None else 0.0


@lru_cache(4096)
def _of_256(style: Style) -> Style:
    few = ColorSystem.EIGHT_BIT
    ink = style.color and style.color.downgrade(few)
    return style + Style(color=ink, bgcolor=style.bgcolor and style.bgcolor.downgrade(few))


@lru_cache(4096)
def _fewer(style: Style, ground: float, depth: Depth, in_field: bool) -> Style:  # noqa: FBT001
    """Give the style for 16 colours or none, on a screen of this brightness.

    What stands out from a field that is reversed is not: its cursor.
    """
    ink, lift = style.color.get_truecolor() if style.color else None, _lift(style, ground)
    other = lift > _OTHER_GROUND and not (in_field and lift >= _STRONG_GROUND)
    bare = style.without_color
    if other or style.reverse:
        return bare + Style(reverse=other != bool(style.reverse))
    if ink is None:
        return bare
    number = _hue(ink)
    quiet = _QUIET if number is None else _QUIET_HUE
    stands_out = abs(_brightness(ink) - ground) >= quiet
    if number is not None and depth is Depth.FEW:
        return bare + Style(color=RichColor.from_ansi(number), dim=not stands_out)
    return bare + Style(bold=bool(style.bold) or number is not None, dim=not stands_out)


def _brightness(colour: tuple[int, int, int]) -> float:
    red, green, blue = colour
    return (0.299 * red + 0.587 * green + 0.114 * blue) / 255


def _hue(colour: ColorTriplet) -> int | None:
    """Give the number of the nearest of ANSI's hues; None for greys."""
    hue, _, _ = rgb_to_hsv(*(part / 255 for part in colour))
    if max(colour) - min(colour) < _COLOURED * 255:
        return None
    return next(number for below, number in _HUES if hue * 360 < below)
