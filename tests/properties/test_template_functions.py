"""Whatever a template function is given, it gives a Go value or an error of its own, in time."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.formats.gotemplate import functions, values
from appliance.formats.gotemplate.budget import Budget, Spending
from appliance.formats.gotemplate.errors import BudgetError
from appliance.formats.gotemplate.library import re2_machine
from appliance.formats.gotemplate.library.certificates import CERTIFICATE
from appliance.formats.gotemplate.library.context import FunctionContext
from appliance.formats.gotemplate.signatures import (
    BOOL,
    DICT,
    FLOAT64,
    INT,
    INTERFACE,
    LIST,
    STRING,
    STRINGS,
    UINT32,
    FunctionError,
    Type,
)
from appliance.formats.gotemplate.values import (
    TIME,
    Duration,
    Int64,
    Pointer,
    Struct,
    Time,
    TypedBytes,
    TypedList,
    TypedMap,
    Uint8,
)

FUNCTIONS = functions.standard(
    FunctionContext(now=datetime(2026, 1, 2, tzinfo=UTC), entropy=lambda count: b"\x5a" * count)
)
SLOW = {"derivePassword", "genPrivateKey"} | {name for name in FUNCTIONS if name.startswith("genS")}
SLOW |= {"genCA", "genCAWithKey"}
EXAMPLES = 12  # of each of two hundred functions
BUDGET = Budget(steps=20_000, value=1 << 16)

octets = st.binary(max_size=8).map(values.text)
words = st.sampled_from(
    ["", "a", "1.2.3", "(a|b)*", "2006-01-02", "1h", "https://u@h/p?q#f", "aGk=", "é", "-5", "0x1f"]
)
texts = (
    octets | words | st.text(max_size=8).map(lambda text: text.encode(errors="replace").decode())
)
numbers = st.integers(min_value=-(2**63), max_value=2**63 - 1) | st.integers(-3, 12)
times = st.builds(Time, seconds=numbers, nanoseconds=st.integers(0, 999_999_999))
plain = (
    st.none()
    | st.booleans()
    | numbers
    | numbers.map(Int64)
    | st.integers(0, 255).map(Uint8)
    | numbers.map(Duration)
    | st.floats()
    | st.complex_numbers()
    | texts
    | st.binary(max_size=4)
    | times
    | st.sampled_from(
        [
            TypedList(go_type=LIST, nil=True),
            TypedMap(go_type=DICT, nil=True),
            TypedBytes(nil=True),
            Struct(CERTIFICATE, {"Cert": "x"}),
            Pointer(CERTIFICATE, None),
        ]
    )
)
anything = st.recursive(
    plain,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(texts, max_size=3).map(lambda items: TypedList(items, go_type=STRINGS))
        | st.dictionaries(texts, inner, max_size=3)
    ),
    max_leaves=6,
)
OF_TYPE: dict[Type, st.SearchStrategy[Any]] = {
    STRING: texts,
    INT: numbers,
    UINT32: st.integers(0, 2**32 - 1),
    FLOAT64: st.floats(),
    BOOL: st.booleans(),
    LIST: st.lists(anything, max_size=3),
    DICT: st.dictionaries(texts, anything, max_size=3),
    TIME: times,
    INTERFACE: anything,
    CERTIFICATE: st.just(Struct(CERTIFICATE, {"Cert": "x", "Key": ""})),
}


@pytest.mark.parametrize("name", sorted(set(FUNCTIONS) - SLOW))
@settings(max_examples=EXAMPLES)
@given(data=st.data())
def test_any_arguments_give_a_value_or_an_error_of_the_function(
    name: str, data: st.DataObject
) -> None:
    function = FUNCTIONS[name]
    arguments = [data.draw(OF_TYPE[parameter]) for parameter in function.parameters]
    if function.variadic is not None:
        arguments += data.draw(st.lists(OF_TYPE[function.variadic], max_size=3))
    spending = Spending(BUDGET)
    try:
        result = function.call(*([spending] if function.metered else []), *arguments)
    except (FunctionError, BudgetError):
        return
    assert result is None or values.type_of(result).name


@given(
    st.text(alphabet="ab(|)*+?{}[]^$\\.,-:1dwp<>iPQE é", max_size=14), st.text("abé1\n", max_size=6)
)
def test_any_pattern_matches_or_is_refused(pattern: str, text: str) -> None:
    try:
        program = re2_machine.compile_pattern(pattern)
    except FunctionError:
        return
    found = re2_machine.Search(program, text, Spending(Budget())).match(0)
    if found is not None:
        assert 0 <= found[0] <= found[1] <= len(text)
