"""Passwords, and what systemd is told."""

import os
import socket
from pathlib import Path

import pytest
import trio
import trio.testing

from appliance.model.errors import ConfigError
from appliance.model.secret import Password
from appliance.server import notify, passwords


def test_the_password_file_comes_first_then_systemds_credentials(tmp_path: Path) -> None:
    """LoadCredential=hearth-password:… in the unit; `password` is the second name."""
    file, directory = tmp_path / "file", tmp_path / "credentials"
    directory.mkdir()
    file.write_bytes(b"from file \r\n")
    environ = {"CREDENTIALS_DIRECTORY": str(directory)}
    assert passwords.given(None, environ) is None
    (directory / "password").write_bytes(b"second\n")
    assert passwords.given(None, environ) == Password(b"second")
    (directory / "hearth-password").write_bytes(b"first\n")
    assert passwords.given(None, environ) == Password(b"first")
    assert passwords.given(file, environ) == Password(b"from file")
    assert passwords.given(None, {}) is None


def test_a_password_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="password file cannot be read") as raised:
        passwords.given(tmp_path / "nothing", {})
    assert str(tmp_path / "nothing") in str(raised.value)


@pytest.mark.parametrize(
    ("mode", "text"),
    [(0o600, ""), (0o400, ""), (0o640, "its group may use"), (0o604, "everybody may use")],
)
def test_a_secret_that_others_may_read_is_told_with_the_remedy(
    tmp_path: Path, mode: int, text: str
) -> None:
    file = tmp_path / "key"
    file.touch()
    file.chmod(mode)
    told = passwords.exposure(file)
    assert text in told
    assert bool(told) == bool(text)
    assert not told or told.endswith(f"run: chmod 600 {file}")


def test_systemd_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """sd_notify(3): READY, RELOADING with the monotonic time, STOPPING."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        notify.ready()
        assert systemd.recv(1000) == b"READY=1"
        notify.reloading()
        first, second = systemd.recv(1000).split(b"\n")
        assert first == b"RELOADING=1"
        assert second.startswith(b"MONOTONIC_USEC=")
        notify.stopping()
        assert systemd.recv(1000) == b"STOPPING=1"


def test_an_abstract_socket_of_systemd_is_told_too(monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"hearth-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(f"\0{name}")
        systemd.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", f"@{name}")
        notify.ready()
        assert systemd.recv(1000) == b"READY=1"


def test_nobody_who_listens_is_no_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    notify.ready()
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "nobody"))
    notify.ready()


async def test_the_watchdog_hears_twice_in_each_interval(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, autojump_clock: trio.testing.MockClock
) -> None:
    """sd_watchdog_enabled(3): WATCHDOG_USEC, for the process of WATCHDOG_PID."""
    environ = {"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": str(os.getpid())}
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        with trio.move_on_after(299):
            await notify.keep_watchdog_quiet(environ)
        assert [systemd.recv(1000) for _ in range(10)] == [b"WATCHDOG=1"] * 10


async def test_nobody_else_s_watchdog_is_answered() -> None:
    for environ in (
        {},
        {"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "1"},
        {"WATCHDOG_USEC": "soon"},
        {"WATCHDOG_USEC": "-5"},
    ):
        assert notify.watched(environ) == 0
        await notify.keep_watchdog_quiet(environ)
