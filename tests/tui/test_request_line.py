"""A request's line of the log, for people."""

import pytest

from tui.request_line import brief


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (
            '{"duration":"4ms","level":"info","method":"POST","path":"/1.0/sign",'
            '"remote-address":"192.0.2.7","status":201,"time":"x"}',
            "201  POST  /1.0/sign  192.0.2.7",
        ),
        (
            'time="a b" level=warning error="the \\"name\\" is not allowed" method=POST '
            "path=/1.0/sign status=403",
            '403  POST  /1.0/sign  the \\"name\\" is not allowed',
        ),
        ("192.0.2.7 - - [x] GET /health 200", "192.0.2.7 - - [x] GET /health 200"),
    ],
)
def test_the_line_says_how_it_ended_what_was_asked_and_by_whom(line: str, shown: str) -> None:
    assert brief(line) == shown
