"""What others feel of 200 orders, of which half have targets that say nothing.

GET /health and sign are asked for in turn on a connection of their own: before, while the other
half completes, and when only those are left that hang.
"""

import math
import ssl
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from tests.bench.acme_client import Client, Prepared
from tests.bench.at_once import Tally
from tests.bench.connection import Connection, Failed
from tests.bench.loads import Loaded
from tests.bench.ordering import tallies
from tests.bench.responder import answering
from tests.bench.servers import Authority, Running
from tests.support.acme_by_hand import new_key, thumbprint
from tests.support.load import bodies

ORDERS = 100  # of either kind


class Beside:
    """A client that has nothing to do with ACME."""

    def __init__(self, server: Running, authority: Authority, context: ssl.SSLContext) -> None:
        self._connection = Connection(server.port, context)
        self._provisioner = authority.provisioner
        self.signed = 0

    def look(self, when: str, more: Callable[[], bool]) -> dict[str, float]:
        """Ask in turn while there is more; the medians and 95 of 100, in milliseconds."""
        took: dict[str, list[float]] = {"GET": [], "sign": []}
        requests = bodies(self._provisioner, 100_000, f"h{time.time_ns()}-")
        while more() or len(took["sign"]) < 2:
            _, body = next(requests)
            took["GET"].append(self._ask(b"GET", b"/health", b""))
            took["sign"].append(self._ask(b"POST", b"/1.0/sign", body))
            self.signed += 1
        return {
            f"{what} {name} ms {when}": of(found)
            for what, found in took.items()
            for name, of in (("p50", statistics.median), ("p95", _high))
        }

    def _ask(self, method: bytes, path: bytes, body: bytes) -> float:
        began = time.perf_counter()
        status, _, answer = self._connection.ask(method, path, body)
        if status >= 300:
            raise Failed(f"{status} {answer!r}")
        return (time.perf_counter() - began) * 1000


def load(
    server: Running, authority: Authority, connections: int, seconds: int, most: int
) -> Loaded:
    """Look so many seconds before and after; so many clients order what completes."""
    del most
    context = ssl.create_default_context(cafile=str(authority.root))
    keys = [new_key() for _ in range(connections)]
    each = math.ceil(ORDERS / connections)
    with answering(authority.challenged, [thumbprint(key) for key in keys]):
        beside = Beside(server, authority, context)
        figures = beside.look("idle", _for(seconds))
        held = [Connection(server.port, context) for _ in range(ORDERS)]
        client = Client(Prepared(connections, ORDERS, new_key()), server.port, context, Tally())
        for connection in held:
            client.respond(connection)
        figures |= beside.look("beside 100 that hang", _for(seconds))
        with ThreadPoolExecutor(1) as thread:
            orders = thread.submit(tallies, server.port, context, keys, 60, each)
            figures |= beside.look("beside 200", lambda: not orders.done())
        for connection in held:
            connection.close()
    found = orders.result()
    if failed := [tally.failure for tally in found if tally.failure]:
        raise Failed(failed[0])
    completed = sum(len(tally.took) for tally in found)
    return Loaded(
        issued=completed + beside.signed, figures={"orders completed": completed, **figures}
    )


def _for(seconds: int) -> Callable[[], bool]:
    end = time.perf_counter() + seconds
    return lambda: time.perf_counter() < end


def _high(found: list[float]) -> float:
    return statistics.quantiles(found, n=20)[-1]
