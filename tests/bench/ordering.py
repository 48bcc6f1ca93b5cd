"""Complete ACME orders per second: new-order to download, http-01 answered beside it."""

import math
import ssl
import sys
from collections.abc import Sequence

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

from tests.bench.acme_client import Client, Prepared
from tests.bench.at_once import Tally, Work, at_once, spread
from tests.bench.loads import Loaded, exhausted
from tests.bench.responder import answering
from tests.bench.servers import Authority, Running
from tests.support.acme_by_hand import new_key, thumbprint


def load(
    server: Running, authority: Authority, connections: int, seconds: int, most: int
) -> Loaded:
    """Let so many clients order at a time, each with an account and a process of its own."""
    keys = [new_key() for _ in range(connections)]
    context = ssl.create_default_context(cafile=str(authority.root))
    with answering(authority.challenged, [thumbprint(key) for key in keys]):
        used = server.processor()
        found = tallies(server.port, context, keys, seconds, math.ceil(most / connections))
        used = server.processor() - used
    if any(each.exhausted for each in found):
        raise exhausted(server, most)
    if failed := [each.failure for each in found if each.failure]:
        print(f"! {server.program.name}: {len(failed)} clients: {failed[0]}", file=sys.stderr)
    took = sorted(second for each in found for second in each.took)
    if len(took) < 2:
        raise RuntimeError(f"{server.program.name} completed {len(took)} orders")
    return Loaded(
        issued=len(took),
        figures={
            "orders/s": sum(len(each.took) / each.seconds for each in found),
            **spread(took),
            "cpu µs/order": used * 1e6 / len(took),
            "requests/order": sum(each.requests for each in found) / len(took),
            "client cpu µs/order": sum(each.processor for each in found) * 1e6 / len(took),
        },
    )


def tallies(
    port: int,
    context: ssl.SSLContext,
    keys: Sequence[EllipticCurvePrivateKey],
    seconds: int,
    each: int,
) -> list[Tally]:
    """Run a client for each key, at the same time, and gather what they did."""

    def client(number: int, tally: Tally) -> Work:
        return Client(Prepared(number, each, keys[number]), port, context, tally).work

    return at_once(client, len(keys), seconds)
