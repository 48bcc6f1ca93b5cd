"""The doors to the appliance: TLS, and plain HTTP for what everybody may read.

At a reload a door is opened, moved or closed as its entrance changes; one that stays only leads to
another application from the next request on. Each door has its own limit of connections, so that a
crowd before one does not close another.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

import trio

from appliance.model.errors import Unavailable
from appliance.web.accepting import Share, keep
from appliance.web.application import Application
from appliance.web.limits import Limits
from appliance.web.serving import Serving, open_listeners, serve
from appliance.web.switch import Switch
from appliance.web.tls import TlsHolder


class DoorName(StrEnum):
    """What a door is for, as it is told at the start."""

    MAIN = "HTTPS"
    INSECURE = "HTTP"
    METRICS = "HTTP (metrics)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entrance:
    """What is to be served where. Without `tls` it is plain HTTP.

    `share` hands a connection over to another process, if it says so.
    """

    name: DoorName
    address: tuple[str, int]  # as configured; port 0 takes a free one
    application: Application
    tls: TlsHolder | None = None
    share: Share = keep


Listening: TypeAlias = Mapping[DoorName, Sequence[trio.SocketListener]]


@dataclass(frozen=True, slots=True)
class _Door:
    address: tuple[str, int]
    switch: Switch
    stop: trio.Event
    addresses: tuple[tuple[str, int], ...]


class Doors:
    """Those that are open."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._open: dict[DoorName, _Door] = {}

    def addresses(self, name: DoorName) -> tuple[tuple[str, int], ...]:
        """Host and port of each listener of a door; nothing while it is closed."""
        door = self._open.get(name)
        return door.addresses if door else ()

    async def listen(self, entrances: Sequence[Entrance]) -> Listening:
        """Listen wherever that is not done yet; whoever comes, waits for `change`.

        Raises Unavailable, and then listens nowhere new.
        """
        found: dict[DoorName, Sequence[trio.SocketListener]] = {}
        try:
            for each in entrances:
                door = self._open.get(each.name)
                if door is None or door.address != each.address:
                    found[each.name] = await listen(*each.address)
        except Unavailable:
            for listeners in found.values():
                for listener in listeners:
                    await listener.aclose()
            raise
        return found

    async def change(
        self, nursery: trio.Nursery, entrances: Sequence[Entrance], listening: Listening
    ) -> None:
        """Serve these entrances and no others, as tasks of the nursery, until `close`."""
        for each in entrances:
            if each.name in listening:
                self._shut(each.name)
                await self._add(nursery, each, listening[each.name])
            else:
                self._open[each.name].switch.replace(each.application)
        for name in self._open.keys() - {each.name for each in entrances}:
            self._shut(name)

    def close(self) -> None:
        """Take no more connections; those that are open end after their answers."""
        for door in self._open.values():
            door.stop.set()

    async def _add(
        self,
        nursery: trio.Nursery,
        entrance: Entrance,
        listeners: Sequence[trio.SocketListener],
    ) -> None:
        switch, stop = Switch(entrance.application), trio.Event()
        addresses = tuple(each.socket.getsockname()[:2] for each in listeners)

        async def run(*, task_status: trio.TaskStatus[Serving]) -> None:
            await serve(
                switch,
                listeners=listeners,
                share=entrance.share,
                tls=entrance.tls,
                limits=self._limits,
                stop=stop,
                task_status=task_status,
            )

        await nursery.start(run)
        self._open[entrance.name] = _Door(entrance.address, switch, stop, addresses)

    def _shut(self, name: DoorName) -> None:
        door = self._open.pop(name, None)
        if door is not None:
            door.stop.set()


async def listen(host: str, port: int) -> list[trio.SocketListener]:
    """Listen on an address; a free port is the same one for every address of the host.

    Raises Unavailable.
    """
    listeners = await open_listeners(host, port)
    if port != 0 or len(listeners) == 1:
        return listeners
    port = listeners[0].socket.getsockname()[1]
    for each in listeners:
        await each.aclose()
    return await open_listeners(host, port)
