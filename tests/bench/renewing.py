"""Renewals per second: POST /renew with the certificate shown by TLS, kept or anew each time."""

import json
import ssl
import sys
import time
from collections.abc import Iterator
from functools import partial

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.bench.at_once import Tally, Work, at_once, spread
from tests.bench.connection import Connection, Failed
from tests.bench.loads import Loaded
from tests.bench.servers import Authority, Running
from tests.support.load import csr


def kept(
    server: Running, authority: Authority, connections: int, seconds: int, most: int
) -> Loaded:
    """Each client renews again and again over the connection that it has."""
    del most  # nothing is prepared
    return _load(server, authority, connections, seconds, anew=False)


def anew(
    server: Running, authority: Authority, connections: int, seconds: int, most: int
) -> Loaded:
    """Each client connects for each renewal, as those that renew from a timer do."""
    del most
    return _load(server, authority, connections, seconds, anew=True)


def _load(
    server: Running, authority: Authority, clients: int, seconds: int, *, anew: bool
) -> Loaded:
    stem = "anew" if anew else "kept"
    contexts = [_context(server, authority, f"{stem}{number}") for number in range(clients)]

    def client(number: int, tally: Tally) -> Work:
        connect = partial(Connection, server.port, contexts[number])
        return partial(_renew, connections=_fresh(connect) if anew else _same(connect), tally=tally)

    used = server.processor()
    found = at_once(client, clients, seconds)
    used = server.processor() - used
    if failed := [each.failure for each in found if each.failure]:
        print(f"! {server.program.name}: {len(failed)} clients: {failed[0]}", file=sys.stderr)
    took = sorted(second for each in found for second in each.took)
    if len(took) < 2:
        raise RuntimeError(f"{server.program.name} renewed {len(took)} times")
    return Loaded(
        issued=len(took),
        figures={
            "renewals/s": sum(len(each.took) / each.seconds for each in found),
            **spread(took),
            "cpu µs/renewal": used * 1e6 / len(took),
            "client cpu µs/renewal": sum(each.processor for each in found) * 1e6 / len(took),
        },
    )


def _renew(until: float, connections: Iterator[Connection], tally: Tally) -> None:
    while (start := time.perf_counter()) < until:
        connection = next(connections)
        status, _, body = connection.ask(b"POST", b"/1.0/renew")
        if status != 201:
            raise Failed(f"{status} {body!r}")
        tally.took.append(time.perf_counter() - start)


def _same(connect: partial[Connection]) -> Iterator[Connection]:
    connection = connect()
    while True:
        yield connection


def _fresh(connect: partial[Connection]) -> Iterator[Connection]:
    while True:
        connection = connect()
        yield connection
        connection.close()


def _context(server: Running, authority: Authority, who: str) -> ssl.SSLContext:
    """Get a certificate, and give what shows it."""
    name, key = f"{who}.load.test", generate_private_key(SECP256R1())
    asked = {"csr": csr(name, key), "ott": authority.provisioner.token(name)}
    plain = ssl.create_default_context(cafile=str(authority.root))
    connection = Connection(server.port, plain)
    status, _, body = connection.ask(b"POST", b"/1.0/sign", json.dumps(asked).encode())
    connection.close()
    if status != 201:
        raise Failed(f"{status} {body!r}")
    file = authority.directory / f"{who}.pem"
    shown = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    file.write_text("".join(json.loads(body)["certChain"]) + shown)
    context = ssl.create_default_context(cafile=str(authority.root))
    context.load_cert_chain(file)
    return context
