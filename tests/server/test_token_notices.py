"""What people who watch the box are told of its tokens."""

from datetime import UTC, datetime

import pytest

from appliance.authority.conditions import ConditionBoard
from appliance.model.conditions import Severity
from appliance.model.events import Event, EventKind
from appliance.model.tokens import ADVICE, TokenState, TokenStatus
from appliance.server.token_notices import TokenNotices

NOW = datetime(2026, 11, 21, tzinfo=UTC)


class Now:
    def now(self) -> datetime:
        return NOW


class Kept:
    def __init__(self) -> None:
        self.events: list[Event] = []

    def record(self, event: Event) -> None:
        self.events.append(event)


def status(state: TokenState, name: str = "ca") -> TokenStatus:
    return TokenStatus(name=name, uri="pkcs11:token=ca", state=state, detail="/a/path.so")


@pytest.fixture
def board() -> ConditionBoard:
    return ConditionBoard(Now())


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture
def notices(board: ConditionBoard, kept: Kept) -> TokenNotices:
    return TokenNotices(board, kept, Now())


@pytest.mark.parametrize("state", TokenState)
def test_each_state_is_a_condition_that_says_what_to_do(
    notices: TokenNotices, board: ConditionBoard, state: TokenState
) -> None:
    """Without the detail, which is for the log: anybody may read a condition."""
    notices.changed(status(state))
    (condition,) = board.conditions()
    assert condition.name == "token:ca"
    assert condition.ok is (state in {TokenState.READY, TokenState.TOUCH})
    assert condition.severity is Severity.CRITICAL
    assert condition.text == f"{state}: {ADVICE[state]}"


def test_the_journal_has_a_line_when_it_cannot_sign_and_when_it_can_again(
    notices: TokenNotices, kept: Kept
) -> None:
    for state in (
        *(TokenState.LOCKED, TokenState.READY, TokenState.TOUCH, TokenState.READY),
        *(TokenState.ABSENT, TokenState.ABSENT, TokenState.LOCKED, TokenState.READY),
    ):
        notices.changed(status(state))
    assert [(each.kind, each.subject, each.reason) for each in kept.events] == [
        (EventKind.WARNED, "ca", "absent: plug it in"),
        (EventKind.NOTED, "ca", "ready: it signs"),
    ]


def test_a_token_that_is_no_longer_used_is_no_condition(
    notices: TokenNotices, board: ConditionBoard
) -> None:
    notices.changed(status(TokenState.ABSENT))
    notices.left("ca")
    assert board.conditions() == ()
