"""Columns for every width: what must be seen first stays longest."""

import pytest
from rich.cells import cell_len

from appliance.model.events import EventKind
from tests.support.sample_operator import LIVE, NOW, event
from tui.columns import layout
from tui.wording import Calendar

CALENDAR = Calendar(zone=None, now=NOW)


@pytest.mark.parametrize(
    ("width", "titles"),
    [
        (25, "what subject"),
        (36, "time what subject"),
        (76, "time what subject provisioner serial valid"),
        (116, "time what subject provisioner client serial valid took"),
    ],
)
def test_a_narrow_line_keeps_what_matters(width: int, titles: str) -> None:
    assert " ".join(layout(width).titles().split()) == titles


@pytest.mark.parametrize("width", [25, 36, 60, 76, 90, 116, 200])
def test_every_row_is_exactly_as_wide_as_the_line(width: int) -> None:
    chosen = layout(width)
    for each in (*LIVE, event(99, EventKind.ISSUED, "漢字.example", provisioner="JWK/" + "x" * 50)):
        cells = chosen.cells(each, CALENDAR)
        assert sum(cell_len(text) for _, text in cells) + 2 * (len(cells) - 1) == width


def test_a_refusal_shows_its_reason_where_others_have_their_certificate() -> None:
    refusal = event(1, EventKind.REFUSED, "evil.example", reason="the name is not allowed")
    assert layout(76).cells(refusal, CALENDAR)[-1][1].rstrip() == "the name is not allowed"


def test_a_line_for_nothing_is_no_error() -> None:
    assert layout(3).cells(LIVE[0], CALENDAR) == []
