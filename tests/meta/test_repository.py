"""Rules of the repository that no other tool holds."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LONGEST = 400  # lines of a module


def tracked(*patterns: str) -> list[Path]:
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "--", *patterns],
        check=True,
        capture_output=True,
        text=True,
    )
    return [ROOT / line for line in listed.stdout.splitlines() if (ROOT / line).is_file()]


def test_no_module_is_longer_than_a_person_reads_at_once() -> None:
    """Where a module passes 400 lines, it has a seam inside."""
    long = {
        str(file.relative_to(ROOT)): count
        for file in tracked("appliance/*.py", "tui/*.py")
        if (count := len(file.read_text().splitlines())) > LONGEST
    }
    assert long == {}


def test_the_lock_names_no_index_and_no_host() -> None:
    lock = (ROOT / "packaging" / "requirements.lock").read_text()
    assert "://" not in lock
    assert "--index-url" not in lock
    assert "--find-links" not in lock


def test_no_file_names_a_package_index() -> None:
    """What is committed works wherever packages come from."""
    index = re.compile(
        r"--(?:extra-)?index-url|https?://[^ \"]*/simple(?:/|$)|files\.python" + "hosted"
    )
    found = [
        str(file.relative_to(ROOT))
        for file in tracked()
        if file.suffix != ".svg" and file.name != "test_repository.py"
        and index.search(file.read_text(errors="replace"))
    ]  # fmt: skip
    assert found == []


def test_nothing_is_left_for_later_in_the_code() -> None:
    marks = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b|raise NotImplementedError")
    found = [
        str(file.relative_to(ROOT))
        for file in tracked("appliance/*.py", "tui/*.py")
        if marks.search(file.read_text())
    ]
    assert found == []


def test_a_quick_command_stays_quick() -> None:
    """`hearth version` imports neither the server, nor the console, nor cryptography."""
    script = (
        "import sys; from appliance.cli.main import main; main(['version']); "
        "print(sorted({'trio', 'textual', 'cryptography', 'quart', 'plyvel', 'httpx'}"
        " & set(sys.modules)))"
    )
    output = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True, cwd=ROOT
    ).stdout
    assert output.splitlines()[-1] == "[]"
