"""`hearth console --set-passphrase`: asked unseen and twice, kept as a hash, or nothing changes."""

import json
import os
import pty
import select
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from appliance.cli.main import main
from appliance.config import loading
from appliance.formats import phc
from tests.support.backups import House
from tests.support.web import Pki

ASKED = "The passphrase of consoles: "
AGAIN = "Please enter the password again: "
PASSPHRASE = "correct horse"
END = "the end"
PATIENCE = 60  # seconds


@pytest.fixture
def config(tmp_path: Path, steppath: Path) -> Path:
    return House.build(steppath, Pki.generate()).config


@contextmanager
def person(monkeypatch: pytest.MonkeyPatch, *dialogue: tuple[str, str]) -> Iterator[list[str]]:
    """Somebody at a terminal who answers each question, and what stood on it at the end."""
    ours, theirs = pty.openpty()
    before, seen = os.dup(0), list[str]()
    reader = threading.Thread(target=_answer, args=(ours, dialogue, seen))
    try:
        os.dup2(theirs, 0)
        with os.fdopen(os.dup(theirs), "w") as screen, monkeypatch.context() as at:
            at.setattr(sys, "stderr", screen)
            reader.start()
            try:
                yield seen
            finally:
                screen.write(END)
                screen.flush()
                reader.join()
    finally:
        os.dup2(before, 0)
        for each in (before, ours, theirs):
            os.close(each)


def _answer(terminal: int, dialogue: Sequence[tuple[str, str]], seen: list[str]) -> None:
    screen = b""
    for question, typed in (*dialogue, (END, "")):
        while not screen.endswith(question.encode()) and not screen.endswith(END.encode()):
            if not select.select([terminal], [], [], PATIENCE)[0]:
                os.write(terminal, b"\x04")  # the end of the input: the command gives up
            screen += os.read(terminal, 1)
        os.write(terminal, f"{typed}\n".encode())
    seen.append(screen.decode())


def test_a_passphrase_is_typed_unseen_and_kept_as_a_hash(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with person(monkeypatch, (ASKED, PASSPHRASE), (AGAIN, PASSPHRASE)) as seen:
        code = main(["console", "--set-passphrase", "--lock-after", "5m"])
    assert code == 0, seen
    assert PASSPHRASE not in seen[0]
    assert "SIGHUP" in seen[0]
    assert PASSPHRASE not in config.read_text()
    lock = loading.load(config).lock
    assert lock.after == timedelta(minutes=5)
    assert phc.matches(lock.passphrase, PASSPHRASE.encode())


def test_two_that_differ_are_asked_for_again(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dialogue = ((ASKED, PASSPHRASE), (AGAIN, "correct house"), (ASKED, "other"), (AGAIN, "other"))
    with person(monkeypatch, *dialogue) as seen:
        code = main(["console", "--set-passphrase"])
    assert code == 0, seen
    assert "not the same" in seen[0]
    assert phc.matches(loading.load(config).lock.passphrase, b"other")


def test_an_empty_one_changes_nothing(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = config.read_bytes()
    with person(monkeypatch, (ASKED, ""), (AGAIN, "")) as seen:
        code = main(["console", "--set-passphrase"])
    assert code == 1
    assert "an empty passphrase locks nothing; nothing was changed" in seen[0]
    assert config.read_bytes() == before


@pytest.mark.parametrize(
    ("after", "said"),
    [("5m", "hearth console --set-passphrase"), ("soon", "console.lockAfter")],
    ids=["no-passphrase", "no-time"],
)
def test_what_would_lock_nothing_is_refused(
    config: Path, capsys: pytest.CaptureFixture[str], after: str, said: str
) -> None:
    before = config.read_bytes()
    assert main(["console", "--lock-after", after]) == 1
    assert said in capsys.readouterr().err
    assert config.read_bytes() == before


def test_the_time_alone_is_changed_later(config: Path) -> None:
    written = json.loads(config.read_text())
    written["console"] = {"passphrase": phc.encode("scrypt", b"one", bytes(phc.SALT))}
    config.write_text(json.dumps(written))
    assert main(["console", "--lock-after", "1h"]) == 0
    lock = loading.load(config).lock
    assert (lock.after, phc.matches(lock.passphrase, b"one")) == (timedelta(hours=1), True)
