"""Notices to a program of the operator's: JSON on its standard input, no shell in between."""

import os
import signal
import subprocess
from contextlib import suppress
from typing import Final

import msgspec
import trio

from appliance.config.alert_settings import CommandTarget
from appliance.model.alerts import Notice
from appliance.model.errors import Unavailable
from appliance.upstream.notice_form import members

_DEADLINE: Final = 20.0  # seconds
_ENDING: Final = 2.0  # seconds that a process which was told to end may take
_PASSED: Final = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR")
_SHOWN: Final = 200  # characters of what it says


class CommandNotices:
    """The port's driver (ports.notices.NoticeTarget)."""

    def __init__(self, settings: CommandTarget) -> None:
        self._settings = settings

    async def deliver(self, notice: Notice) -> None:
        """Run it, and take exit code 0 for yes. Raises Unavailable."""
        name = self._settings.command[0]
        try:
            with trio.fail_after(_DEADLINE):
                done = await trio.run_process(
                    list(self._settings.command),
                    stdin=msgspec.json.encode(members(notice)),
                    capture_stdout=True,
                    capture_stderr=True,
                    check=False,
                    start_new_session=True,
                    env=_environment(notice),
                    deliver_cancel=_end,
                )
        except trio.TooSlowError:
            raise Unavailable(f"{name} did not end within {_DEADLINE:.0f} s") from None
        except OSError as error:
            raise Unavailable(f"{name} cannot be run: {error.strerror}") from error
        if done.returncode != 0:
            said = (done.stderr or done.stdout or b"").decode("utf-8", "replace").strip()
            detail = f": {said[-_SHOWN:]}" if said else ""
            raise Unavailable(f"{name} ended with {done.returncode}{detail}")


def _environment(notice: Notice) -> dict[str, str]:
    """Pass on little: what the server was started with may hold secrets."""
    kept = {name: os.environ[name] for name in _PASSED if name in os.environ}
    told = {
        "HEARTH_ALERT_CHANGE": notice.change,
        "HEARTH_ALERT_NAME": notice.name,
        "HEARTH_ALERT_SEVERITY": notice.severity,
        "HEARTH_ALERT_TEXT": notice.text,
    }
    return kept | {name: text.replace("\0", " ") for name, text in told.items()}


async def _end(process: trio.Process) -> None:
    """End the program and what it started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with trio.move_on_after(_ENDING):
        await process.wait()
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    with suppress(subprocess.TimeoutExpired):
        await process.wait()
