"""A screen of the console as SVG: small, line by line, and the same each time and everywhere.

A picture fetches nothing: it takes what monospaced font there is, and says how wide each run of
characters has to be. Whatever is drawn at random (a cursor that blinks) is held still first.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Final
from xml.sax.saxutils import escape

from rich.cells import cell_len
from rich.style import Style
from textual.app import App
from textual.strip import Strip
from textual.widgets import Input, TextArea

FONTS: Final = "ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace"
_WIDTH, _HEIGHT, _BASE = 8.4, 17, 13  # of a cell; the last from its top to where letters stand
_EDGE: Final = 8
_INK, _GROUND = "#d9d4cc", "#15171b"


def hold_still(app: App[Any]) -> None:
    """Show cursors always, as they are shown for half of the time."""
    for field in (*app.screen.query(Input), *app.screen.query(TextArea)):
        field.cursor_blink = False
        field._cursor_visible = True
        field.refresh()


def picture(app: App[Any], title: str) -> str:
    """Draw the screen of a running application."""
    width, height = app.size
    classes: dict[str, str] = {}
    grounds, texts = [], []
    strips = app.screen._compositor.render_strips()
    usual = _usual_ground(strips, width)
    for row, strip in enumerate(strips):
        for column, cells, text, style in _runs(strip, width):
            ink, ground, look = _look(style)
            if ground != usual:
                grounds.append(_ground(column, row, cells, ground))
            for start, word in _words(text):
                name = classes.setdefault(f"fill:{ink}{look}", f"c{len(classes)}")
                texts.append(_text(column + start, row, word, name))
    across, down = width * _WIDTH + 2 * _EDGE, height * _HEIGHT + 2 * _EDGE
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {across:g} {down:g}">',
            f"<title>{escape(title)}</title>",
            f"<style>text{{font:14px {FONTS};white-space:pre}}"
            + "".join(f".{name}{{{rule}}}" for rule, name in classes.items())
            + "</style>",
            f'<rect width="100%" height="100%" rx="8" fill="{usual}"/>',
            f'<g transform="translate({_EDGE},{_EDGE})">',
            *grounds,
            *texts,
            "</g>",
            "</svg>\n",
        )
    )


def _usual_ground(strips: Sequence[Strip], width: int) -> str:
    """Give the ground that most of the screen has."""
    cells: Counter[str] = Counter()
    for strip in strips:
        for _, count, _, style in _runs(strip, width):
            cells[_look(style)[1]] += count
    return cells.most_common(1)[0][0]


def _runs(strip: Strip, width: int) -> Iterator[tuple[int, int, str, Style]]:
    """Give column, cells, text and style of what looks the same."""
    column, text, style = 0, "", Style.null()
    for segment in strip.crop(0, width):
        own = segment.style or Style.null()
        if text and _look(own) != _look(style):
            yield column, cell_len(text), text, style
            column, text = column + cell_len(text), ""
        style = own
        text += segment.text
    if text:
        yield column, cell_len(text), text, style


def _look(style: Style) -> tuple[str, str, str]:
    """Give ink, ground and the rest of a look."""
    ink = style.color.get_truecolor().hex if style.color else _INK
    ground = style.bgcolor.get_truecolor().hex if style.bgcolor else _GROUND
    if style.reverse:
        ink, ground = ground, ink
    rest = ";font-weight:bold" if style.bold else ""
    rest += ";font-style:italic" if style.italic else ""
    rest += ";text-decoration:underline" if style.underline else ""
    return ink, ground, rest + (";opacity:.6" if style.dim else "")


def _words(text: str) -> Iterator[tuple[int, str]]:
    """Give what is not blank, with the cell that it begins in; single blanks stay inside."""
    start = 0
    for part in text.replace("  ", "\0\0").replace("\0 ", "\0\0").split("\0"):
        word = part.strip(" ")
        if word:
            yield start + cell_len(part) - cell_len(part.lstrip(" ")), word
        start += cell_len(part) + 1


def _ground(column: int, row: int, cells: int, ground: str) -> str:
    return (
        f'<rect x="{column * _WIDTH:g}" y="{row * _HEIGHT}" width="{cells * _WIDTH:g}" '
        f'height="{_HEIGHT}" fill="{ground}"/>'
    )


def _text(column: int, row: int, word: str, name: str) -> str:
    return (
        f'<text x="{column * _WIDTH:g}" y="{row * _HEIGHT + _BASE}" '
        f'textLength="{cell_len(word) * _WIDTH:g}" class="{name}">{escape(word)}</text>'
    )
