"""What a running CA is operated by: its box and its work, backups, the control socket.

It is imported and made when the doors are open, for whoever asks for a certificate needs none of
it.
"""

import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeAlias

import trio

from appliance.config.settings import LevelDbSettings
from appliance.model.errors import Broken
from appliance.model.work import Work
from appliance.operator.control import serve_control
from appliance.operator.line_ring import LineRing
from appliance.operator.terminal_link import Consoles
from appliance.operator.who import WHO
from appliance.server import banner
from appliance.server.backup.desk import BackupDesk
from appliance.server.backup.schedule import Schedule
from appliance.server.backup.snapshots import ServedSnapshots
from appliance.server.box import ApplianceBox
from appliance.server.console_lock import ConfiguredLock
from appliance.server.launch import EventRing, Running
from appliance.server.operation import ApplianceOperator
from appliance.server.orders import DirectIssuance
from appliance.server.past import Past
from appliance.server.reloading import Service
from appliance.server.upkeep import Upkeep
from appliance.server.works import WorkDesk

log = logging.getLogger(__name__)

MakeConsoles: TypeAlias = Callable[[], Consoles]
Operate: TypeAlias = Callable[
    [trio.Nursery, Service, Upkeep, EventRing, LineRing, MakeConsoles | None], Awaitable[Running]
]


async def operate(
    tasks: trio.Nursery,
    service: Service,
    upkeep: Upkeep,
    ring: EventRing,
    lines: LineRing,
    consoles: MakeConsoles | None,
) -> Running:
    """Let the CA be operated, by tasks of the nursery. `ring` and `lines` are what it has told."""
    foundation = service.foundation
    box = await _box(tasks, service, lines)
    operator = ApplianceOperator(
        service, ring, Past(foundation.store, foundation.clock.now()), upkeep, box
    )
    issuance = DirectIssuance(
        current=lambda: service.assembly, foundation=foundation, client="control socket"
    )
    await _open_control_socket(tasks, service, operator, issuance, consoles)
    return Running(
        operator=operator,
        issuance=issuance,
        addresses=service.addresses,
        url=banner.primary_url(service.assembly, service.addresses[0][1]),
    )


async def _box(tasks: trio.Nursery, service: Service, lines: LineRing) -> ApplianceBox:
    """Make what the operator looks after, and let its work be done."""
    foundation = service.foundation

    def tell(work: Work) -> None:
        came = work.problem or "; ".join(work.told)
        text = f"{work.kind} by {WHO.get()}: {work.subject}: {came}"
        service.record("operator", text, ok=not work.problem)

    schedule = Schedule(
        service.settings,
        foundation.store,
        foundation.clock,
        foundation.chance,
        foundation.conditions,
    )
    works = WorkDesk(foundation.clock, tell)
    desk = BackupDesk(
        service.settings,
        foundation.store,
        schedule,
        works,
        clock=foundation.clock,
        chance=foundation.chance,
        password=foundation.password,
    )
    tasks.start_soon(schedule.run)
    await tasks.start(works.run)
    await tasks.start(desk.run)
    return ApplianceBox(service, desk, works, lines)


async def _open_control_socket(
    tasks: trio.Nursery,
    service: Service,
    operator: ApplianceOperator,
    issuance: DirectIssuance,
    make_consoles: MakeConsoles | None,
) -> None:
    """Let `hearth certs` and its like in, beside the database; the CA serves without it, too."""
    database, store = service.settings().database, service.foundation.store
    consoles = await trio.to_thread.run_sync(make_consoles) if make_consoles else None
    if consoles is not None:
        consoles.guard(ConfiguredLock(lambda: service.settings().lock))
    if not isinstance(database, LevelDbSettings):
        return
    snapshots = ServedSnapshots(
        store, lambda: service.record("backup", "the whole database is read for a backup")
    )
    serve = partial(serve_control, consoles=consoles)
    try:
        await tasks.start(serve, operator, database.directory, issuance, snapshots)
    except Broken as error:
        log.warning("%s", error)
