"""Templates give what Go's text/template makes of them, octet for octet, and refuse what it does.

golden/gotemplate/cases.jsonl holds templates of many kinds rendered from data.json by Go with
sprig's text functions; engine.jsonl holds templates of builtins alone, rendered by Go from the data
of tests/support/godata.py, with the whole text of each error.
"""

import base64
import json
import os
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from appliance.formats.gotemplate import functions
from appliance.formats.gotemplate.budget import Budget
from appliance.formats.gotemplate.decoding import from_json
from appliance.formats.gotemplate.errors import BudgetError, TemplateError, TemplateFailure
from appliance.formats.gotemplate.library.context import FunctionContext
from appliance.formats.gotemplate.signatures import (
    INT,
    STRING,
    Function,
    FunctionError,
)
from appliance.formats.gotemplate.template import parse
from appliance.model.errors import FormatError
from tests.support.godata import typed

GOLDEN = Path(__file__).parents[1] / "golden" / "gotemplate"
DATA = (GOLDEN / "data.json").read_bytes()
SPRIG = functions.sprig(FunctionContext(now=datetime(2026, 1, 2, tzinfo=UTC), entropy=os.urandom))


def lines(name: str) -> Iterator[dict[str, str]]:
    for line in (GOLDEN / name).read_bytes().splitlines():
        yield json.loads(line)


def outcome(template: str, known: Any, data: Any) -> dict[str, str]:
    try:
        rendered = parse(template, known).render_octets(data)
    except TemplateError as error:
        return {"error": error.stage, "text": error.public}
    try:
        return {"output": rendered.decode()}
    except UnicodeDecodeError:
        return {"octets": base64.b64encode(rendered).decode()}


def render(template: str, data: Any = None, **budget: int) -> str:
    return parse(template, SPRIG).render({} if data is None else data, Budget(**budget))


def refused(template: str, data: Any = None) -> str:
    with pytest.raises(TemplateError) as caught:
        parse(template, {}).render({} if data is None else data)
    return caught.value.public


def test_every_recorded_template_gives_what_go_gave() -> None:
    wrong = []
    for case in lines("cases.jsonl"):
        got = outcome(case["template"], SPRIG, from_json(DATA))
        wanted = {name: case[name] for name in ("output", "error") if name in case}
        if {name: got.get(name) for name in wanted} != wanted:
            wrong.append((case, got))
    assert wrong == []


def test_builtins_and_errors_are_gos_word_for_word() -> None:
    wrong = []
    for case in lines("engine.jsonl"):
        got = outcome(case.pop("template"), {}, typed())
        if got != case:
            wrong.append((case, got))
    assert wrong == []


@pytest.mark.parametrize(
    ("template", "budget", "problem"),
    [
        ("{{range 1000}}x{{end}}", {"iterations": 999}, "loops more than 999 times"),
        ("{{range 1000}}xyz{{end}}", {"output": 2999}, "writes more than 2999 octets"),
        ("{{range 1000}}{{$}}{{end}}", {"steps": 3000}, "too many steps"),
        ('{{define "T"}}{{template "T"}}{{end}}{{template "T"}}', {"depth": 9}, "depth (9)"),
        ('{{define "T"}}{{template "T"}}{{end}}{{template "T"}}', {}, "depth (64)"),
        ('{{printf "%1000000d" 1}}', {}, "value of more than 262144 octets"),
        ('{{printf "%.1000000f" 1.5}}', {}, "value of more than 262144 octets"),
        ('{{repeat 1000000000 "x"}}', {}, "value of more than"),
        ("{{until 100000000}}", {}, "value of more than"),
        ("{{range 9223372036854775807}}{{end}}", {}, "too many steps|loops more than"),
        ('{{$x := "xx"}}{{range 64}}{{$x = print $x $x}}{{end}}', {}, "value of more|steps"),
        ("{{$x := list 1}}{{range 64}}{{$x = list $x $x}}{{end}}{{$x}}", {}, "steps|nested too"),
        ("{{$x := list 1}}{{range 64}}{{$x = list $x $x}}{{end}}{{toJson $x}}", {}, "budget|steps"),
        ("{{$x := list 1}}{{range 64}}{{$x = concat $x $x}}{{end}}", {}, "value of more|steps"),
        ('{{$d := dict}}{{$_ := set $d "d" $d}}{{$d}}', {}, "nested too deep"),
        ("{{$x := list}}{{range 200}}{{$x = list $x}}{{end}}{{print $x}}", {}, "nested too deep"),
        (
            '{{$x := repeat 100000 "x"}}{{$l := list}}'
            "{{range 1000}}{{$l = append $l $x}}{{end}}{{$l}}",
            {},
            "too many steps",
        ),
    ],
)
def test_a_template_never_runs_out_of_its_budget(
    template: str, budget: dict[str, int], problem: str
) -> None:
    with pytest.raises(TemplateError, match=problem.replace("(", r"\(").replace(")", r"\)")):
        render(template, **budget)


def test_a_budget_that_is_just_enough_is_enough() -> None:
    assert render("{{range 1000}}xyz{{end}}", iterations=1000, output=3000) == "xyz" * 1000
    nested = '{{define "T"}}{{if .}}x{{template "T" (slice . 1)}}{{end}}{{end}}{{template "T" .}}'
    assert parse(nested, {}).render("a" * 30, Budget(depth=31)) == "x" * 30


@pytest.mark.parametrize(
    "template",
    [
        "{{if 1}}" * 5000,
        "{{" + "(" * 5000 + "1" + ")" * 5000 + "}}",
        "{{range 1}}" * 61 + "{{end}}" * 61,
        "x" * ((1 << 18) + 1),
    ],
)
def test_a_template_that_is_too_deep_or_too_long_is_refused(template: str) -> None:
    with pytest.raises(BudgetError) as caught:
        parse(template, {})
    assert isinstance(caught.value, FormatError)


def test_a_long_chain_of_else_if_is_not_deep() -> None:
    chain = "".join(f"{{{{else if eq . {number}}}}}{number}" for number in range(500))
    template = parse(f"{{{{if not .}}}}none{chain}{{{{end}}}}", {})
    assert [template.render(number) for number in (1, 499, 500)] == ["1", "499", ""]


def test_a_failure_says_what_the_template_said() -> None:
    with pytest.raises(TemplateFailure) as caught:
        render('{{ if not .ok }}{{ fail "not for you" }}{{ end }}')
    assert caught.value.message == "not for you"
    assert caught.value.public.endswith("error calling fail: not for you")


def test_one_parsed_template_serves_many_at_once() -> None:
    template = parse('{{$n := .n}}{{range 200}}{{$n}},{{end}}{{template "T" .}}{{define "T"}}{{.n}}'
                     "{{end}}", {})  # fmt: skip
    answers: dict[int, str] = {}

    def run(number: int) -> None:
        answers[number] = template.render({"n": number})

    threads = [threading.Thread(target=run, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == {number: f"{number}," * 200 + str(number) for number in range(8)}


def test_a_rendering_that_failed_leaves_nothing_behind() -> None:
    template = parse("{{range .}}{{$x := .}}{{index $x 0}}{{end}}", {})
    with pytest.raises(TemplateError):
        template.render([["a"], []])
    assert template.render([["a"], ["b"]]) == "ab"


def test_octets_that_are_no_utf_8_reach_a_reader_of_json_as_go_would_have_it() -> None:
    template = parse(r'{{"\xc3"}}{{"\xa9"}}{{"a\xffb"}}', {})
    assert template.render_octets({}) == b"\xc3\xa9a\xffb"
    assert template.render({}) == "\u00e9a\ufffdb"
    assert (
        render(r'{{len (print "\xc3" "\xa9")}}{{printf "%q" (print "\xc3" "\xa9")}}') == '2"\u00e9"'
    )


def test_columns_of_errors_count_octets() -> None:
    assert "template:2:10: executing" in refused("x\n\u00e9\u00e9{{  .a.b}}", {"a": None})


def test_the_name_of_a_template_is_in_its_errors() -> None:
    with pytest.raises(TemplateError, match=r'^template: leaf\.tpl:1: function "x" not defined$'):
        parse("{{x}}", {}, name="leaf.tpl")


def test_functions_of_the_caller_replace_builtins() -> None:
    shout = Function(call=lambda word: word.upper(), parameters=(STRING,))
    assert parse('{{ print "x" }}', {"print": shout}).render({}) == "X"


def test_what_a_function_does_wrong_is_an_error_of_the_template() -> None:
    def divide(number: int) -> float:
        return 1 / number

    def refuse() -> str:
        raise FunctionError("not today")

    known = {"divide": Function(call=divide, parameters=(INT,)), "refuse": Function(call=refuse)}
    assert parse("{{divide 2}}", known).render({}) == "0.5"
    for template, problem in {
        "{{divide 0}}": "error calling divide: ZeroDivisionError: division by zero",
        "{{refuse}}": "error calling refuse: not today",
        '{{divide "a"}}': 'expected integer; found "a"',
        "{{divide .x}}": "invalid value; expected int",
    }.items():
        with pytest.raises(TemplateError) as caught:
            parse(template, known).render({})
        assert caught.value.public.endswith(problem)
        assert caught.value.stage == "exec"
