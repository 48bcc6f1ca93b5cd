"""Console and server in one process, on a real terminal: who ends what, and what stays."""

import json
import os
import signal
import socket
import subprocess
import sys
import termios
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from tests.support.appliance import HEARTH, Appliance, environment
from tests.support.load import csr
from tests.support.tmux import Tmux, tmux

# Run the program with something of it replaced: what no configuration can bring about.
BROKEN_CONSOLE = """
from tui.widgets.tally import Tally
def render(self):
    if self._overview is not None and self._overview.issued:
        raise RuntimeError("a fault of the console")
    return ""
Tally.render = render
"""
BROKEN_SERVER = """
import trio
from appliance.model.errors import Broken
from appliance.server.upkeep import Upkeep
async def fail(self):
    while not FILE.exists():
        await trio.sleep(0.05)
    raise Broken("the store cannot be written", detail="no space left")
Upkeep.run = fail
"""
START = "import sys; from appliance.cli.main import main; sys.exit(main(sys.argv[1:]))"


@pytest.fixture(scope="module")
def appliance(tmp_path_factory: pytest.TempPathFactory) -> Appliance:
    return Appliance(tmp_path_factory.mktemp("console"))


@pytest.fixture
def terminal(appliance: Appliance, tmp_path: Path) -> Iterator[Tmux]:
    """A terminal; the server that a test leaves behind is ended."""
    with tmux(tmp_path) as opened:
        yield opened
    if (tmp_path / "pid").exists():
        os.kill(process(tmp_path), signal.SIGKILL)


def start(appliance: Appliance, terminal: Tmux, tmp_path: Path, before: str = "") -> str:
    """Serve with the console, with something done before, and give the first whole screen."""
    command = [sys.executable, "-c", f"{before}\n{START}"] if before else HEARTH
    terminal.run(
        [
            *command, "serve", str(appliance.ca_json), "--console", "--pidfile",
            str(tmp_path / "pid"), "--password-file", str(appliance.password_file),
        ],
        environment(appliance.steppath),
    )  # fmt: skip
    terminal.until(lambda text: "● serving" in text and "[1 Overview]" in text)
    terminal.keys("2")
    return terminal.until(lambda text: "● serving" in text and "[2 Live]" in text)


def process(tmp_path: Path) -> int:
    return int((tmp_path / "pid").read_text())


def issue(appliance: Appliance, name: str) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    body = json.dumps({"csr": csr(name, key), "ott": appliance.load.token(name)}).encode()
    with urllib.request.urlopen(
        urllib.request.Request(f"{appliance.url}/1.0/sign", body),
        context=appliance.context(),
        timeout=20,
    ) as answer:
        assert answer.status == 201


def ends(pid: int) -> bool:
    """Whether a process that is not our child comes to its end."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


def test_what_is_issued_is_seen_and_quitting_ends_the_process_and_restores_the_terminal(
    appliance: Appliance, terminal: Tmux, tmp_path: Path
) -> None:
    screen = start(appliance, terminal, tmp_path)
    assert appliance.url in screen
    issue(appliance, "seen.example")
    terminal.until(lambda text: "● issued" in text and "seen.example" in text)
    terminal.keys("Enter")
    terminal.until(lambda text: "Valid until" in text and "● active" in text)
    terminal.keys("Escape")
    terminal.until(lambda text: "● following" in text)
    terminal.resize(40, 10)
    terminal.until(lambda text: "seen.example" in text and "https://" not in text)
    terminal.resize(80, 24)
    terminal.until(lambda text: appliance.url in text)
    os.kill(process(tmp_path), signal.SIGHUP)
    issue(appliance, "after-reload.example")
    terminal.until(lambda text: "after-reload.example" in text)
    terminal.keys("q")
    terminal.until(lambda text: "Quit?" in text)
    terminal.keys("y")
    text = terminal.until(lambda text: "ended 0" in text)
    assert "reloading" in text, "log lines of the console's time are shown after it"
    assert terminal.is_cooked
    assert not appliance.healthy()


def test_closing_the_console_only_keeps_serving_and_shows_the_log(
    appliance: Appliance, terminal: Tmux, tmp_path: Path
) -> None:
    start(appliance, terminal, tmp_path)
    terminal.keys("q")
    terminal.until(lambda text: "Quit?" in text)
    terminal.keys("k")
    terminal.until(lambda text: "The certificate authority goes on" in text)
    assert terminal.is_cooked
    assert appliance.healthy()
    terminal.until(lambda text: "path=/health" in text)
    terminal.keys("C-c")
    terminal.until(lambda text: "ended 0" in text)


def test_a_fault_of_the_console_leaves_the_server_alone(
    appliance: Appliance, terminal: Tmux, tmp_path: Path
) -> None:
    start(appliance, terminal, tmp_path, BROKEN_CONSOLE)
    issue(appliance, "fatal.example")
    terminal.until(lambda text: "The console failed." in text)
    assert "a fault of the console" in terminal.text
    assert terminal.is_cooked
    issue(appliance, "still-served.example")
    terminal.keys("C-c")
    terminal.until(lambda text: "ended 0" in text)


def test_a_fault_of_the_server_is_shown_and_ends_the_process_with_its_exit_code(
    appliance: Appliance, terminal: Tmux, tmp_path: Path
) -> None:
    mark = tmp_path / "fail"
    start(
        appliance, terminal, tmp_path,
        f"from pathlib import Path; FILE = Path({str(mark)!r})" + BROKEN_SERVER,
    )  # fmt: skip
    mark.touch()
    screen = terminal.until(lambda text: "The server has failed" in text)
    assert "the store cannot be written: no space left" in screen
    terminal.keys("Enter")
    screen = terminal.until(lambda text: "ended 2" in text)
    assert "the store cannot be written: no space left" in screen
    assert terminal.is_cooked


def test_a_terminal_that_hangs_up_takes_the_console_only(
    appliance: Appliance, terminal: Tmux, tmp_path: Path
) -> None:
    """SIGHUP comes from a lost terminal and from `systemctl reload`: they are told apart."""
    start(appliance, terminal, tmp_path)
    pid = process(tmp_path)
    terminal.hang_up()
    deadline = time.monotonic() + 60
    while str(Path(f"/proc/{pid}/fd/2").readlink()) != os.devnull:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    issue(appliance, "without-terminal.example")
    os.kill(pid, signal.SIGHUP)
    issue(appliance, "reloaded-without-terminal.example")
    os.kill(pid, signal.SIGTERM)
    assert ends(pid)


def test_sigterm_ends_server_and_console_in_order(
    appliance: Appliance, terminal: Tmux, tmp_path: Path
) -> None:
    start(appliance, terminal, tmp_path)
    os.kill(process(tmp_path), signal.SIGTERM)
    terminal.until(lambda text: "ended 0" in text)
    assert terminal.is_cooked


def test_a_second_sigterm_does_not_wait_for_requests(
    appliance: Appliance, terminal: Tmux, tmp_path: Path
) -> None:
    start(appliance, terminal, tmp_path)
    pid = process(tmp_path)
    plain = socket.create_connection(("127.0.0.1", appliance.port))
    with appliance.context().wrap_socket(plain, server_hostname="localhost") as slow:
        slow.sendall(b"POST /sign HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n1")
        issue(appliance, "meanwhile.example")
        os.kill(pid, signal.SIGTERM)
        terminal.until(lambda text: "Stopping" in text)
        os.kill(pid, signal.SIGTERM)
        terminal.until(lambda text: "ended 1" in text)
    assert terminal.is_cooked


def test_a_terminal_that_does_not_read_stops_neither_the_server_nor_its_end(
    appliance: Appliance, tmp_path: Path
) -> None:
    """As behind a network that has gone silent: the console's frames pile up, and are dropped."""
    theirs, ours = os.openpty()
    termios.tcsetwinsize(ours, (24, 80))
    command = [*HEARTH, "serve", str(appliance.ca_json), "--console"]
    with subprocess.Popen(
        [*command, "--password-file", str(appliance.password_file)],
        env={**environment(appliance.steppath), "TERM": "xterm"},
        stdin=ours,
        stdout=ours,
        stderr=ours,
        start_new_session=True,
    ) as server:
        try:
            os.close(ours)
            deadline = time.monotonic() + 60
            while not appliance.healthy():
                assert time.monotonic() < deadline
                time.sleep(0.1)
            for number in range(40):  # a frame each
                issue(appliance, f"unseen{number}.example")
                time.sleep(0.15)
            server.send_signal(signal.SIGTERM)
            assert server.wait(20) == 0
        finally:
            server.kill()
            os.close(theirs)


def test_what_keeps_the_server_from_serving_is_said_before_anything_is_drawn(
    appliance: Appliance, terminal: Tmux
) -> None:
    appliance.start()
    try:
        terminal.run(
            [*HEARTH, "serve", str(appliance.ca_json), "--console"]
            + ["--password-file", str(appliance.password_file)],
            environment(appliance.steppath),
        )
        screen = terminal.until(lambda text: "ended 2" in text)
        assert "is in use" in screen.replace("\n", "")  # wherever the path lets the line end
        assert terminal.is_cooked
    finally:
        assert appliance.stop() == 0


def test_without_a_terminal_the_console_is_left_out(appliance: Appliance) -> None:
    """Nothing is drawn into a log."""
    appliance.start("--console")
    assert appliance.stop() == 0
    log = appliance.log.read_text()
    assert "there is no terminal for the console: serving without it" in log
    assert "\x1b" not in log


def test_hearth_alone_on_a_terminal_serves_with_the_console(
    appliance: Appliance, terminal: Tmux
) -> None:
    """The password comes from the terminal, as nobody gave another."""
    terminal.run(HEARTH, environment(appliance.steppath))
    terminal.until(lambda text: "password" in text)
    terminal.keys(appliance.password_file.read_text(), "Enter")
    terminal.until(lambda text: "● serving" in text)
    terminal.keys("q")
    terminal.until(lambda text: "Quit?" in text)
    terminal.keys("y")
    terminal.until(lambda text: "ended 0" in text)


def test_hearth_alone_without_a_terminal_serves(appliance: Appliance, tmp_path: Path) -> None:
    answer = subprocess.run(
        HEARTH,
        env=environment(tmp_path / "empty"),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert answer.returncode == 1
    assert "ca.json" in answer.stderr
    assert "\x1b" not in answer.stderr
