"""What an operation of a transaction makes of a row: one rule for every driver."""

from collections.abc import Callable
from typing import Final

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


def value_after(operation: RowOperation, held: Callable[[], bytes | None]) -> bytes | None:
    """Give the value that the row will have; None removes it.

    `held` reads the row as the transaction sees it, and is asked only where there is a condition.
    Raises Conflict when the condition does not hold.
    """
    match operation:
        case Put(value=value):
            return _present(value)
        case PutIfAbsent(value=value):
            if held() is not None:
                raise _conflict(operation)
            return _present(value)
        case CompareAndSwap(old=old, new=new):
            if held() != old:
                raise _conflict(operation)
            return None if new is None else _present(new)
        case Delete():
            return None
        case Add(amount=amount):
            number = int.from_bytes(held() or b"", signed=True) + amount
            return number.to_bytes(_NUMBER_OCTETS, signed=True)


def _present(value: bytes) -> bytes:
    if not value:
        raise ValueError("a value is never empty")
    return value


def _conflict(operation: PutIfAbsent | CompareAndSwap) -> Conflict:
    key = operation.key.decode(errors="backslashreplace")
    return Conflict("the database has it otherwise", detail=f"{operation.bucket}/{key}")
