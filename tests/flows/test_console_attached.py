"""`hearth console` on real terminals, and the service that draws it: what ends and what stays."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.appliance import HEARTH, Appliance, environment
from tests.support.tmux import Tmux, tmux


@pytest.fixture(scope="module")
def appliance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Appliance]:
    running = Appliance(tmp_path_factory.mktemp("attached")).start()
    yield running
    if running.process is not None and running.process.poll() is None:
        running.kill()


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Tmux]:
    with tmux(tmp_path) as opened:
        yield opened


def attach(appliance: Appliance, terminal: Tmux, *flags: str) -> str:
    terminal.run([*HEARTH, "console", *flags], environment(appliance.steppath))
    return terminal.until(lambda text: "● serving" in text and "[1 Overview]" in text)


def clients(appliance: Appliance) -> list[int]:
    found = subprocess.run(
        ["pgrep", "-f", f"^{HEARTH[0]}.* console$"], capture_output=True, text=True, check=False
    )
    step = f"STEPPATH={appliance.steppath}".encode()
    return [
        int(each)
        for each in found.stdout.split()
        if step in Path(f"/proc/{each}/environ").read_bytes().split(b"\0")
    ]


def test_it_is_left_resized_stopped_and_hung_up_and_the_ca_serves_on(
    appliance: Appliance, terminal: Tmux
) -> None:
    screen = attach(appliance, terminal)
    assert appliance.url in screen
    terminal.resize(120, 40)
    terminal.until(lambda text: str(appliance.steppath / "db")[:30] in text)
    terminal.resize(40, 10)
    terminal.until(lambda text: "https://" not in text and "serving" in text)
    terminal.resize(80, 24)
    terminal.until(lambda text: appliance.url in text)
    terminal.keys("q")
    terminal.until(lambda text: "the certificate authority goes on" in text and "ended 0" in text)
    assert terminal.is_cooked
    attach(appliance, terminal)
    (client,) = clients(appliance)
    os.kill(client, signal.SIGTERM)
    terminal.until(lambda text: "ended 0" in text)
    assert terminal.is_cooked
    attach(appliance, terminal)
    terminal.keys("C-c")
    terminal.until(lambda text: "ended 0" in text)
    attach(appliance, terminal)
    terminal.hang_up()
    assert appliance.healthy()


def test_a_service_that_ends_or_is_killed_gives_the_terminal_back(
    appliance: Appliance, terminal: Tmux
) -> None:
    attach(appliance, terminal)
    assert appliance.process is not None
    appliance.process.send_signal(signal.SIGTERM)
    screen = terminal.until(lambda text: "ended 1" in text)
    assert "The certificate authority is stopping." in screen
    assert appliance.process.wait(20) == 0
    assert terminal.is_cooked
    terminal.run([*HEARTH, "console"], environment(appliance.steppath))
    terminal.until(lambda text: "the CA does not run" in " ".join(text.split()))
    appliance.start()
    attach(appliance, terminal)
    appliance.kill()
    screen = terminal.until(lambda text: "ended 1" in text)
    assert "The CA has gone." in screen
    assert terminal.is_cooked


def test_without_a_terminal_it_says_so(appliance: Appliance) -> None:
    answer = appliance.run("console")
    assert answer.returncode == 1
    assert "there is no terminal for the console" in answer.stderr
    assert "\x1b" not in answer.stdout + answer.stderr
