"""Go's values in Python: their types, methods and zero values, and JSON as Go reads it."""

from typing import Any

import pytest

from appliance.formats.gotemplate.decoding import from_decoded, from_json
from appliance.formats.gotemplate.errors import BudgetError, TemplateError
from appliance.formats.gotemplate.signatures import (
    BOOL,
    COMPLEX128,
    FLOAT32,
    FLOAT64,
    INT,
    INT8,
    INT64,
    INTERFACE,
    STRING,
    UINT8,
    Field,
    Function,
    FunctionError,
    Kind,
    Meter,
    Type,
    array_of,
    map_of,
    pointer_to,
    slice_of,
)
from appliance.formats.gotemplate.template import parse
from appliance.formats.gotemplate.values import (
    DURATION,
    TIME,
    Int8,
    Pointer,
    Struct,
    TypedBytes,
    TypedList,
    TypedMap,
    is_nil,
    octets,
    text,
    wrapped,
    zero,
)
from appliance.model.errors import FormatError
from tests.support.godata import INNER, POINTER, inner


def refused(template: str, data: Any = None) -> str:
    with pytest.raises(TemplateError) as caught:
        parse(template, {}).render({} if data is None else data)
    return caught.value.public


@pytest.mark.parametrize(
    ("go_type", "constant", "shown"),
    [
        (INT8, "300", "int8 44"),
        (UINT8, "0x1ff", "uint8 255"),
        (INT64, "'a'", "int64 97"),
        (FLOAT32, "0.1", "float32 0.1"),
        (FLOAT32, "1e300", "float32 +Inf"),
    ],
)
def test_constants_become_the_type_of_their_parameter(
    go_type: Any, constant: str, shown: str
) -> None:
    known = {"give": Function(call=lambda value: value, parameters=(go_type,))}
    assert (
        parse(f'{{{{printf "%T %v" (give {constant}) (give {constant})}}}}', known).render({})
        == shown
    )


def test_pointers_are_followed_where_go_follows_them() -> None:
    pointer = Pointer(POINTER, inner(Name="n"))
    twice = Pointer(pointer_to(POINTER), pointer)
    assert parse("{{.Name}} {{.Plain}} {{.Ptr}} {{.}}", {}).render(pointer) == (
        "n plain n ptr n {n [] <nil> 0}"
    )
    assert parse("{{.Name}} {{.Plain}}", {}).render(twice) == "n plain n"
    known = {"take": Function(call=lambda value: value.field("Name"), parameters=(INNER,))}
    assert parse("{{take .}}", known).render(pointer) == "n"
    with pytest.raises(TemplateError, match=r"dereference of nil pointer of type main\.Inner"):
        parse("{{take .}}", known).render(Pointer(POINTER, None))


def test_zero_values_and_numbers_that_do_not_fit() -> None:
    assert [wrapped(INT8, 200), wrapped(UINT8, -1)] == [Int8(-56), 255]
    assert is_nil(zero(slice_of(INT)))
    assert is_nil(zero(map_of(STRING, INT)))
    assert is_nil(zero(slice_of(UINT8)))
    with pytest.raises(TypeError, match="no zero value"):
        zero(array_of(2, INT))
    missing = TypedMap({}, go_type=map_of(STRING, slice_of(INT)))
    assert parse('{{printf "%#v" (index . "a")}}', {}).render(missing) == "[]int(nil)"
    whole = TypedList([1], go_type=array_of(1, INT))
    assert "unaddressable array" in refused("{{slice . 0 1}}", whole)


def test_texts_of_any_octets_survive() -> None:
    assert octets(text(b"\xff\xc3\xa9")) == b"\xff\xc3\xa9"
    assert octets("a\ud800b\udcff") == b"a\xef\xbf\xbdb\xff"  # half a pair is no octet


@pytest.mark.parametrize("document", ["", "{", "nul", "[1e999]", "NaN", "[" * 5000, '{"a":1,}'])
def test_data_that_is_no_json_is_refused(document: str) -> None:
    with pytest.raises(FormatError, match="invalid JSON"):
        from_json(document)


def test_json_is_read_as_go_reads_it() -> None:
    read = from_json('{"n": 1600000000, "t": "\\ud83d\\ude00 \\ud800", "l": [null, true]}')
    assert read == {"n": 1.6e9, "t": "\U0001f600 \ufffd", "l": [None, True]}
    assert type(read["n"]) is float
    assert from_decoded({"a": (1, "x"), "b": False}) == {"a": [1.0, "x"], "b": False}
    with pytest.raises(FormatError, match="too large"):
        from_decoded([10**400])
    with pytest.raises(TypeError, match="does not come from JSON"):
        from_decoded(object())


def test_a_method_that_fails_is_shown_in_what_is_printed() -> None:
    def refuse(_value: Any) -> str:
        raise FunctionError("oops")

    broken = Type(
        name="main.Broken",
        kind=Kind.STRUCT,
        defined=True,
        methods={"Error": Function(call=refuse), "Shout": Function(call=refuse)},
    )
    value = Struct(broken, {})
    assert parse('{{.}}|{{printf "%d" .}}', {}).render(value) == "%!v(PANIC=Error method: oops)|{}"
    with pytest.raises(TemplateError, match="error calling Shout: oops"):
        parse("{{.Shout}}", {}).render(value)
    pointer = Pointer(pointer_to(broken), None)
    assert parse("{{.}}", {}).render(pointer) == "<nil>"
    with pytest.raises(TemplateError, match="using nil pointer"):
        parse("{{.Shout}}", {}).render(pointer)


def test_a_method_may_be_metered() -> None:
    def repeat(meter: Meter, value: Struct, count: int) -> str:
        meter.reserve(count)
        return str(value.field("Name")) * count

    def shown(meter: Meter, value: Struct) -> str:
        return repeat(meter, value, 2)

    named = Type(
        name="main.Named",
        kind=Kind.STRUCT,
        fields=(Field(name="Name", type=STRING, json="name"),),
        methods={
            "Repeat": Function(call=repeat, parameters=(INT,), metered=True),
            "String": Function(call=shown, metered=True),
        },
    )
    value = Struct(named, {"Name": "ab"})
    assert parse("{{.Repeat 3}} {{.}}", {}).render(value) == "ababab abab"
    with pytest.raises(BudgetError, match="value of more than"):
        parse("{{.Repeat 2000000}}", {}).render(value)


def test_structs_are_compared_field_by_field_and_pointers_by_what_they_are() -> None:
    point = Type(
        name="main.Point",
        kind=Kind.STRUCT,
        defined=True,
        fields=(
            Field(name="X", type=INT, json="x"),
            Field(name="At", type=pointer_to(INNER), json="-"),
            Field(name="Hash", type=array_of(1, INT), json="-"),
        ),
    )
    there, hash_ = Pointer(POINTER, inner(Name="n")), TypedList([1], go_type=array_of(1, INT))
    data = {
        "a": Struct(point, {"X": 1, "At": there, "Hash": hash_}),
        "b": Struct(point, {"X": 1, "At": there, "Hash": hash_}),
        "c": Struct(point, {"X": 2, "At": there, "Hash": hash_}),
        "d": Struct(point, {"X": 1, "At": Pointer(POINTER, inner(Name="n")), "Hash": hash_}),
    }
    template = parse("{{eq .a .b}} {{eq .a .c}} {{eq .a .d}} {{eq .a .c .b}} {{ne .a .b}}", {})
    assert template.render(data) == "true false false true false"


def test_absent_fields_of_a_struct_hold_zero() -> None:
    kinds = Type(
        name="main.Kinds",
        kind=Kind.STRUCT,
        fields=tuple(
            Field(name=name, type=go_type, json="")
            for name, go_type in {
                "A": BOOL, "B": FLOAT32, "C": FLOAT64, "D": pointer_to(INNER), "E": INNER,
                "F": INTERFACE, "G": TIME, "H": UINT8, "I": DURATION,
            }.items()
        ),
    )  # fmt: skip
    assert parse("{{.}}", {}).render(Struct(kinds, {})) == (
        "{false 0 0 <nil> { [] <nil> 0} <nil> 0001-01-01 00:00:00 +0000 UTC 0 0s}"
    )
    with pytest.raises(TemplateError, match=r"nil pointer evaluating \*main\.Inner\.Name"):
        parse("{{.D.Name}}", {}).render(Struct(kinds, {}))
    with pytest.raises(TemplateError, match="F has arguments but cannot be invoked"):
        parse("{{.F 1}}", {}).render(Struct(kinds, {}))


def test_functions_in_data_can_neither_be_printed_nor_called() -> None:
    data = {"f": Function(call=str)}
    assert "can't print {{.f}} of type func(...)" in refused("{{.f}}", data)
    assert "non-function .f of type func(...)" in refused("{{call .f}}", data)


def test_data_that_is_no_go_value_is_a_fault_of_the_caller() -> None:
    with pytest.raises((AttributeError, TypeError)):
        parse("{{.}}", {}).render(object())


def test_octets_keep_their_type_when_they_are_cut() -> None:
    address = Type(name="net.IP", kind=Kind.SLICE, element=UINT8, defined=True)
    data = {"ip": TypedBytes(b"\x0a\x00", go_type=address), "nil": TypedBytes(nil=True)}
    assert (
        parse('{{printf "%T %v %x" (slice .ip 1) .ip .ip}} {{.nil}} {{len .nil}}', {}).render(data)
        == "net.IP [10 0] 0a00 [] 0"
    )


def test_keys_that_have_no_order_are_taken_as_they_come() -> None:
    mixed = TypedMap({1 + 1j: "a", 2j: "b"}, go_type=map_of(COMPLEX128, STRING))
    assert parse("{{range .}}{{.}}{{end}}", {}).render(mixed) == "ab"
