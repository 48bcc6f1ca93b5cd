"""The state machines of RFC 8555 7.1.6, read from the tables that the server moves by."""

import itertools
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.issuance.acme import states
from appliance.issuance.acme.states import OrderEvent
from appliance.model.acme import AuthorizationStatus, ChallengeStatus, OrderStatus

NOW = datetime(2026, 3, 1, tzinfo=UTC)
TABLES: list[Mapping[tuple[Any, Any], Any]] = [
    states.ORDERS,
    states.AUTHORIZATIONS,
    states.CHALLENGES,
    states.ACCOUNTS,
]
FINAL = {
    OrderStatus.VALID,
    OrderStatus.INVALID,
    AuthorizationStatus.INVALID,
    AuthorizationStatus.DEACTIVATED,
    AuthorizationStatus.EXPIRED,
    AuthorizationStatus.REVOKED,
    ChallengeStatus.VALID,
    ChallengeStatus.INVALID,
}
RFC_8555 = {
    ("pending", "ready"), ("pending", "invalid"), ("ready", "processing"), ("ready", "valid"),
    ("ready", "invalid"), ("processing", "valid"), ("processing", "invalid"),
}  # fmt: skip


@pytest.mark.parametrize("table", TABLES)
def test_what_is_final_stays_so(table: Mapping[tuple[Any, Any], Any]) -> None:
    kinds = {type(state) for state, _ in table}
    assert {state for state, _ in table} & {each for each in FINAL if type(each) in kinds} == set()


def test_orders_move_along_the_edges_of_the_rfc_alone() -> None:
    moves = {(str(before), str(after)) for (before, _), after in states.ORDERS.items()}
    assert moves <= RFC_8555


@given(
    recorded=st.sampled_from(OrderStatus),
    authorizations=st.lists(st.sampled_from(AuthorizationStatus), min_size=1, max_size=5),
    late=st.booleans(),
)
def test_an_order_is_ready_when_all_is_proven_and_it_is_in_time(
    recorded: OrderStatus, authorizations: list[AuthorizationStatus], *, late: bool
) -> None:
    expires = NOW - timedelta(seconds=1) if late else NOW
    found = states.order_status(recorded, authorizations, expires, NOW)
    proven = set(authorizations) == {AuthorizationStatus.VALID}
    open_ = recorded in (OrderStatus.PENDING, OrderStatus.READY)
    if found is OrderStatus.READY and recorded is OrderStatus.PENDING:
        assert proven
        assert not late
    if open_ and late:
        assert found is OrderStatus.INVALID
    if recorded in FINAL:
        assert found is recorded
    again = states.order_status(found, authorizations, expires, NOW)
    assert again is found


@given(st.lists(st.sampled_from(OrderEvent), max_size=8))
def test_no_events_lead_an_order_back(events: list[OrderEvent]) -> None:
    rank = list(OrderStatus)
    status = OrderStatus.PENDING
    for event in events:
        after = states.after(states.ORDERS, status, event) or status
        assert rank.index(after) >= rank.index(status)
        status = after


def test_an_authorization_expires_while_it_is_of_use() -> None:
    for status, late in itertools.product(AuthorizationStatus, (False, True)):
        expires = NOW - timedelta(seconds=1) if late else NOW
        found = states.authorization_status(status, expires, NOW)
        of_use = status in (AuthorizationStatus.PENDING, AuthorizationStatus.VALID)
        assert found is (AuthorizationStatus.EXPIRED if late and of_use else status)
