"""The state machines of RFC 8555 7.1.6 as tables.

    order          pending ──▶ ready ──▶ (processing) ──▶ valid
                      └──────────┴───────────┴─────────▶ invalid

    authorization  pending ──▶ valid ──▶ deactivated, expired, revoked
                      └──▶ invalid, deactivated, expired

    challenge      pending ⇄ processing ──▶ valid, invalid

What is not in a table does not happen. Issuing is one transaction, so an order of ours goes from
ready to valid without being seen as processing. That time has passed, and what became of its
authorizations, is not written into an order: it is seen whenever it is looked at.
"""

import enum
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final, TypeVar

from appliance.model.acme import (
    AccountStatus,
    AuthorizationStatus,
    ChallengeStatus,
    OrderStatus,
)

_State = TypeVar("_State")
_Event = TypeVar("_Event")


class OrderEvent(enum.Enum):
    """What moves an order."""

    AUTHORIZED = enum.auto()  # all of its authorizations are valid
    REFUSED = enum.auto()  # one of them never will be, or is no longer
    EXPIRED = enum.auto()
    ISSUED = enum.auto()
    FAILED = enum.auto()  # what was begun will not be finished


class AuthorizationEvent(enum.Enum):
    """What moves an authorization."""

    PROVEN = enum.auto()  # a challenge was met
    FAILED = enum.auto()  # a challenge was not met, for good
    DEACTIVATED = enum.auto()  # its account gives it up
    EXPIRED = enum.auto()
    REVOKED = enum.auto()


class ChallengeEvent(enum.Enum):
    """What moves a challenge."""

    RESPONDED = enum.auto()  # the client is ready to be looked at
    PROVEN = enum.auto()
    FAILED = enum.auto()
    RETRIED = enum.auto()  # not proven yet; it is looked at again
    DEFERRED = enum.auto()  # not looked at any more, not failed; the client may respond again


class AccountEvent(enum.Enum):
    """What moves an account."""

    DEACTIVATED = enum.auto()  # by its owner
    REVOKED = enum.auto()  # by the CA


ORDERS: Final[Mapping[tuple[OrderStatus, OrderEvent], OrderStatus]] = {
    (OrderStatus.PENDING, OrderEvent.AUTHORIZED): OrderStatus.READY,
    (OrderStatus.PENDING, OrderEvent.REFUSED): OrderStatus.INVALID,
    (OrderStatus.PENDING, OrderEvent.EXPIRED): OrderStatus.INVALID,
    (OrderStatus.READY, OrderEvent.ISSUED): OrderStatus.VALID,
    (OrderStatus.READY, OrderEvent.REFUSED): OrderStatus.INVALID,
    (OrderStatus.READY, OrderEvent.EXPIRED): OrderStatus.INVALID,
    (OrderStatus.PROCESSING, OrderEvent.ISSUED): OrderStatus.VALID,
    (OrderStatus.PROCESSING, OrderEvent.FAILED): OrderStatus.INVALID,
    (OrderStatus.PROCESSING, OrderEvent.EXPIRED): OrderStatus.INVALID,
}

AUTHORIZATIONS: Final[
    Mapping[tuple[AuthorizationStatus, AuthorizationEvent], AuthorizationStatus]
] = {
    (AuthorizationStatus.PENDING, AuthorizationEvent.PROVEN): AuthorizationStatus.VALID,
    (AuthorizationStatus.PENDING, AuthorizationEvent.FAILED): AuthorizationStatus.INVALID,
    (AuthorizationStatus.PENDING, AuthorizationEvent.DEACTIVATED): AuthorizationStatus.DEACTIVATED,
    (AuthorizationStatus.PENDING, AuthorizationEvent.EXPIRED): AuthorizationStatus.EXPIRED,
    (AuthorizationStatus.VALID, AuthorizationEvent.DEACTIVATED): AuthorizationStatus.DEACTIVATED,
    (AuthorizationStatus.VALID, AuthorizationEvent.EXPIRED): AuthorizationStatus.EXPIRED,
    (AuthorizationStatus.VALID, AuthorizationEvent.REVOKED): AuthorizationStatus.REVOKED,
}

CHALLENGES: Final[Mapping[tuple[ChallengeStatus, ChallengeEvent], ChallengeStatus]] = {
    (ChallengeStatus.PENDING, ChallengeEvent.RESPONDED): ChallengeStatus.PROCESSING,
    (ChallengeStatus.PROCESSING, ChallengeEvent.PROVEN): ChallengeStatus.VALID,
    (ChallengeStatus.PROCESSING, ChallengeEvent.FAILED): ChallengeStatus.INVALID,
    (ChallengeStatus.PROCESSING, ChallengeEvent.RETRIED): ChallengeStatus.PROCESSING,
    (ChallengeStatus.PROCESSING, ChallengeEvent.DEFERRED): ChallengeStatus.PENDING,
}

ACCOUNTS: Final[Mapping[tuple[AccountStatus, AccountEvent], AccountStatus]] = {
    (AccountStatus.VALID, AccountEvent.DEACTIVATED): AccountStatus.DEACTIVATED,
    (AccountStatus.VALID, AccountEvent.REVOKED): AccountStatus.REVOKED,
}

_REFUSING: Final = frozenset(AuthorizationStatus) - {
    AuthorizationStatus.PENDING,
    AuthorizationStatus.VALID,
}


def after(
    table: Mapping[tuple[_State, _Event], _State], state: _State, event: _Event
) -> _State | None:
    """Give the state that an event leads to; None where it leads nowhere."""
    return table.get((state, event))


def order_event(
    authorizations: Iterable[AuthorizationStatus], expires: datetime, now: datetime
) -> OrderEvent | None:
    """Say what has happened to an order that is not finished; None: nothing."""
    if now > expires:
        return OrderEvent.EXPIRED
    found = set(authorizations)
    if found & _REFUSING:
        return OrderEvent.REFUSED
    return None if AuthorizationStatus.PENDING in found else OrderEvent.AUTHORIZED


def order_status(
    recorded: OrderStatus,
    authorizations: Iterable[AuthorizationStatus],
    expires: datetime,
    now: datetime,
) -> OrderStatus:
    """Give what an order is now, of what was recorded and what became of its authorizations."""
    event = order_event(authorizations, expires, now)
    if event is None:
        return recorded
    return after(ORDERS, recorded, event) or recorded


def authorization_status(
    recorded: AuthorizationStatus, expires: datetime, now: datetime
) -> AuthorizationStatus:
    """Give what an authorization is now."""
    if now <= expires:
        return recorded
    return after(AUTHORIZATIONS, recorded, AuthorizationEvent.EXPIRED) or recorded
