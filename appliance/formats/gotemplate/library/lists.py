"""sprig's functions on lists, which take a slice or array of any type."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from appliance.formats.gotemplate.library import conversion, reflection
from appliance.formats.gotemplate.library.declaring import metered, plain
from appliance.formats.gotemplate.signatures import (
    INT,
    INTERFACE,
    LIST,
    STRING,
    STRINGS,
    Function,
    FunctionError,
    Kind,
    Meter,
    slice_of,
)
from appliance.formats.gotemplate.values import (
    Pointer,
    TypedBytes,
    TypedList,
    Uint8,
    joined,
    octets,
    type_of,
)

NIL_POINTER: Final = "runtime error: invalid memory address or nil pointer dereference"
_OUT_OF_LENGTH: Final = "runtime error: makeslice: len out of range"
_LISTS: Final = slice_of(LIST)


def items_of(value: Any, doing: str) -> Sequence[Any]:
    """Give the items of a slice or array; `doing` is how the refusal of anything else begins."""
    if value is None:
        raise FunctionError(NIL_POINTER)
    kind = type_of(value).kind
    if kind is not Kind.SLICE and kind is not Kind.ARRAY:
        raise FunctionError(f"{doing} {kind.value}")
    return [Uint8(octet) for octet in value] if isinstance(value, bytes) else list(value)


def _nil() -> TypedList:
    return TypedList(go_type=LIST, nil=True)


def _push(value: object, item: object) -> list[object]:
    return [*items_of(value, "Cannot push on type"), item]


def _prepend(value: object, item: object) -> list[object]:
    return [item, *items_of(value, "Cannot prepend on type")]


def _first(value: object) -> object:
    items = items_of(value, "Cannot find first on type")
    return items[0] if items else None


def _last(value: object) -> object:
    items = items_of(value, "Cannot find last on type")
    return items[-1] if items else None


def _rest(value: object) -> list[object]:
    items = items_of(value, "Cannot find rest on type")
    return list(items[1:]) if items else _nil()


def _initial(value: object) -> list[object]:
    items = items_of(value, "Cannot find initial on type")
    return list(items[:-1]) if items else _nil()


def _reverse(value: object) -> list[object]:
    return list(reversed(items_of(value, "Cannot find reverse on type")))


def _compact(value: object) -> list[object]:
    items = items_of(value, "Cannot compact on type")
    return [item for item in items if not reflection.is_empty(item)]


def _among(items: Sequence[object], wanted: object, meter: Meter) -> bool:
    return any(reflection.equal(wanted, item, meter) for item in items)


def _uniq(meter: Meter, value: object) -> list[object]:
    kept: list[object] = []
    for item in items_of(value, "Cannot find uniq on type"):
        if not _among(kept, item, meter):
            kept.append(item)
    return kept


def _without(meter: Meter, value: object, *omitted: object) -> list[object]:
    items = items_of(value, "Cannot find without on type")
    return [item for item in items if not _among(omitted, item, meter)]


def _has(meter: Meter, wanted: object, value: object) -> bool:
    return value is not None and _among(items_of(value, "Cannot find has on type"), wanted, meter)


def _slice(value: Any, *indices: object) -> object:
    items = items_of(value, "list should be type of slice or array but")
    if not items:
        return None
    start = conversion.to_int(indices[0]) if indices else 0
    end = conversion.to_int(indices[1]) if len(indices) > 1 else len(items)
    go_type = type_of(value)
    if go_type.kind is Kind.ARRAY:
        raise FunctionError("reflect.Value.Slice: slice of unaddressable array")
    if not 0 <= start <= end <= len(items):
        raise FunctionError("reflect.Value.Slice: slice index out of bounds")
    if isinstance(value, TypedBytes):
        return TypedBytes(value[start:end], go_type=go_type)
    return TypedList(value[start:end], go_type=go_type) if go_type is not LIST else value[start:end]


def _concat(*values: object) -> list[object]:
    joint: list[object] = []
    for value in values:
        if value is not None and type_of(value).kind not in {Kind.SLICE, Kind.ARRAY}:
            raise FunctionError(f"Cannot concat type {type_of(value).kind.value} as list")
        joint += items_of(value, "Cannot concat type")
    return joint or _nil()


def _chunk(size: int, value: object) -> TypedList:
    """Cut into lists of a size; a negative one gives what Go's sums make of it."""
    items = items_of(value, "Cannot chunk type")
    if size == 0:
        raise FunctionError(_OUT_OF_LENGTH)
    count = math.floor((len(items) - 1) / size) + 1
    chunks = []
    for start in range(0, count * size, size):
        left = len(items) - start
        length = size if 0 < size < left else int(math.fmod(len(items), size)) or size
        if length < 0:
            raise FunctionError(_OUT_OF_LENGTH)
        chunks.append(list(items[start : start + length]))
    if count < 0:
        raise FunctionError(_OUT_OF_LENGTH)
    return TypedList(chunks, go_type=_LISTS)


def texts_of(value: Any, meter: Meter) -> list[str]:
    """Give the items as texts, without those that are nil; anything else is a list of itself."""
    if value is None:
        return []
    if type_of(value).kind in {Kind.SLICE, Kind.ARRAY}:
        items = items_of(value, "")
        return [conversion.to_text(item, meter) for item in items if item is not None]
    return [conversion.to_text(value, meter)]


def _join(meter: Meter, separator: str, value: object) -> str:
    texts = texts_of(value, meter)
    meter.reserve(sum(map(len, texts)) + len(separator) * len(texts))
    return joined((separator.join(texts),))


def _sort_alpha(meter: Meter, value: object) -> TypedList:
    target = value.target if isinstance(value, Pointer) else value
    if target is None or type_of(target).kind not in {Kind.SLICE, Kind.ARRAY}:
        return TypedList([conversion.to_text(value, meter)], go_type=STRINGS)
    return TypedList(sorted(texts_of(value, meter), key=octets), go_type=STRINGS)


_BOTH: Final[Mapping[str, Function]] = {
    "Append": plain(_push, INTERFACE, INTERFACE),
    "Push": plain(_push, INTERFACE, INTERFACE),
    "Prepend": plain(_prepend, INTERFACE, INTERFACE),
    "First": plain(_first, INTERFACE),
    "Rest": plain(_rest, INTERFACE),
    "Last": plain(_last, INTERFACE),
    "Initial": plain(_initial, INTERFACE),
    "Reverse": plain(_reverse, INTERFACE),
    "Compact": plain(_compact, INTERFACE),
    "Uniq": metered(_uniq, INTERFACE),
    "Without": metered(_without, INTERFACE, variadic=INTERFACE),
    "Has": metered(_has, INTERFACE, INTERFACE),
    "Slice": plain(_slice, INTERFACE, variadic=INTERFACE),
    "Chunk": plain(_chunk, INT, INTERFACE),
}
_LIST: Final = plain(lambda *items: list(items), variadic=INTERFACE)

FUNCTIONS: Final[Mapping[str, Function]] = {
    **{name.lower(): function for name, function in _BOTH.items()},
    **{f"must{name}": function for name, function in _BOTH.items()},
    "list": _LIST,
    "tuple": _LIST,
    "concat": plain(_concat, variadic=INTERFACE),
    "join": metered(_join, STRING, INTERFACE),
    "sortAlpha": metered(_sort_alpha, INTERFACE),
    "toStrings": metered(
        lambda meter, value: TypedList(texts_of(value, meter), go_type=STRINGS), INTERFACE
    ),
}
