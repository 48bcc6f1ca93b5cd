"""The one file installs itself, and serves as systemd would start it; then it goes again."""

import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from tests.support.appliance import PASSWORD, Appliance, environment

BINARY = Path(__file__).resolve().parents[2] / "dist" / "hearth"

pytestmark = pytest.mark.binary


def test_it_unpacks_itself_serves_in_one_process_and_is_removed(tmp_path: Path) -> None:
    root = tmp_path / "system"
    (root / "lib/systemd").mkdir(parents=True)
    (root / "lib/systemd/systemd").touch()
    assert BINARY.exists(), "make binary builds dist/hearth"
    installed = subprocess.run(
        [BINARY, "install", "--root", root], check=False, capture_output=True, text=True
    )
    assert installed.returncode == 0, installed.stderr
    program = root / "usr/local/bin/hearth"
    page = root / "usr/local/share/man/man1/hearth-install.1"
    if shutil.which("lexgrog"):
        assert "make a service" in subprocess.check_output(["lexgrog", page], text=True)

    appliance = Appliance(tmp_path / "ca", command=[str(program)])
    credentials, empty = tmp_path / "credentials", tmp_path / "tmp"
    credentials.mkdir()
    empty.mkdir()
    (credentials / "hearth-password").write_text(PASSWORD)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(60)
        with subprocess.Popen(
            [program, "serve", "--quiet"],
            env=environment(appliance.steppath)
            | {
                "CREDENTIALS_DIRECTORY": str(credentials),
                "NOTIFY_SOCKET": str(tmp_path / "notify"),
                "WATCHDOG_USEC": "60000000",
                "TMPDIR": str(empty),
            },
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        ) as started:
            try:
                assert {systemd.recv(100), systemd.recv(100)} == {b"READY=1", b"WATCHDOG=1"}
                children = Path(f"/proc/{started.pid}/task/{started.pid}/children").read_text()
                assert children == ""
                assert list(empty.iterdir()) == []
                assert appliance.run("ca", "health").stdout == "ok\n"
            finally:
                started.send_signal(signal.SIGTERM)
            assert started.wait(60) == 0

    removed = subprocess.run([program, "uninstall", "--root", root], check=False)
    assert removed.returncode == 0
    assert not os.path.lexists(program)
    assert not (root / "usr/local/lib/hearth").exists()
