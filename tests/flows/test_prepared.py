"""What is made ready when the one file is built is neither looked for nor compiled at its start."""

import json
import marshal
import runpy
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from types import CodeType, SimpleNamespace

import pytest

ROOT = Path(__file__).parents[2]
PACKAGING = ROOT / "packaging"

STARTED = """
import builtins, json, re, runpy, sys

prepared = runpy.run_path(sys.argv[1])
again = []

def noting(function):
    def noted(text, *others):
        again.append(str(text))
        return function(text, *others)
    return noted

re._compiler.compile = noting(re._compiler.compile)
builtins.compile = noting(compile)
prepared["use"](sys.argv[2], sys.argv[3])

from appliance.web import lane
from appliance.web.limits import Limits

head = lane.read_head(b"GET /health HTTP/1.1\\r\\nHost: ca.test\\r\\n\\r\\n", Limits())
assert head is not None and head.target == "/health", head
assert lane.__loader__.get_resource_reader(lane.__name__).files().is_dir()
print(json.dumps([type(lane.__loader__).__name__, lane.__file__, again]))
"""


def started(kept: Path) -> tuple[str, str, set[str]]:
    """Give the loader and file of one module, and the texts that were compiled."""
    ended = subprocess.run(
        [sys.executable, "-c", STARTED, PACKAGING / "prepared.py", kept, ROOT],
        check=False, capture_output=True, text=True, cwd=ROOT,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    loader, file, again = json.loads(ended.stdout)
    return loader, file, set(again)


def code_of(name: str) -> CodeType:
    found = find_spec(name)
    assert found is not None
    code = found.loader.get_code(name)  # type: ignore[union-attr]
    assert isinstance(code, CodeType)
    return code


def test_modules_and_what_they_generate_are_taken_from_what_was_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(PACKAGING)
    recorded, kept = tmp_path / "recorded.code", tmp_path / "start.code"
    preparing = PACKAGING / "preparing.py"
    subprocess.run([sys.executable, preparing, recorded], check=True, env={"PYTHONPATH": str(ROOT)})
    generated = marshal.loads(recorded.read_bytes())
    ours = [name for name in generated if name.startswith("appliance")]
    texts = {str(text) for name in ours for (text, _), _ in generated[name]}
    archive = SimpleNamespace(toc=ours, extract=code_of)
    assert runpy.run_path(str(preparing))["pack"](recorded, archive, kept) == set(ours)
    loader, file, again = started(kept)
    assert (loader, file) == ("Loader", str(ROOT / "appliance" / "web" / "lane.py"))
    assert not texts & again
    assert texts & started(tmp_path / "missing")[2]
