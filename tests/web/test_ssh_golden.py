"""The SSH routes, beside what step-ca answered to the same requests."""

import json
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.appliance import HEARTH, environment, free_port
from tests.web.exchanges import Client
from tests.web.record_ssh import recorded
from tests.web.ssh_exchanges import GOLDEN, Post, World, names, run

RECORDED = json.loads(GOLDEN.read_text())

STRICTER = {
    "sign: an empty principal in the token": 403,
    "revoke: a serial that is no number": 400,
    "revoke: a serial in hexadecimal": 400,
}
"""Where we answer otherwise on purpose (homelab.md, Coming from step-ca), with our status."""


@contextmanager
def served(world: World) -> Iterator[Post]:
    """Let our server serve it."""
    config, port = world.configuration(), free_port()
    config["address"] = f"127.0.0.1:{port}"
    config["db"] = {"type": "leveldb", "dataSource": str(world.folder / "db")}
    (world.folder / "ca.json").write_text(json.dumps(config))
    with (world.folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [*HEARTH, "serve", str(world.folder / "ca.json")],
            env=environment(world.folder), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            start_new_session=True,
        )  # fmt: skip
    try:
        _wait(port, process, world.folder / "log")
        yield Client(port, world.folder, world.pki.root).send
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(20)


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What our server says to all of it, in order."""
    return run(served, tmp_path_factory.mktemp("ssh"))


def _wait(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    """Wait for a listener; it need not be trusted yet."""
    deadline = time.monotonic() + 60
    while True:
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        try:
            urllib.request.urlopen(f"https://127.0.0.1:{port}/health", timeout=5)
        except urllib.error.URLError as error:
            if "CERTIFICATE_VERIFY_FAILED" in str(error):
                return
        time.sleep(0.05)


def test_every_case_was_recorded() -> None:
    assert set(RECORDED) == set(names())


@pytest.mark.parametrize("name", names())
def test_an_answer_is_step_cas(name: str, answers: dict[str, Any]) -> None:
    ours, theirs = answers[name], RECORDED[name]
    if name in STRICTER:
        assert ours["status"] == STRICTER[name] != theirs["status"]
    else:
        assert ours == theirs


@pytest.mark.reference
def test_the_record_is_what_step_ca_says() -> None:
    assert recorded() == RECORDED
