"""`hearth template render`: a template and data in, what Go would make of them out."""

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.cli.main import main

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> Run:
    """Run the command in a folder of its own, with that standard input."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str, stdin: bytes = b"") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        code = main(("template", "render", *arguments))
        printed = capsysbinary.readouterr()
        return code, printed.out.decode("utf-8", "surrogateescape"), printed.err.decode()

    return call


def test_a_file_and_its_data(run: Run) -> None:
    Path("leaf.tpl").write_text('{"subject": {{ toJson .Subject }}, "n": {{ .Token.n }}}')
    Path("data.json").write_text('{"Subject": {"commonName": "<a>"}, "Token": {"n": 1e9}}')
    shown = '{"subject": {"commonName":"\\u003ca\\u003e"}, "n": 1e+09}'
    assert run("leaf.tpl", "--data", "data.json") == (0, shown, "")
    assert run("leaf.tpl", "--data", "-", stdin=Path("data.json").read_bytes()) == (0, shown, "")


def test_a_template_from_standard_input_comes_out_octet_for_octet(run: Run) -> None:
    assert run(stdin=b'{{ "a\\xff" }}{{ .missing }}\r\n') == (0, "a\udcff<no value>\r\n", "")
    assert run("-", stdin=b"x\xff") == (0, "x\udcff", "")


@pytest.mark.parametrize(
    ("arguments", "stdin", "problem"),
    [
        ((), b"{{ .a.b.c }", 'unexpected "}" in operand'),
        ((), b'{{ (index . "a").b.c }}{{ index 1 2 }}', "error calling index: can't index item"),
        ((), b'{{ fail "no way" }}', "error calling fail: no way"),
        (("missing.tpl",), b"", "open missing.tpl failed: no such file or directory"),
        (("--data", "bad.json"), b"x", "error reading bad.json: invalid JSON"),
        (("--data", "-"), b"{}", "cannot both come from standard input"),
        (("leaf.tpl", "--jsonl"), b"", "name no file"),
    ],
)
def test_what_is_wrong_is_said(
    run: Run, arguments: tuple[str, ...], stdin: bytes, problem: str
) -> None:
    Path("bad.json").write_text("{")
    code, out, err = run(*arguments, stdin=stdin)
    assert (code, out) == (1, "")
    assert problem in err


def test_an_error_names_the_file(run: Run) -> None:
    Path("leaf.tpl").write_text("\n{{ nope }}")
    assert run("leaf.tpl")[2] == 'template: leaf.tpl:2: function "nope" not defined\n'


def test_lines_of_json_are_answered_line_by_line(run: Run) -> None:
    Path("data.json").write_text('{"a": {"b": 1}}')
    asked = [
        {"template": "{{ add 1 2 }} {{ .a.b }}"},
        {"template": '{{ $_ := set .a "b" 2 }}{{ .a.b }}'},
        {"template": "{{ .a.b }}"},
        {"template": "{{ .x.y }}", "data": {"x": None}},
        {"template": "{{ now.Year | typeOf }}", "data": None},
        {"template": "{{ nope }}"},
        {"template": "{{ .c }}", "data": [1]},
        {"data": {}},
    ]
    text = "\n".join(json.dumps(each) for each in asked) + "\n\nnot json\n\xff\n"
    code, out, err = run("--jsonl", "--data", "data.json", stdin=text.encode("latin-1"))
    assert (code, err) == (0, "")
    answers = [json.loads(line) for line in out.splitlines()]
    assert [answer.get("output") for answer in answers[:3]] == ["3 1", "2", "1"]
    assert answers[3]["error"].endswith("nil pointer evaluating interface {}.y")
    assert answers[4] == {"output": "int"}
    assert [answer.get("stage") for answer in answers[5:]] == [
        "parse", "exec", "input", "input", "input",
    ]  # fmt: skip
    assert len(answers) == len(asked) + 2


def test_every_recorded_template_gives_what_go_gave(run: Run) -> None:
    """They were recorded with sprig's functions alone."""
    golden = Path(__file__).parents[1] / "formats/golden/gotemplate"
    cases = [json.loads(line) for line in (golden / "cases.jsonl").read_text().splitlines()]
    asked = "\n".join(json.dumps({"template": case["template"]}) for case in cases)
    _, out, _ = run(
        "--jsonl", "--data", str(golden / "data.json"), "--functions", "sprig",
        stdin=asked.encode(),
    )  # fmt: skip
    answers = [json.loads(line) for line in out.splitlines()]
    wrong = [
        (case["template"], answer)
        for case, answer in zip(cases, answers, strict=True)
        if answer.get("output") != case.get("output") or answer.get("stage") != case.get("error")
    ]
    assert wrong == []


def test_each_line_is_answered_before_the_next_is_read(
    monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    answered: list[bytes] = []

    class Lines:
        def __iter__(self) -> "Lines":
            return self

        def __next__(self) -> bytes:
            answered.append(capsysbinary.readouterr().out)
            if len(answered) > 2:
                raise StopIteration
            return b'{"template": "x"}\n'

        buffer = property(lambda self: self)

    monkeypatch.setattr(sys, "stdin", Lines())
    assert main(("template", "render", "--jsonl")) == 0
    assert answered == [b"", b'{"output":"x"}\n', b'{"output":"x"}\n']
