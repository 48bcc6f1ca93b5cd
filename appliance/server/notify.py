"""Telling systemd how we are (sd_notify(3)); silent where nobody listens."""

import os
import socket
import time
from contextlib import suppress


def ready() -> None:
    """Say that requests are served."""
    _tell("READY=1")


def reloading() -> None:
    """Say that the configuration is being read again; `ready` ends it."""
    _tell(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")


def stopping() -> None:
    """Say that no more requests are taken."""
    _tell("STOPPING=1")


def _tell(state: str) -> None:
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as to_systemd:
        to_systemd.settimeout(0)
        to_systemd.sendto(state.encode(), address)
