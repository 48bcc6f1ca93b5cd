"""A person's files are written as a whole, as allowed, and stay whose they were."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from appliance.cli import files
from appliance.cli.files import may_write, read_file, write_file
from appliance.model.errors import BadRequest


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """What the person says to the overwrite question, in turn."""
    given: list[bool] = []
    monkeypatch.setattr(files, "confirm", lambda prompt: given.pop(0))
    return given


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_file_has_the_mode_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_file(tmp_path / "a", b"x", 0o644)
        write_file(tmp_path / "b", b"x", 0o600)
    finally:
        os.umask(before)
    assert (_mode(tmp_path / "a"), _mode(tmp_path / "b")) == (0o644, 0o600)


def test_a_file_that_was_there_keeps_its_mode(tmp_path: Path) -> None:
    """A certificate that a service may read must stay readable after a renewal."""
    file = tmp_path / "a"
    file.write_bytes(b"old and longer")
    file.chmod(0o640)
    write_file(file, b"new", 0o600, force=True)
    assert (file.read_bytes(), _mode(file)) == (b"new", 0o640)


def test_a_symbolic_link_stays_one(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_bytes(b"old")
    link.symlink_to(target)
    write_file(link, b"new", 0o600, force=True)
    assert link.is_symlink()
    assert target.read_bytes() == b"new"


def test_nothing_is_overwritten_without_a_yes(tmp_path: Path, answers: list[bool]) -> None:
    file = tmp_path / "a"
    file.write_bytes(b"old")
    answers += [False, True]
    with pytest.raises(BadRequest, match="exists and was not overwritten"):
        write_file(file, b"new", 0o600)
    assert file.read_bytes() == b"old"
    write_file(file, b"new", 0o600)
    assert file.read_bytes() == b"new"
    may_write(file, force=True)
    may_write(tmp_path / "none")


def test_a_failure_half_way_leaves_the_old_file_and_no_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(BadRequest, match="cannot be written: no space left on device"):
        write_file(tmp_path / "new", b"x", 0o600)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_does_not_cost_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a"
    file.write_bytes(b"old")

    def full(fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(BadRequest, match="no space left on device"):
        write_file(file, b"new", 0o600, force=True)
    assert file.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a"]


def test_where_nothing_can_be_renamed_to_it_is_written_in_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that is mounted into a container by itself refuses a rename."""
    file = tmp_path / "a"
    file.write_bytes(b"old and longer")

    def busy(self: Path, target: Path) -> Path:
        raise OSError(16, "Device or resource busy")

    monkeypatch.setattr(Path, "replace", busy)
    write_file(file, b"new", 0o600, force=True)
    assert file.read_bytes() == b"new"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a"]


def test_a_pipe_is_written_to_without_a_question(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        write_file(pipe, b"x", 0o600)
        assert os.read(reader, 9) == b"x"
    finally:
        os.close(reader)
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_standard_output_is_a_file_too_even_when_it_is_a_pipe() -> None:
    code = "from appliance.cli.files import write_file; write_file('/dev/stdout', b'text', 0o600)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (0, b"text")


def test_directories_and_missing_places_are_named(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="is a directory: name a file"):
        write_file(tmp_path, b"x", 0o600, force=True)
    with pytest.raises(BadRequest, match="cannot be written: no such file or directory"):
        write_file(tmp_path / "none" / "a", b"x", 0o600)
    with pytest.raises(BadRequest, match=r"open .*none failed: no such file or directory"):
        read_file(str(tmp_path / "none"))


def test_a_byte_order_mark_is_no_part_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"\xef\xbb\xbftext")
    assert read_file(str(tmp_path / "a")) == b"text"
