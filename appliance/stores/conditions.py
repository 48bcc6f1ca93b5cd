"""What an operation of a transaction makes of a row: one rule for every driver."""

from collections.abc import Callable
from typing import Final, TypeVar

from appliance.model.errors import Conflict
from appliance.ports.store import (
    Add,
    CompareAndSwap,
    Delete,
    Put,
    PutIfAbsent,
    RowOperation,
)

_NUMBER_OCTETS: Final = 8

Place = TypeVar("Place")


def value_after(
    operation: RowOperation, place: Place, held: Callable[[Place], bytes | None]
) -> bytes | None:
    """Give the value that the row at a place will have; None removes it.

    `held` reads a row as the transaction sees it, and is asked only where there is a condition.
    Raises Conflict when the condition does not hold.
    """
    match operation:
        case Put(value=value):
            return _present(value)
        case PutIfAbsent(value=value):
            if held(place) is not None:
                raise _conflict(operation)
            return _present(value)
        case CompareAndSwap(old=old, new=new):
            if held(place) != old:
                raise _conflict(operation)
            return None if new is None else _present(new)
        case Delete():
            return None
        case Add(amount=amount):
            number = int.from_bytes(held(place) or b"", signed=True) + amount
            return number.to_bytes(_NUMBER_OCTETS, signed=True)


def _present(value: bytes) -> bytes:
    if not value:
        raise ValueError("a value is never empty")
    return value


def _conflict(operation: PutIfAbsent | CompareAndSwap) -> Conflict:
    key = operation.key.decode(errors="backslashreplace")
    return Conflict("the database has it otherwise", detail=f"{operation.bucket}/{key}")
