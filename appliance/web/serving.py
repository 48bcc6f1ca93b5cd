"""Serving an application over TLS, or in plain HTTP.

`hypercorn.trio.serve` itself would let one client's input end the process, leave idle connections
open for ever and keep the client's certificate to itself. So the listeners, the nursery and the
drain are here, a connection's life is in web.connection, and HTTP/1.1 in web.http11.

    listeners ──accept──▶ Connection.run ──▶ TLS ──▶ fast lane ──▶ hot route
                                              └────▶ Http11 ──▶ application
    stop ──▶ no more accepts ──▶ idle connections close ──▶ answers close theirs ──▶ deadline
"""

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import trio

from appliance.model.errors import Unavailable
from appliance.web.accepting import Arrivals, ListeningSocket, Share, accept_connections, keep
from appliance.web.connection import Context
from appliance.web.lane import Direct
from appliance.web.limits import Limits
from appliance.web.tls import TlsHolder

if TYPE_CHECKING:
    from hypercorn.typing import ASGIFramework

log = logging.getLogger(__name__)

BACKLOG: Final = 512
LANE: Final = "HEARTH_LANE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """A running server. `addresses` are host and port of each listener that has a socket."""

    addresses: tuple[tuple[str, int], ...]
    context: Context

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self.context.open)


async def open_listeners(host: str, port: int) -> list[trio.SocketListener]:
    """Listen on the address; an empty host is every address of the machine.

    Raises Unavailable when the address is in use, not ours, or reserved.
    """
    # As octets, for which no codec of international names is loaded.
    wanted = host.encode("ascii") if host.isascii() else host
    try:
        return await trio.open_tcp_listeners(port, host=wanted or None, backlog=BACKLOG)
    except OSError as error:
        where = f"{host or '*'}:{port}"
        raise Unavailable(f"cannot listen on {where}: {error.strerror or error}") from error


async def serve(
    app: "ASGIFramework",
    *,
    listeners: Sequence[trio.SocketListener | Arrivals],
    tls: TlsHolder | None,
    limits: Limits,
    stop: trio.Event,
    share: Share = keep,
    task_status: trio.TaskStatus[Serving] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve until `stop` is set and the last answer is out, or the drain's time is up.

    Without `tls` it is plain HTTP, within the same limits. HEARTH_LANE=off in the environment
    leaves every request to h11 (see web.lane). Each connection is offered to `share` first.
    The listeners are closed at the end. Nothing that a request does is raised.
    """
    served: object = app
    direct = served if isinstance(served, Direct) and os.environ.get(LANE) != "off" else None
    context = Context(app, direct, limits, tls)
    async with trio.open_nursery() as watching:
        watching.start_soon(context.watch)
        sources, addresses = list[Arrivals](), list[tuple[str, int]]()
        for each in listeners:
            if isinstance(each, trio.SocketListener):
                addresses.append(each.socket.getsockname()[:2])
                sources.append(ListeningSocket(each, share))
            else:
                sources.append(each)
        async with trio.open_nursery() as connections:
            async with trio.open_nursery() as accepting:
                for each in sources:
                    accepting.start_soon(accept_connections, each, context, connections)
                task_status.started(Serving(addresses=tuple(addresses), context=context))
                await stop.wait()
                accepting.cancel_scope.cancel()
            context.drain()
            connections.cancel_scope.deadline = trio.current_time() + limits.drain
        watching.cancel_scope.cancel()
