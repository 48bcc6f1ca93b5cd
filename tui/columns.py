"""Which columns a row of the live view has, for a width: what must be seen first stays longest."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from appliance.model.events import Event, EventKind
from tui import wording

GAP: Final = 2  # cells between columns
_SUBJECT_LEAST: Final = 14
_SUBJECT_AMPLE: Final = 24  # what it has before columns come that can be missed


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column. `width` 0 takes what the others leave."""

    title: str
    width: int
    right: bool = False

    def fit(self, text: str, width: int) -> str:
        """Bring a cell's text to the width."""
        return wording.fit_right(text, width) if self.right else wording.fit(text, width)


TIME: Final = Column(title="time", width=8)
WHAT: Final = Column(title="what", width=9)
SUBJECT: Final = Column(title="subject", width=0)
PROVISIONER: Final = Column(title="provisioner", width=13)
CLIENT: Final = Column(title="client", width=15)
SERIAL: Final = Column(title="serial", width=9)
VALID: Final = Column(title="valid", width=6, right=True)
TOOK: Final = Column(title="took", width=7, right=True)

# From the one that goes last to the one that goes first, when there is less and less room.
_BY_WORTH: Final = (WHAT, SUBJECT, TIME, PROVISIONER, VALID, SERIAL, CLIENT, TOOK)
_IN_ORDER: Final = (TIME, WHAT, SUBJECT, PROVISIONER, CLIENT, SERIAL, VALID, TOOK)
_SPARE: Final = (CLIENT, TOOK)
_OF_A_REASON: Final = (PROVISIONER, CLIENT, SERIAL, VALID, TOOK)  # what a reason is written over


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The columns that have room, with their widths."""

    columns: tuple[tuple[Column, int], ...]

    def titles(self) -> str:
        """Write the line of titles."""
        return (" " * GAP).join(column.fit(column.title, width) for column, width in self.columns)

    def cells(self, event: Event, calendar: wording.Calendar) -> list[tuple[Column, str]]:
        """Write an event, a text a column, each as wide as its column.

        A refusal or a warning has no certificate: its reason takes the columns after the subject.
        """
        if event.kind in (EventKind.REFUSED, EventKind.WARNED, EventKind.NOTED) and event.reason:
            return self._refusal(event, calendar)
        return [
            (column, column.fit(_TEXTS[column](event, width, calendar), width))
            for column, width in self.columns
        ]

    def _refusal(self, event: Event, calendar: wording.Calendar) -> list[tuple[Column, str]]:
        fixed = [pair for pair in self.columns if pair[0] not in _OF_A_REASON]
        rest = [width for column, width in self.columns if column in _OF_A_REASON]
        cells = [
            (column, column.fit(_TEXTS[column](event, width, calendar), width))
            for column, width in fixed
        ]
        if rest:
            room = sum(rest) + GAP * (len(rest) - 1)
            cells.append((PROVISIONER, wording.fit(wording.printable(event.reason), room)))
        return cells


def layout(width: int) -> Layout:
    """Choose the columns for a line of so many cells."""
    chosen: list[Column] = []
    used = -GAP
    for column in _BY_WORTH:
        needed = GAP + (column.width or _SUBJECT_LEAST)
        reserve = _SUBJECT_AMPLE - _SUBJECT_LEAST if column in _SPARE else 0
        if used + needed + reserve > width:
            break
        chosen.append(column)
        used += needed
    spare = width - used
    columns = [column for column in _IN_ORDER if column in chosen]
    return Layout(
        columns=tuple(
            (column, column.width or _SUBJECT_LEAST + max(0, spare)) for column in columns
        )
    )


def _what(event: Event) -> str:
    return f"{wording.SHAPES[event.kind]} {event.kind}"


_TEXTS: Final[dict[Column, Callable[[Event, int, wording.Calendar], str]]] = {
    TIME: lambda event, _, calendar: calendar.brief(event.at),
    WHAT: lambda event, *_: _what(event),
    SUBJECT: lambda event, width, _: wording.subject(event, width),
    PROVISIONER: lambda event, *_: wording.provisioner(event),
    CLIENT: lambda event, *_: wording.printable(event.client),
    SERIAL: lambda event, *_: wording.serial_end(event.serial),
    VALID: lambda event, *_: wording.validity(event),
    TOOK: lambda event, *_: f"{event.took * 1000:.0f} ms" if event.took else "",
}
