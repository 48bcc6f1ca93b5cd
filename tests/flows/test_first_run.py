"""From an empty directory to a certificate, by `hearth` on a terminal of 80 by 24 and its keys."""

import json
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.appliance import HEARTH
from tests.support.tmux import Tmux, tmux

PASSWORD = "correct-horse-battery"


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Tmux]:
    with tmux(tmp_path) as opened:
        yield opened


def test_a_person_makes_a_ca_and_gets_its_first_certificate(terminal: Tmux, tmp_path: Path) -> None:
    """It is left on the way and taken up again; nothing that was typed unseen is on disk."""
    environment = {"STEPPATH": str(tmp_path / "step"), "HOME": str(tmp_path)}
    address = f"127.0.0.1:{_free_port()}"
    terminal.keys(f"cd {tmp_path}", "Enter")
    terminal.run(HEARTH, environment)
    shows(terminal, "1 of 9", "is free", "resume later")
    terminal.keys("C-s")
    shows(terminal, "Left as it is", "ended 0")
    answers = tmp_path / "step" / "first-run.json"
    kept = json.loads(answers.read_bytes())
    kept["draft"] |= {"dns_names": "localhost, 127.0.0.1", "address": address}
    answers.write_text(json.dumps(kept))

    terminal.run(HEARTH, environment)
    shows(terminal, "1 of 9", "localhost", address)
    for number, part in ((2, "It is now"), (3, "Intermediate, and"), (4, "ACME"), (5, "Password")):
        terminal.keys("Enter")
        shows(terminal, f"{number} of 9", part)
        on(terminal, number)
    unseen = "•" * len(PASSWORD)
    terminal.keys(PASSWORD)
    shows(terminal, unseen)
    terminal.keys("Tab")
    time.sleep(1)  # nothing on the screen's text tells where the cursor is
    terminal.keys(PASSWORD)
    terminal.until(lambda text: text.count(unseen) == 2)
    terminal.keys("Enter")
    shows(terminal, "6 of 9", "typing the password")
    terminal.keys("Enter")
    shows(terminal, "7 of 9", "Enter makes it")
    terminal.keys("Enter")
    shows(terminal, "8 of 9", "Fingerprint of the root")
    assert PASSWORD not in everything(tmp_path / "step")
    terminal.keys("Enter")
    shows(terminal, "9 of 9", f"https://localhost:{address.rpartition(':')[2]}")
    terminal.keys("Enter")
    shows(terminal, "issued", "--fingerprint")
    (certificate,) = tmp_path.glob("*.crt")
    verified = subprocess.run(
        ["openssl", "verify", "-CAfile", str(tmp_path / "step" / "certs" / "root_ca.crt"),
         "-untrusted", str(certificate), str(certificate)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert verified.returncode == 0, verified.stderr

    (tmp_path / "password").write_text(PASSWORD)
    fetched = subprocess.run(
        [*HEARTH, "ca", "certificate", "localhost", "own.crt", "own.key",
         "--provisioner", "admin", "--password-file", "password"],
        cwd=tmp_path, env={"PATH": os.environ["PATH"], **environment},
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert fetched.returncode == 0, fetched.stderr
    terminal.keys("Enter")
    terminal.until(lambda text: "9 of 9" not in text and "serving" in text)
    terminal.keys("q")
    shows(terminal, "Quit?")
    terminal.keys("y")
    shows(terminal, "ended 0")
    assert terminal.is_cooked


def test_whatever_ends_it_it_is_taken_up_where_it_was(terminal: Tmux, tmp_path: Path) -> None:
    """SIGTERM gives the terminal back; SIGKILL cannot, and loses no answer either."""
    environment = {"STEPPATH": str(tmp_path / "step"), "HOME": str(tmp_path)}
    terminal.run(HEARTH, environment)
    shows(terminal, "1 of 9", "Listens on", "is free")
    terminal.keys("Enter")
    shows(terminal, "2 of 9")
    terminal.until(lambda text: re.search(r"UTC .*here", text) is not None)
    shell = terminal._tmux("display-message", "-p", "-t", "t", "#{pane_pid}").strip()
    os.kill(int(_child(shell)), signal.SIGTERM)
    shows(terminal, "ended 0")
    assert terminal.is_cooked

    terminal.run(HEARTH, environment)
    shows(terminal, "2 of 9", "Taken up where it was left")
    terminal.keys("Enter")
    shows(terminal, "3 of 9", "Intermediate, and")
    os.kill(int(_child(shell)), signal.SIGKILL)
    terminal.until(lambda text: "ended 137" in text)
    # As a person mends it: Enter is no line end now.
    terminal.keys("C-j", "stty sane; echo men''ded", "C-j")
    terminal.until(lambda text: "mended" in text)

    terminal.run(HEARTH, environment)
    shows(terminal, "3 of 9", "Taken up where it was left", "Intermediate, and")
    process = int(_child(shell))
    terminal.hang_up()
    deadline = time.monotonic() + 60
    while Path(f"/proc/{process}").exists():
        assert time.monotonic() < deadline, "it goes on without a terminal"
        time.sleep(0.05)
    kept = json.loads((tmp_path / "step" / "first-run.json").read_bytes())
    assert kept["topic"] == "keys"


def shows(terminal: Tmux, *parts: str) -> str:
    return terminal.until(lambda text: all(part in text for part in parts))


def on(terminal: Tmux, number: int) -> None:
    """See that the findings of a step have come: then Enter goes on at once."""
    if number == 2:
        terminal.until(lambda text: re.search(r"UTC .*here", text) is not None)


def everything(directory: Path) -> str:
    files = [path for path in directory.rglob("*") if path.is_file()]
    return "".join(path.read_bytes().decode("latin-1") for path in files)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _child(process: str) -> str:
    found = subprocess.run(["pgrep", "-P", process], capture_output=True, text=True, check=True)
    return found.stdout.split()[0]
