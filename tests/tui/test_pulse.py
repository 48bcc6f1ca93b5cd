"""The bars of the last minute."""

from datetime import timedelta

from tests.support.sample_operator import NOW
from tui.pulse import Pulse


def test_nothing_is_a_flat_line() -> None:
    assert Pulse().bars(NOW, 10, 6) == "▁" * 10


def test_the_newest_is_at_the_right_and_the_busiest_is_highest() -> None:
    pulse = Pulse()
    for ago, count in ((0, 7), (8, 1), (59, 3)):
        for _ in range(count):
            pulse.note(NOW - timedelta(seconds=ago))
    assert pulse.bars(NOW, 10, 6) == "▄▁▁▁▁▁▁▁▂█"


def test_what_is_older_than_the_bars_is_forgotten() -> None:
    pulse = Pulse(seconds=60)
    pulse.note(NOW - timedelta(seconds=61))
    assert pulse.bars(NOW, 20, 3) == "▁" * 20
    assert pulse.bars(NOW - timedelta(seconds=30), 20, 3) == "▁" * 20
