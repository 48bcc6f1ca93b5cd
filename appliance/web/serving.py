"""Serving an ASGI application over TLS, or in plain HTTP, on Hypercorn's parts.

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
from typing import Final

import trio
from hypercorn.config import Config
from hypercorn.trio.lifespan import Lifespan
from hypercorn.typing import ASGIFramework
from hypercorn.utils import wrap_app

from appliance.model.errors import Unavailable
from appliance.web.accepting import Arrivals, ListeningSocket, Share, accept_connections, keep
from appliance.web.connection import Context
from appliance.web.lane import Direct
from appliance.web.limits import Limits
from appliance.web.tls import TlsHolder

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


class QuietConfig(Config):
    """Hypercorn's settings for us: one name for faults."""

    accesslog = None
    keep_alive_max_requests = 10**9  # closing after so many loses a pipelined request


async def open_listeners(host: str, port: int) -> list[trio.SocketListener]:
    """Listen on the address; an empty host is every address of the machine.

    Raises Unavailable when the address is in use, not ours, or reserved.
    """
    try:
        return await trio.open_tcp_listeners(port, host=host or None, backlog=BACKLOG)
    except OSError as error:
        where = f"{host or '*'}:{port}"
        raise Unavailable(f"cannot listen on {where}: {error.strerror or error}") from error


async def serve(
    app: ASGIFramework,
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
    The listeners are closed at the end. Raises what the application's start-up raises, never what
    a request does.
    """
    config = QuietConfig()
    config.errorlog = log
    config.h11_max_incomplete_size = limits.header_octets
    wrapped = wrap_app(app, limits.body_octets, "asgi")
    served: object = app
    direct = served if isinstance(served, Direct) and os.environ.get(LANE) != "off" else None
    context = Context(wrapped, direct, config, limits, tls)
    lifespan = Lifespan(wrapped, config, {})

    async with trio.open_nursery() as life:
        await life.start(lifespan.handle_lifespan)
        await lifespan.wait_for_startup()
        life.start_soon(context.watch)
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
            await context.drain()
            connections.cancel_scope.deadline = trio.current_time() + limits.drain
        await lifespan.wait_for_shutdown()
        life.cancel_scope.cancel()
