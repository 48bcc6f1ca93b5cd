"""How a worker is started: as this same program, with the ends of two socket pairs."""

import os
import socket
import subprocess
import sys
from typing import Final

import trio

from appliance.model.errors import Broken

WORKER_FLAG: Final = "--internal-server-worker"
_MODULE: Final = "appliance.server.workers.worker"


async def start(link: socket.socket, doorway: socket.socket) -> trio.Process:
    """Start one. Both sockets are the worker's, and are closed here. Raises Broken."""
    quiet = os.environ.get("STEPDEBUG") != "1"
    descriptors = (link.fileno(), doorway.fileno())
    try:
        return await trio.lowlevel.open_process(
            [*command(), *map(str, descriptors)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL if quiet else None,
            pass_fds=descriptors,
            start_new_session=True,  # Ctrl-C on the terminal is for the main process
        )
    except OSError as error:
        raise Broken("a worker process cannot be started", detail=str(error.strerror)) from error
    finally:
        link.close()
        doorway.close()


def command() -> list[str]:
    """Say how this program starts itself: from the one file, or from its modules.

    The one file that is started by itself finds what is unpacked already.
    """
    if getattr(sys, "frozen", False):
        return [sys.executable, WORKER_FLAG]
    return [sys.executable, "-P", "-m", _MODULE]
