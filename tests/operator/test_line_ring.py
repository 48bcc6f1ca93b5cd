"""The last lines of the log: bounded, numbered, without what is endless."""

from appliance.model.loglines import LineLevel
from appliance.operator.line_ring import LineRing
from tests.support.authority import StandingClock
from tests.support.sample_operator import NOW


def test_the_oldest_give_way_and_numbers_go_on() -> None:
    ring = LineRing(StandingClock(NOW), 3)
    for number in range(5):
        ring.add(LineLevel.INFO, f"line {number}")
    page = ring.page()
    assert [(each.number, each.text) for each in page.lines] == [
        (3, "line 2"), (4, "line 3"), (5, "line 4"),
    ]  # fmt: skip
    assert page.last == 5
    assert page.lines[0].at == NOW
    assert [each.number for each in ring.page(4).lines] == [5]
    assert ring.page(5).lines == []


def test_certificates_are_left_out_and_long_lines_cut() -> None:
    ring = LineRing(StandingClock(NOW))
    ring.add(LineLevel.REQUEST, f'{{"certificate":"{"MII/" * 300}==","status":201}}')
    ring.add(LineLevel.INFO, "x" * 9000)
    first, second = ring.page().lines
    assert first.text == '{"certificate":"…","status":201}'
    assert len(second.text) == 2000
