"""External account keys, a line each."""

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar, Final

from rich.segment import Segment

from appliance.model.external_keys import ExternalKey
from tui.widgets.line_list import LineList
from tui.wording import GOOD, LOOK, Calendar, fit, printable

_STATE: Final = 9
_PROVISIONER: Final = 14
_MADE: Final = 9
_REFERENCE: Final = 18


class KeyList(LineList):
    """The keys of all provisioners: whether each is still to be used, for whom, and for what."""

    DEFAULT_CSS = """
    KeyList {
        &> .key-list--plain { color: $foreground 65%; }
        &> .key-list--name { color: $foreground; }
        &> .key-list--good { color: $success; }
        &> .key-list--look { color: $warning; }
        &> .key-list--quiet { color: $foreground 50%; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        f"key-list--{part}" for part in ("plain", "name", "good", "look", "quiet")
    }

    def __init__(self, calendar: Calendar) -> None:
        super().__init__(empty="Asking …")
        self._calendar = calendar
        self.keys: Sequence[ExternalKey] = ()

    @property
    def line_count(self) -> int:
        """How many keys there are."""
        return len(self.keys)

    @property
    def current(self) -> ExternalKey | None:
        """The key under the cursor."""
        return self.keys[self.cursor] if self.keys else None

    def draw(self, place: int, width: int) -> list[Segment]:
        """Draw a key."""
        key = self.keys[place]
        state, part = state_of(key, self._calendar.now)
        cells = [
            (part, state, _STATE),
            ("name", printable(key.reference) or f"…{key.id[-8:]}", _REFERENCE),
            ("plain", printable(key.provisioner), _PROVISIONER),
            ("plain", self._calendar.brief(key.created_at), _MADE),
        ]
        rest = width - sum(cell[2] + 2 for cell in cells)
        if rest > 0:
            cells.append(("plain", ", ".join(map(printable, key.names)) or "any name", rest))
        segments = []
        for style, text, room in cells:
            rich = self.get_component_rich_style(f"key-list--{style}")
            segments.append(Segment(f"{fit(text, room)}  ", rich))
        return segments

    def titles(self) -> str:
        """Write the line of titles, for the columns of `draw`."""
        cells = (("state", _STATE), ("key", _REFERENCE), ("provisioner", _PROVISIONER))
        line = "".join(f"{fit(text, room)}  " for text, room in cells)
        return f"{line}{fit('made', _MADE)}  may order"


def state_of(key: ExternalKey, now: datetime) -> tuple[str, str]:
    """Say in a shape and a word whether a key can still let somebody in, and how that looks."""
    if key.bound_at is not None:
        return "○ used", "quiet"
    if key.not_after is not None and key.not_after <= now:
        return f"{LOOK} expired", "look"
    return f"{GOOD} unused", "good"
