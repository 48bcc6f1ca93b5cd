"""Telling systemd how we are (sd_notify(3)); silent where nobody listens."""

import os
import socket
import time
from collections.abc import Mapping
from contextlib import suppress

import trio


def ready() -> None:
    """Say that requests are served."""
    _tell("READY=1")


def reloading() -> None:
    """Say that the configuration is being read again; `ready` ends it."""
    _tell(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")


def stopping() -> None:
    """Say that no more requests are taken."""
    _tell("STOPPING=1")


async def keep_watchdog_quiet(environ: Mapping[str, str] = os.environ) -> None:
    """Say that the server goes on, twice in each interval after which systemd restarts it.

    Said by the loop that serves: when it hangs, nothing is said. Returns at once where nobody
    watches this process (sd_watchdog_enabled(3)).
    """
    interval = watched(environ)
    while interval:
        _tell("WATCHDOG=1")
        await trio.sleep(interval / 2)


def watched(environ: Mapping[str, str]) -> float:
    """Give the seconds within which systemd wants to hear of this process; 0 when it does not."""
    try:
        microseconds = int(environ.get("WATCHDOG_USEC", ""))
        watches = int(environ.get("WATCHDOG_PID", "") or os.getpid()) == os.getpid()
    except ValueError:
        return 0
    return max(microseconds, 0) / 1e6 if watches else 0


def _tell(state: str) -> None:
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as to_systemd:
        to_systemd.settimeout(0)
        to_systemd.sendto(state.encode(), address)
