"""Data with Go's types for templates: the same as the Go program held that recorded engine.jsonl.

type Inner struct {
    Name  string   `json:"name"`
    Tags  []string `json:"tags,omitempty"`
    Any   any      `json:"any"`
    Count int
}
type Str string; type Named map[string]any; type Strs []string
"""

from datetime import UTC, datetime
from typing import Any

from appliance.formats.gotemplate.signatures import (
    INT,
    INTERFACE,
    STRING,
    STRINGS,
    Field,
    Function,
    FunctionError,
    Kind,
    Type,
    map_of,
    slice_of,
)
from appliance.formats.gotemplate.values import (
    Duration,
    Float32,
    Int8,
    Int64,
    Pointer,
    Struct,
    Time,
    TypedList,
    TypedMap,
    Uint8,
    Uint64,
    text,
)


def _fails(_receiver: Struct, number: int) -> str:
    if number < 0:
        raise FunctionError(f"negative {number}")
    return "fine"


def _name_by_pointer(pointer: Pointer) -> str:
    if pointer.target is None:
        raise FunctionError("runtime error: invalid memory address or nil pointer dereference")
    return "ptr " + str(pointer.target.field("Name"))


STRS = Type(name="main.Strs", kind=Kind.SLICE, element=STRING, defined=True)
NAMED = Type(name="main.Named", kind=Kind.MAP, key=STRING, element=INTERFACE, defined=True)
INNER = Type(
    name="main.Inner",
    kind=Kind.STRUCT,
    defined=True,
    fields=(
        Field(name="Name", type=STRING, json="name"),
        Field(name="Tags", type=STRINGS, json="tags", omit_empty=True),
        Field(name="Any", type=INTERFACE, json="any"),
        Field(name="Count", type=INT, json="Count"),
    ),
    methods={
        "Greet": Function(
            call=lambda inner, who, times: f"{inner.field('Name')} greets {who} {times}",
            parameters=(STRING, INT),
        ),
        "Plain": Function(call=lambda inner: f"plain {inner.field('Name')}"),
        "Vari": Function(call=lambda _inner, *words: len(words), variadic=STRING),
        "Fails": Function(call=_fails, parameters=(INT,)),
    },
)
POINTER = Type(
    name="*main.Inner",
    kind=Kind.POINTER,
    element=INNER,
    methods={"Ptr": Function(call=_name_by_pointer)},
)


class Str(str):
    """A string with a String method."""

    __slots__ = ()
    go_type = Type(
        name="main.Str",
        kind=Kind.STRING,
        defined=True,
        methods={"String": Function(call=lambda word: f"<{str.__str__(word)}>")},
    )


def inner(**fields: Any) -> Struct:
    return Struct(INNER, fields)


def typed() -> TypedMap:
    """Make it anew: templates may change it."""
    moment = datetime(2024, 7, 2, 23, 16, 2, tzinfo=UTC)
    nil = Pointer(POINTER, None)
    return TypedMap(
        {
            "Inner": inner(
                Name="in",
                Tags=TypedList(["a", "b"], go_type=STRINGS),
                Any={"x": 1, "n": None},
                Count=3,
            ),
            "PInner": Pointer(POINTER, inner(Name="pin")),
            "NilInner": nil,
            "Strs": TypedList(["p", "q"], go_type=STRS),
            "NilStrs": TypedList(go_type=STRINGS, nil=True),
            "Bytes": b"hi\xff",
            "I8": Int8(-5),
            "U8": Uint8(200),
            "I64": Int64(1 << 40),
            "U64": Uint64((1 << 63) + 5),
            "F32": Float32(0.10000000149011612),
            "MSS": TypedMap({"b": "2", "a": "1"}, go_type=map_of(STRING, STRING)),
            "NilMap": TypedMap(go_type=map_of(STRING, INT), nil=True),
            "MII": TypedMap({3: "c", -1: "m", 10: "t"}, go_type=map_of(INT, STRING)),
            "MAny": {"nil": None, "s": "str", "l": [1, None, "x", 2.5], "m": {"k": None}},
            "Time": Time(seconds=int(moment.timestamp()), nanoseconds=5_000_000),
            "Dur": Duration(90 * 10**9),
            "Str": Str("st"),
            "C": complex(1, -2),
            "List": ["a", 1, 2.5, None, True, [], {}],
            "Ints": TypedList([3, 1, 2], go_type=slice_of(INT)),
            "Inners": TypedList(
                [inner(Name="i1"), inner(Name="i2", Count=7)], go_type=slice_of(INNER)
            ),
            "PInners": TypedList([nil, nil], go_type=slice_of(POINTER)),
            "Nil": None,
            "S": "h\u00e9llo",
            "B": True,
            "F": False,
            "Bad": text(b"a\xc3\xffb"),
            "E": "",
            "N": 42,
            "Fl": 1e21,
        },
        go_type=NAMED,
    )
