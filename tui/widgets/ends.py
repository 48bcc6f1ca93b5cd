"""A line with something at its left end and something at its right."""

from rich.cells import cell_len
from rich.text import Text


def ends(left: Text, right: Text, width: int) -> Text:
    """Put both into so many cells; where they meet, the left one is cut."""
    room = width - cell_len(right.plain) - (2 if right.plain else 0)
    line = left.copy()
    line.truncate(max(0, room), overflow="ellipsis")
    line.append(" " * max(0, width - cell_len(line.plain) - cell_len(right.plain)))
    line.append_text(right)
    line.truncate(width)
    line.no_wrap = True
    return line
