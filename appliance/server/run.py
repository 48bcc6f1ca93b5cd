"""The composition root: from a Launch to a certificate authority that serves, and to its end.

    store ─ own certificate · revocation lists · identity providers · housekeeping · validations
          · alerts · log · what operates it (`operating`) ─ reload ─ connections ─ listeners

What is on the right ends before what is on its left: at a stop, the listeners first, then each
connection after its answer, the store last. `Controls.stop` asks for that; cancelling cuts it
short, but for the store, which is always closed.
"""

import logging
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import trio

from appliance.authority import reindexing
from appliance.config.settings import LevelDbSettings, Settings
from appliance.model.errors import ConfigError, HearthError
from appliance.model.version import VERSION
from appliance.operator.line_ring import LineRing
from appliance.ports.store import Store
from appliance.server import banner, notify
from appliance.server.assembly import lay_foundation
from appliance.server.keys import Tokens
from appliance.server.launch import Controls, EventRing, Launch, Running
from appliance.server.moments import every_moment
from appliance.server.output import (
    Output,
    RequestLines,
    logging_to,
    standard_error,
)
from appliance.server.reloading import Service, configured, in_force
from appliance.server.system import (
    SystemChance,
    SystemClock,
    allow_many_files,
    keep_small,
    share_heaps,
)
from appliance.server.upkeep import Upkeep
from appliance.stores.leveldb import open_store
from appliance.stores.memory import MemoryStore
from appliance.web.limits import Limits

if TYPE_CHECKING:
    from appliance.server.operating import MakeConsoles, Operate

log = logging.getLogger(__name__)

_FIRST: Final = 0.1  # seconds for the first answers
_CLOSING: Final = 30.0  # seconds that the store may take to finish at the end


async def serve_appliance(
    launch: Launch,
    *,
    ring: EventRing,
    controls: Controls,
    output: Output | None = None,
    consoles: "MakeConsoles | None" = None,
    task_status: trio.TaskStatus[Running] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve until `controls.stop` is set and the last answer is out.

    Log lines go to `output`, standard error by default; `consoles` makes what terminals are given
    to that are attached to the control socket. Raises what keeps it from serving: any of
    the family, with one line that names file and place; never what a request or a reload does.
    """
    lines = LineRing(SystemClock())
    sink = RequestLines(output or standard_error(), lines)
    with logging_to(sink, ring=lines) as say, _pid_file(launch.pid_file):
        try:
            await _serve(launch, ring, controls, sink, lines, say, consoles, task_status)
        except HearthError:
            raise
        except Exception:
            log.exception("the server met a fault of its own and ends")
            raise


async def _serve(
    launch: Launch,
    ring: EventRing,
    controls: Controls,
    sink: RequestLines,
    lines: LineRing,
    say: Callable[[str], None],
    consoles: "MakeConsoles | None",
    task_status: trio.TaskStatus[Running],
) -> None:
    allow_many_files()
    share_heaps()
    clock, chance = SystemClock(), SystemChance()
    settings = configured(launch)
    async with _opened_store(settings, say) as store, _tasks() as tasks:
        foundation = lay_foundation(
            store,
            clock=clock,
            chance=chance,
            events=ring,
            password=launch.password,
            ssh_passwords=launch.ssh_passwords,
            network=launch.network,
            key_tokens=Tokens(pins=launch.pins),
        )
        await tasks.start(foundation.journal.run)
        await tasks.start(foundation.key_tokens.run)
        service = Service(launch, foundation, sink, say, Limits())
        upkeep = Upkeep(
            store,
            foundation.gate,
            foundation.conditions,
            service.settings,
        )
        await service.prepare(settings)
        await upkeep.begin()
        listening = await service.listen()
        tasks.start_soon(every_moment, foundation.events.settle, sink.flush)
        tasks.start_soon(notify.keep_watchdog_quiet)
        tasks.start_soon(service.keep_certificate_fresh)
        tasks.start_soon(service.keep_responder_fresh)
        tasks.start_soon(foundation.lists.keep_fresh)
        tasks.start_soon(service.keep_providers_known)
        tasks.start_soon(upkeep.learn)
        tasks.start_soon(upkeep.run)
        await tasks.start(foundation.proving.run, lambda: service.assembly.registry)
        async with trio.open_nursery() as doors:
            await service.open(doors, listening)
            await tasks.start(foundation.alerts.run)
            operate = await trio.to_thread.run_sync(_operate)
            running = await operate(tasks, service, upkeep, ring, lines, consoles)
            _tell(launch, service, store, say)
            task_status.started(running)
            service.record("start", f"Hearth {VERSION}, {in_force(settings)}")
            await _until_stopped(service, store, controls)
            say("shutting down ...")
            service.record("stop", "as asked")


def _operate() -> "Operate":
    # Nobody who asks for a certificate waits for it, and an import leaves others little time: who
    # stands at the door already is answered first.
    if "appliance.server.operating" not in sys.modules:
        time.sleep(_FIRST)
    from appliance.server.operating import operate  # noqa: PLC0415

    return operate


def _tell(launch: Launch, service: Service, store: Store, say: Callable[[str], None]) -> None:
    """Say what is served, and what about it is not as it should be."""
    if not launch.quiet:
        port = service.addresses[0][1]
        for line in banner.lines(launch, service.assembly, store.description, port):
            say(line)
    service.warn()
    service.announce()


def run_headless(
    launch: Launch,
    *,
    ring: EventRing,
    output: Output | None = None,
    consoles: "MakeConsoles | None" = None,
) -> int:
    """Serve in this thread until SIGTERM or SIGINT, and give the exit code.

    SIGHUP reloads. A second SIGTERM or SIGINT cuts requests short; the exit code then is 1. Raises
    what `serve_appliance` raises.
    """

    async def main() -> int:
        controls = Controls()
        with trio.CancelScope() as all_of_it:
            async with _tasks() as tasks:
                await tasks.start(_obey_signals, controls, all_of_it)
                await serve_appliance(
                    launch, ring=ring, controls=controls, output=output, consoles=consoles
                )
        return 1 if all_of_it.cancelled_caught else 0

    return trio.run(main)


async def _until_stopped(service: Service, store: Store, controls: Controls) -> None:
    """Be ready, obey wishes to reload, and close the door when the stop comes."""
    notify.ready()
    async with trio.open_nursery() as waiting:
        waiting.start_soon(keep_small, store)
        waiting.start_soon(service.reload_when_asked, controls.reloads)
        await controls.stop.wait()
        waiting.cancel_scope.cancel()
    notify.stopping()
    service.close()


async def _obey_signals(
    controls: Controls,
    all_of_it: trio.CancelScope,
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as received:
        task_status.started()
        async for number in received:
            if number == signal.SIGHUP:
                controls.reload()
            elif controls.stop.is_set():
                all_of_it.cancel()
            else:
                controls.stop.set()


@asynccontextmanager
async def _opened_store(settings: Settings, say: Callable[[str], None]) -> AsyncIterator[Store]:
    """Open the store and make its index complete; close it whatever happens."""
    store: Store
    if isinstance(settings.database, LevelDbSettings):
        notice = settings.database.notice
        store = await open_store(settings.database.directory)
    else:
        notice, store = "", MemoryStore()
    try:
        if notice and not await _is_imported(store):
            say(f"notice: {notice}")
        if added := await reindexing.complete(store):
            say(f"indexed {added} certificates that were in the database before")
        yield store
    finally:
        with trio.CancelScope(shield=True, deadline=trio.current_time() + _CLOSING):
            await store.aclose()


async def _is_imported(store: Store) -> bool:
    from appliance.authority import importing  # noqa: PLC0415 - few have moved a database

    return await importing.origin(store) is not None


@asynccontextmanager
async def _tasks() -> AsyncIterator[trio.Nursery]:
    """Run tasks beside a block, ending them with it; one error comes out alone."""
    try:
        async with trio.open_nursery() as nursery:
            try:
                yield nursery
            finally:
                nursery.cancel_scope.cancel()
    except BaseExceptionGroup as group:
        if len(group.exceptions) == 1:
            raise group.exceptions[0] from None
        raise


@contextmanager
def _pid_file(file: Path | None) -> Iterator[None]:
    """Keep the process's number in a file for as long as it serves. Raises ConfigError."""
    if file is None:
        yield
        return
    try:
        file.write_text(f"{os.getpid()}\n")
    except OSError as error:
        raise ConfigError(
            f"the pid file cannot be written: {error.strerror}", file=str(file)
        ) from error
    try:
        yield
    finally:
        file.unlink(missing_ok=True)
