"""What an operation of a transaction makes of a row: one rule for every driver."""

from collections.abc import Callable

from appliance.model.errors import Conflict
from appliance.ports.store import CompareAndSwap, Delete, Operation, Put, PutIfAbsent


def value_after(operation: Operation, held: Callable[[], bytes | None]) -> bytes | None:
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


def _present(value: bytes) -> bytes:
    if not value:
        raise ValueError("a value is never empty")
    return value


def _conflict(operation: Operation) -> Conflict:
    key = operation.key.decode(errors="backslashreplace")
    return Conflict("the database has it otherwise", detail=f"{operation.bucket}/{key}")
