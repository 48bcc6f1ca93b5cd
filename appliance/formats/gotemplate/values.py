"""How Go values look in Python.

    Go                       here
    nil (of interface {})    None; a missing map key too, once it is an argument of a function
    bool                     bool
    int                      int, always within 64 signed bits: `wrapped(INT64, n)` cuts as Go does
    int64, uint8 …           Int64, Uint8 …: subclasses of int that carry their type
    time.Duration            Duration, in nanoseconds
    float64, float32         float, Float32
    complex128               complex
    string                   str; octets that are not UTF-8 are surrogates U+DC80…U+DCFF, as in
                             Python's `surrogateescape`. `octets()` and `text()` convert; Go counts,
                             cuts and compares octets, so go through them where that matters
    []byte                   bytes; TypedBytes for others of that make (net.IP), and for nil
    []interface {}           list; TypedList for every other slice or array, and for nil
    map[string]interface {}  dict; TypedMap for every other map, and for nil
    a struct                 Struct, or a subclass that finds its fields in another way
    *T                       Pointer, whose target is None for nil
    a named basic type       a subclass of int, str, float with its own `go_type`
    time.Time                Time
    a function               signatures.Function

Python's truth of each of them is Go's truth in templates: not nil, not zero, not empty.

All JSON numbers are float64 in Go: data for templates that was JSON comes through the module
`decoding`. Slices have no spare capacity here: `slice` never reaches behind a slice's end.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import Any, ClassVar, Final, final

from appliance.formats.gotemplate import time_methods
from appliance.formats.gotemplate.signatures import (
    BITS,
    BOOL,
    BYTES,
    COMPLEX128,
    DICT,
    FLOAT32,
    FLOAT64,
    FLOATS,
    INT,
    INT8,
    INT16,
    INT32,
    INT64,
    INTEGERS,
    LIST,
    SIGNED,
    STRING,
    UINT,
    UINT8,
    UINT16,
    UINT32,
    UINT64,
    Function,
    Kind,
    Type,
)


@final
class Invalid:
    """The type of INVALID."""

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "<no value>"


INVALID: Final = Invalid()
"""No value at all (Go's zero reflect.Value), such as a missing key; only the engine meets it."""


class Sized(int):
    """An integer of another type than Go's int."""

    __slots__ = ()
    go_type: ClassVar[Type]


class Int8(Sized):
    """Go's int8."""

    __slots__ = ()
    go_type = INT8


class Int16(Sized):
    """Go's int16."""

    __slots__ = ()
    go_type = INT16


class Int32(Sized):
    """Go's int32, which is also rune."""

    __slots__ = ()
    go_type = INT32


class Int64(Sized):
    """Go's int64."""

    __slots__ = ()
    go_type = INT64


class Uint(Sized):
    """Go's uint."""

    __slots__ = ()
    go_type = UINT


class Uint8(Sized):
    """Go's uint8, which is also byte."""

    __slots__ = ()
    go_type = UINT8


class Uint16(Sized):
    """Go's uint16."""

    __slots__ = ()
    go_type = UINT16


class Uint32(Sized):
    """Go's uint32."""

    __slots__ = ()
    go_type = UINT32


class Uint64(Sized):
    """Go's uint64."""

    __slots__ = ()
    go_type = UINT64


_duration_methods: dict[str, Function] = {}
_time_methods: dict[str, Function] = {}
DURATION: Final = Type(
    name="time.Duration", kind=Kind.INT64, methods=_duration_methods, defined=True
)
TIME: Final = Type(
    name="time.Time",
    kind=Kind.STRUCT,
    methods=_time_methods,
    json=time_methods.as_json,
    defined=True,
)


class Duration(Sized):
    """Go's time.Duration, in nanoseconds."""

    __slots__ = ()
    go_type = DURATION


class Float32(float):
    """Go's float32; holds a value that a float32 can hold."""

    __slots__ = ()
    go_type: ClassVar[Type] = FLOAT32


class TypedBytes(bytes):
    """A slice of octets that is not simply []byte, or that is nil."""

    go_type: Type
    nil: bool

    def __new__(
        cls, octets: bytes = b"", *, go_type: Type = BYTES, nil: bool = False
    ) -> "TypedBytes":
        """Make it; only an empty one may be nil."""
        self = super().__new__(cls, octets)
        self.go_type = go_type
        self.nil = nil
        return self


class TypedList(list[Any]):
    """A slice or array that is not []interface {}, or that is nil."""

    __slots__ = ("go_type", "nil")

    def __init__(
        self, items: Iterable[Any] = (), *, go_type: Type = LIST, nil: bool = False
    ) -> None:
        super().__init__(items)
        self.go_type = go_type
        self.nil = nil


class TypedMap(dict[Any, Any]):
    """A map that is not map[string]interface {}, or that is nil.

    `by_name` tells that `.Name` finds its entries and nothing else.
    """

    __slots__ = ("by_name", "go_type", "nil")

    def __init__(
        self, items: Mapping[Any, Any] | None = None, *, go_type: Type = DICT, nil: bool = False
    ) -> None:
        super().__init__(items or {})
        self.go_type = go_type
        self.nil = nil
        self.by_name = go_type.key is STRING and not go_type.methods


class Struct:
    """A Go struct: its type has the fields, `values` what they hold; absent ones hold zero.

    A subclass may find them in another way (lazily, say) by its own `field`.
    """

    __slots__ = ("go_type", "values")

    def __init__(self, go_type: Type, values: Mapping[str, Any]) -> None:
        self.go_type = go_type
        self.values = values

    def field(self, name: str) -> Any:
        """Give what the field holds; the type has a field of that name."""
        if name in self.values:
            return self.values[name]
        return next(zero(each.type) for each in self.go_type.fields if each.name == name)


@dataclass(frozen=True, slots=True, eq=False)
class Pointer:
    """A Go pointer; compared by identity."""

    go_type: Type
    target: Any

    def __bool__(self) -> bool:
        return self.target is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Time:
    """Go's time.Time: seconds since 1970 in UTC, of any size, and the zone that it is shown in."""

    seconds: int
    nanoseconds: int = 0
    zone: tzinfo = UTC
    go_type: ClassVar[Type] = TIME


_duration_methods.update(
    time_methods.of_duration(DURATION, make_duration=Duration, make_int64=Int64)
)
_time_methods.update(time_methods.of_time(TIME, DURATION, make_duration=Duration, make_int64=Int64))


_TYPES: Final[Mapping[type, Type]] = {
    str: STRING,
    bool: BOOL,
    int: INT,
    float: FLOAT64,
    list: LIST,
    dict: DICT,
    bytes: BYTES,
    complex: COMPLEX128,
}
_WITHOUT_OCTETS: Final = re.compile("[\ud800-\udc7f\udd00-\udfff]")
_FUNCTION: Final = Type(name="func(...)", kind=Kind.FUNC)


def type_of(value: Any) -> Type:
    """Give the Go type of any value but None and INVALID, which have none."""
    known = _TYPES.get(type(value))
    if known is not None:
        return known
    if isinstance(value, Function):
        return _FUNCTION
    found = value.go_type
    if not isinstance(found, Type):
        raise TypeError(f"{type(value).__name__} is no Go value")
    return found


def is_nil(value: Any) -> bool:
    """Tell if it is nil, of whichever type."""
    if value is None or value is INVALID:
        return True
    if isinstance(value, Pointer):
        return value.target is None
    return isinstance(value, TypedList | TypedMap | TypedBytes) and value.nil


def sorted_keys(mapping: Mapping[Any, Any]) -> list[Any]:
    """Give a map's keys in the order in which Go prints, ranges over and encodes them."""
    keys = list(mapping)
    if all(isinstance(key, str) for key in keys):
        return sorted(keys) if all(map(str.isascii, keys)) else sorted(keys, key=octets)
    try:
        return sorted(keys, key=lambda key: ("" if key is None else type_of(key).name, key))
    except TypeError:  # keys of a kind that has no order here
        return keys


_SIZED: Final[Mapping[Type, Callable[[int], int]]] = {
    each.go_type: each
    for each in (Int8, Int16, Int32, Int64, Uint, Uint8, Uint16, Uint32, Uint64, Duration)
}


def sized(go_type: Type, number: int) -> int:
    """Make an integer of that type, which can hold it."""
    return _SIZED.get(go_type, int)(number)


def wrapped(go_type: Type, number: int) -> int:
    """Make an integer of that type; bits that do not fit are lost, as in Go."""
    bits = BITS[go_type.kind]
    number &= (1 << bits) - 1
    if go_type.kind in SIGNED and number >> (bits - 1):
        number -= 1 << bits
    return sized(go_type, number)


def zero(go_type: Type) -> Any:  # noqa: PLR0911 - a case a kind of type
    """Give the zero value of a type: what `index` finds under a missing key."""
    kind = go_type.kind
    if kind is Kind.INTERFACE:
        return None
    if kind is Kind.STRING:
        return ""
    if kind is Kind.BOOL:
        return False
    if kind in INTEGERS:
        return sized(go_type, 0)
    if kind in FLOATS:
        return Float32() if kind is Kind.FLOAT32 else 0.0
    if kind is Kind.MAP:
        return TypedMap(go_type=go_type, nil=True)
    return _zero_of_parts(go_type)


def _zero_of_parts(go_type: Type) -> Any:
    if go_type.kind is Kind.SLICE and go_type.element is UINT8:
        return TypedBytes(go_type=go_type, nil=True)
    if go_type.kind is Kind.SLICE:
        return TypedList(go_type=go_type, nil=True)
    if go_type.kind is Kind.POINTER:
        return Pointer(go_type, None)
    if go_type is TIME:
        return Time(seconds=-62_135_596_800)  # the first of January of the year 1
    if go_type.kind is Kind.STRUCT:
        return Struct(go_type, {})
    raise TypeError(f"no zero value of type {go_type}")


def octets(string: str) -> bytes:
    """Give the octets of a Go string."""
    try:
        return string.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # half of a pair of UTF-16, which no Go string holds
        return _WITHOUT_OCTETS.sub("\ufffd", string).encode("utf-8", "surrogateescape")


def text(data: bytes) -> str:
    """Make a Go string of octets, whatever they are."""
    return data.decode("utf-8", "surrogateescape")


def joined(parts: Iterable[str]) -> str:
    """Put strings together; octets that only together are UTF-8 become characters."""
    string = "".join(parts)
    if string.isascii():
        return string
    try:
        string.encode()
    except UnicodeEncodeError:
        return text(octets(string))
    return string
