"""Go's types, and what a template function says about itself.

A function for templates is a `Function`: a Python callable with the Go types of its parameters.
The engine checks and converts each argument as Go's reflection does *before* `call` sees it, so
that `call` may rely on them:

    upper = Function(call=lambda text: go_upper(text), parameters=(STRING,))
    list_of = Function(call=lambda *items: list(items), variadic=INTERFACE)
    repeat = Function(call=repeat_text, parameters=(INT, STRING), metered=True)

- a parameter of type STRING gets a `str`, INT an `int`, LIST a `list`, BYTES `bytes` and so on
  (`appliance.formats.gotemplate.values` says how each Go value looks here); anything that Go would
  not assign to the parameter is refused before the call;
- a parameter of type INTERFACE gets any value; a missing map key and `nil` are both None there;
- `variadic` is the type of every further argument; they come as further positional arguments;
- `call` raises FunctionError where the Go function returns an error (or panics): the rendering
  stops with `error calling NAME: …`. It raises TemplateFailure never: `fail` is FunctionError with
  `failure=True`;
- what `call` gives back is a Go value again. It must not change its arguments, unless the Go
  function does (`set`, `unset`).

A function whose result or work can be much larger than its arguments (`repeat`, `until`, `indent`,
`toJson` of shared structure …) is `metered`: `call` gets a Meter before the other arguments, asks
it for room (`meter.reserve(octets or items)`) *before* building, and pays for work that is not
proportional to its result (`meter.spend(steps)`). The engine itself checks the length of each
argument text and list that comes back, so that ordinary functions need none of this.
"""

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType
from typing import Any, Final, Protocol

_NONE: Final[Mapping[str, Any]] = MappingProxyType({})


class Kind(enum.Enum):
    """What a Go type is made of, as reflect.Kind; the value is its name there."""

    BOOL = "bool"
    INT = "int"
    INT8 = "int8"
    INT16 = "int16"
    INT32 = "int32"
    INT64 = "int64"
    UINT = "uint"
    UINT8 = "uint8"
    UINT16 = "uint16"
    UINT32 = "uint32"
    UINT64 = "uint64"
    FLOAT32 = "float32"
    FLOAT64 = "float64"
    COMPLEX128 = "complex128"
    STRING = "string"
    SLICE = "slice"
    ARRAY = "array"
    MAP = "map"
    STRUCT = "struct"
    POINTER = "ptr"
    INTERFACE = "interface"
    FUNC = "func"


SIGNED: Final = frozenset({Kind.INT, Kind.INT8, Kind.INT16, Kind.INT32, Kind.INT64})
UNSIGNED: Final = frozenset({Kind.UINT, Kind.UINT8, Kind.UINT16, Kind.UINT32, Kind.UINT64})
INTEGERS: Final = SIGNED | UNSIGNED
FLOATS: Final = frozenset({Kind.FLOAT32, Kind.FLOAT64})
NILABLE: Final = frozenset({Kind.SLICE, Kind.MAP, Kind.POINTER, Kind.INTERFACE, Kind.FUNC})
BITS: Final[Mapping[Kind, int]] = {
    Kind.INT: 64,
    Kind.INT8: 8,
    Kind.INT16: 16,
    Kind.INT32: 32,
    Kind.INT64: 64,
    Kind.UINT: 64,
    Kind.UINT8: 8,
    Kind.UINT16: 16,
    Kind.UINT32: 32,
    Kind.UINT64: 64,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """An exported field of a Go struct; `json` is its key in JSON ("": never written)."""

    name: str
    type: "Type"
    json: str
    omit_empty: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Type:
    """A Go type. Types are compared by identity: make each named one once.

    `name` is what %T prints, such as `[]string` or `*rsa.PublicKey`. `defined` is true of types
    that were given a name of their own (`net.IP`), which others of the same make are not.
    `methods` get the receiver before all other arguments; `parameters` does not count it. One named
    String or Error says how the value is printed. A pointer also has the methods of its target's
    type, which get the target. `json`, where set, gives another value
    that stands for this one in JSON (MarshalJSON, MarshalText).
    """

    name: str
    kind: Kind
    key: "Type | None" = None  # of a map
    element: "Type | None" = None  # of a list, an array, a map or a pointer
    fields: tuple[Field, ...] = ()  # of a struct, in their order
    methods: Mapping[str, "Function"] = field(default_factory=lambda: _NONE)
    json: Callable[[Any], object] | None = None
    defined: bool = False

    def __str__(self) -> str:
        return self.name


class Meter(Protocol):
    """What is left of a rendering's budget. Both methods raise BudgetError when it is used up."""

    def spend(self, steps: int) -> None:
        """Pay for work; a step is what takes some microseconds."""

    def reserve(self, size: int) -> None:
        """Ask for room before a value of so many octets or items is built."""


class FunctionError(Exception):
    """The error that a Go function would return; never leaves the engine.

    `failure` is true of the error of `fail`, whose text is shown to whoever asked.
    """

    def __init__(self, message: str, *, failure: bool = False) -> None:
        super().__init__(message)
        self.failure = failure


def _predeclared(kind: Kind, name: str = "") -> Type:
    return Type(name=name or kind.value, kind=kind, defined=True)


BOOL: Final = _predeclared(Kind.BOOL)
INT: Final = _predeclared(Kind.INT)
INT8: Final = _predeclared(Kind.INT8)
INT16: Final = _predeclared(Kind.INT16)
INT32: Final = _predeclared(Kind.INT32)
INT64: Final = _predeclared(Kind.INT64)
UINT: Final = _predeclared(Kind.UINT)
UINT8: Final = _predeclared(Kind.UINT8)
UINT16: Final = _predeclared(Kind.UINT16)
UINT32: Final = _predeclared(Kind.UINT32)
UINT64: Final = _predeclared(Kind.UINT64)
FLOAT32: Final = _predeclared(Kind.FLOAT32)
FLOAT64: Final = _predeclared(Kind.FLOAT64)
COMPLEX128: Final = _predeclared(Kind.COMPLEX128)
STRING: Final = _predeclared(Kind.STRING)
INTERFACE: Final = Type(name="interface {}", kind=Kind.INTERFACE)
REFLECTED: Final = Type(name="reflect.Value", kind=Kind.STRUCT, defined=True)
"""A parameter of the builtins: takes anything, also what is missing (values.INVALID)."""


@cache
def slice_of(element: Type) -> Type:
    """Give `[]element`."""
    return Type(name=f"[]{element.name}", kind=Kind.SLICE, element=element)


@cache
def array_of(length: int, element: Type) -> Type:
    """Give `[length]element`, such as what sha256 returns."""
    return Type(name=f"[{length}]{element.name}", kind=Kind.ARRAY, element=element)


@cache
def map_of(key: Type, element: Type) -> Type:
    """Give `map[key]element`."""
    return Type(name=f"map[{key.name}]{element.name}", kind=Kind.MAP, key=key, element=element)


@cache
def pointer_to(element: Type) -> Type:
    """Give `*element`, which has the methods of element; make a Type where the pointer has more."""
    return Type(name=f"*{element.name}", kind=Kind.POINTER, element=element)


BYTES: Final = slice_of(UINT8)
STRINGS: Final = slice_of(STRING)
LIST: Final = slice_of(INTERFACE)
DICT: Final = map_of(STRING, INTERFACE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A function that templates may call; the module's docstring says what `call` gets."""

    call: Callable[..., object]
    parameters: tuple[Type, ...] = ()
    variadic: Type | None = None
    metered: bool = False
