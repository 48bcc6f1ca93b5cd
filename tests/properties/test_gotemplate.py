"""Templates: any text and any data give a text within the budget, or a TemplateError."""

import os
from datetime import UTC, datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.formats.gotemplate import functions
from appliance.formats.gotemplate.budget import Budget
from appliance.formats.gotemplate.errors import TemplateError
from appliance.formats.gotemplate.floats import format_float, parse_float
from appliance.formats.gotemplate.library.context import FunctionContext
from appliance.formats.gotemplate.quoting import quote, unquote
from appliance.formats.gotemplate.template import parse
from appliance.formats.gotemplate.values import octets, text
from tests.support.godata import typed

KNOWN = functions.standard(
    FunctionContext(now=datetime(2026, 1, 2, tzinfo=UTC), entropy=os.urandom)
)
SLOW = {
    "genPrivateKey", "genCA", "genCAWithKey", "genSelfSignedCert", "genSelfSignedCertWithKey",
    "genSignedCert", "genSignedCertWithKey", "derivePassword", "htpasswd", "bcrypt",
}  # fmt: skip
NAMES = sorted(set(KNOWN) - SLOW)
BUDGET = Budget(output=4000, value=4000, steps=4000, iterations=500, depth=10)

pieces = st.sampled_from(
    ["{{", "}}", "{{- ", " -}}", "if", "else", "end", "range", "with", "define", "template",
     "block", "break", "continue", '"T"', "`r`", "'c'", "1", "-1", "1.5", "0x1F", "1e3", "1i", ".",
     ".N", ".S", ".List", ".MAny", ".Inner", "$", "$x", ":=", "=", ",", "|", "(", ")", "nil",
     "true", " ", "\n", "text", "/*", "*/", "{{end}}", "{{else}}", '"', "@", "\u00e9", "\udcff",
     "{{if .N}}", "{{range .List}}", "{{range $i, $e := .Ints}}", "{{with .S}}", "{{break}}",
     '{{define "T"}}', '{{template "T" .}}', "{{$x := .}}", "{{$x = list $x $x}}", "{{range 99}}",
     '{{set $ "x" $}}', "{{.}}"]
)  # fmt: skip
calls = st.builds(
    lambda name, arguments: "{{" + " ".join([name, *arguments]) + "}}",
    st.sampled_from(NAMES),
    st.lists(
        st.sampled_from(
            ["1", "-1", "0", "9223372036854775807", '"a.b"', '""', "`[a-z]+`", "nil", "true", "1.5",
             ".", ".List", ".MAny", ".MSS", ".Inner", ".PInner", ".Time", ".Dur", ".Bad", ".Bytes",
             ".NilInner", ".NilMap", "(list 1 .S nil)", '(dict "a" .N)', "100000", '"%1000d%v"']
        ),
        max_size=4,
    ),
)  # fmt: skip
templates = st.one_of(
    st.text(max_size=40), st.lists(pieces | calls, max_size=12).map("".join), calls
)
data: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5) | st.binary(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)


@settings(max_examples=400, deadline=None)
@given(templates, st.none() | data)
def test_any_text_and_any_data(template: str, value: Any) -> None:
    try:
        parsed = parse(template, KNOWN)
        rendered = parsed.render(typed() if value is None else value, BUDGET)
    except TemplateError as error:
        error.public.encode()
    else:
        assert len(rendered) <= BUDGET.output
        rendered.encode()


@given(st.binary(max_size=30))
def test_what_is_quoted_can_be_read_again(data: bytes) -> None:
    string = text(data)
    for ascii_only in (False, True):
        quoted = unquote(quote(string, ascii_only=ascii_only))
        assert quoted is not None
        assert octets(quoted) == data


@given(st.floats(allow_nan=False, allow_infinity=False), st.sampled_from("geExX"))
def test_the_shortest_form_of_a_number_means_the_number(number: float, verb: str) -> None:
    assert parse_float(format_float(number, verb, -1)) == number


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_a_short_number_has_no_more_digits_than_it_needs(number: float) -> None:
    assert len(format_float(number, "e", -1, bits=32)) <= len("-1.23456789e+01")
