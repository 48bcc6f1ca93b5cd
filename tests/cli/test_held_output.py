"""Log lines while a console has the terminal."""

import pytest

from appliance.cli.held_output import HeldOutput


class Lines:
    """An output that can be read."""

    def __init__(self) -> None:
        self.shown: list[str] = []
        self._taken: list[str] = []

    def write(self, line: str) -> None:
        self._taken.append(line)

    def flush(self) -> None:
        self.shown += self._taken
        self._taken.clear()


def test_lines_pass_until_they_are_held_and_again_after() -> None:
    lines = Lines()
    output = HeldOutput(lines)
    output.write("before")
    output.flush()
    with output.held():
        output.write("meanwhile")
        output.flush()
        assert lines.shown == ["before"], "nothing is drawn over the console"
    assert lines.shown == ["before", "meanwhile"]
    output.write("after")
    output.flush()
    assert lines.shown == ["before", "meanwhile", "after"]


def test_of_very_many_lines_the_newest_are_shown_and_the_others_counted() -> None:
    lines = Lines()
    output = HeldOutput(lines)
    with output.held():
        for number in range(1000):
            output.write(str(number))
    assert lines.shown[0] == "950 older log lines of the console's time were dropped"
    assert lines.shown[1:] == [str(number) for number in range(950, 1000)]


def test_lines_are_shown_when_the_console_fails_too() -> None:
    lines = Lines()
    output = HeldOutput(lines)

    def failing() -> None:
        with output.held():
            output.write("the last words")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        failing()
    assert lines.shown == ["the last words"]
