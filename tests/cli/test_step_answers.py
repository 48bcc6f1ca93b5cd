"""What step printed and wrote for the same command lines, replayed."""

import base64
import io
import json
from pathlib import Path
from typing import Any

import pytest

from appliance.cli.main import main
from tests.cli.record_step import copy_of_inputs
from tests.cli.step_cases import ANSWERS, Case, cases

RECORDED: dict[str, dict[str, Any]] = json.loads(ANSWERS.read_text())
OTHERS: dict[str, str] = {}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, steppath: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    del steppath
    work = tmp_path / "work"
    work.mkdir()
    copy_of_inputs(work)
    monkeypatch.chdir(work)
    return work


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_the_same_answer_as_step(
    case: Case, folder: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: Any
) -> None:
    """The same exit code, standard output and files; only what goes wrong is told in our words."""
    expected = RECORDED[case.name]
    given = (folder / case.given) if case.given else Path("/dev/null")
    with given.open("rb") as stream:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(stream, "utf-8"))
        code = main(case.words)
    out, err = capfdbinary.readouterr()
    assert (code, out) == (expected["code"], base64.b64decode(expected["out"])), err
    if case.made:
        assert (folder / case.made).read_bytes() == base64.b64decode(expected["made"])
    if code == 0:
        assert err.decode() == expected["err"]
    else:
        assert err
