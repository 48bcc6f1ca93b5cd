"""A worker as the server sees it: started, asked one thing at a time, killed when it is silent."""

import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Final, final

import msgspec
import trio

from appliance.keys.pkcs11.messages import LARGEST, LENGTH, Answer, Request, frame, read_answer

WORKER_FLAG: Final = "--internal-worker"
_MODULE: Final = "appliance.keys.pkcs11.worker"
_PART: Final = 1 << 20  # octets read at once
_REAPING: Final = 5.0  # seconds for a killed process to be gone


class WorkerGone(Exception):
    """The worker ended, hung or spoke nonsense; it is dead now. The text says which."""


@final
class Worker:
    """One process. `ask` must not be cancelled: whoever calls it shields it."""

    def __init__(self, process: trio.Process) -> None:
        self._process = process

    @property
    def pid(self) -> int:
        """The number of its process."""
        return self._process.pid

    async def ask(self, request: Request, *, within: float) -> Answer:
        """Send a request and give the answer to it. Raises WorkerGone."""
        with trio.move_on_after(within):
            try:
                return read_answer(await self._exchange(frame(request)))
            except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
                raise WorkerGone(await self._ended()) from error
            except msgspec.DecodeError as error:
                await self.kill()
                raise WorkerGone("its answer cannot be read") from error
        await self.kill()
        raise WorkerGone(f"no answer within {within:.0f} seconds")

    async def kill(self) -> None:
        """End the process now, whatever it does."""
        self._process.kill()
        with trio.move_on_after(_REAPING, shield=True):
            await self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                await trio.aclose_forcefully(pipe)

    async def _exchange(self, request: bytes) -> bytes:
        to, back = self._process.stdin, self._process.stdout
        if to is None or back is None:
            raise trio.ClosedResourceError
        await to.send_all(request)
        received = bytearray()
        missing = LENGTH
        while len(received) < missing:
            part = await back.receive_some(min(missing - len(received), _PART))
            if not part:
                raise trio.BrokenResourceError
            received += part
            if missing == LENGTH and len(received) == LENGTH:
                missing += min(int.from_bytes(received), LARGEST)
        return bytes(received[LENGTH:])

    async def _ended(self) -> str:
        await self.kill()
        code = self._process.returncode
        return f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"


async def start_worker() -> Worker:
    """Start a process of this same program. Raises WorkerGone."""
    quiet = os.environ.get("STEPDEBUG") != "1"
    try:
        process = await trio.lowlevel.open_process(
            command(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL if quiet else None,
            env=environment(os.environ),
            start_new_session=True,  # Ctrl-C on the terminal is for the server
        )
    except OSError as error:
        raise WorkerGone(f"it cannot be started: {error.strerror}") from error
    return Worker(process)


def command() -> list[str]:
    """Say how this program starts itself as a worker: from the one file, or from its modules."""
    if getattr(sys, "frozen", False):
        return [sys.executable, WORKER_FLAG]
    return [sys.executable, "-P", "-m", _MODULE]


def environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Keep what modules are configured by; put the host's libraries before those of the one file.

    Otherwise a vendor's module would be bound to ours. But the interpreter may need some that only
    the one file has.
    """
    kept = dict(environ)
    original = kept.pop("LD_LIBRARY_PATH_ORIG", None)
    if getattr(sys, "frozen", False):
        ours = kept.pop("LD_LIBRARY_PATH", "")
        kept["LD_LIBRARY_PATH"] = ":".join(filter(None, [original, *_host_libraries(), ours]))
    elif original is not None:
        kept["LD_LIBRARY_PATH"] = original
    return kept


def _host_libraries() -> list[str]:
    """Name the folders that ld.so would look into by itself; those of the other class it skips."""
    named = f"{os.uname().machine}-linux-gnu"
    return [f"{root}/{lib}" for lib in (f"lib/{named}", "lib64", "lib") for root in ("", "/usr")]
