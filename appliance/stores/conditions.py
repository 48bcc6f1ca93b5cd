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
    value: bytes | None
    match operation:
        case PutIfAbsent():
            if held(place) is not None:
                raise _conflict(operation)
            value = operation.value
        case CompareAndSwap():
            if held(place) != operation.old:
                raise _conflict(operation)
            value = operation.new
        case Put():
            value = operation.value
        case Delete():
            value = None
        case Add():
            number = int.from_bytes(held(place) or b"", signed=True) + operation.amount
            value = number.to_bytes(_NUMBER_OCTETS, signed=True)
    if value == b"":
        raise ValueError("a value is never empty")
    return value


def _conflict(operation: PutIfAbsent | CompareAndSwap) -> Conflict:
    key = operation.key.decode(errors="backslashreplace")
    return Conflict("the database has it otherwise", detail=f"{operation.bucket}/{key}")
