"""Targets that hang cost nobody else anything, seen from outside of a whole appliance (issue 5)."""

import http.client
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import trio
from cryptography import x509

from tests.support.acme_by_hand import Answer, Client, Transport, csr, thumbprint
from tests.support.appliance import Appliance, free_port
from tests.support.load import bodies
from tests.support.targets import http as page
from tests.support.targets import request_of, tcp
from tests.support.wire import Connection

GOOD, HANGING = "127.0.0.1", "127.0.0.2"
CLIENTS, EACH = 20, 5  # so many orders of either kind a client: 200 altogether
PATIENCE = 60.0  # seconds for all of it
HELD = 10.0  # seconds; the server looks at a target for fifteen


def kept(appliance: Appliance, stack: ExitStack) -> Transport:
    """Speak to a server on one connection that stays."""
    connection = http.client.HTTPSConnection(
        "localhost", appliance.port, timeout=HELD, context=appliance.context()
    )
    stack.callback(connection.close)

    def ask(method: str, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        connection.request(method, urlsplit(url).path, body, dict(headers))
        answer = connection.getresponse()
        found = [(name.lower(), text) for name, text in answer.getheaders()]
        return Answer(answer.status, found, answer.read())

    async def send(method: str, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        return await trio.to_thread.run_sync(ask, method, url, headers, body)

    return send


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def appliance(tmp_path: Path, port: int) -> Iterator[Appliance]:
    made = Appliance(tmp_path, "--acme").start("--insecure", "--acme-http-port", str(port))
    yield made
    made.stop()


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as made:
        yield made


class Targets:
    """A web server that proves an account's orders, and one that says nothing."""

    def __init__(self) -> None:
        self.thumbprint = ""
        self.held = 0

    async def prove(self, stream: trio.SocketStream) -> None:
        token = (await request_of(stream)).split(" ")[1].rpartition("/")[2]
        await stream.send_all(page("200 OK", f"{token}.{self.thumbprint}".encode()))

    async def hang(self, stream: trio.SocketStream) -> None:
        self.held += 1
        await trio.sleep_forever()


@asynccontextmanager
async def targets(port: int) -> AsyncIterator[Targets]:
    made = Targets()
    async with (
        tcp(made.prove, host=GOOD, port=port),
        tcp(made.hang, host=HANGING, port=port),
    ):
        yield made


async def begun(client: Client, name: str) -> tuple[str, dict[str, Any]]:
    """Order a name and respond: its challenge and the order."""
    order = (await client.order(name)).json
    found = (await client.post(order["authorizations"][0])).json["challenges"]
    url = next(each["url"] for each in found if each["type"] == "http-01")
    answer = await client.post(url, {})
    assert answer.status == 200
    return url, order


async def finished(client: Client, order: dict[str, Any]) -> None:
    """Wait for the proof, and get the certificate."""
    while (await client.post(order["authorizations"][0])).json["status"] == "pending":
        await trio.sleep(0.1)
    done = await client.finalize(order, csr(GOOD))
    assert done.status == 200, done.body
    chain = await client.post(done.json["certificate"])
    assert x509.load_pem_x509_certificates(chain.body)


async def other_routes(appliance: Appliance, stop: trio.Event) -> int:
    """Ask the rest of the server without a pause; how often all of it answered."""
    rounds = 0
    requests = bodies(appliance.load, 10_000, "beside")
    async with Connection(appliance.port, appliance.context()) as connection:
        while not stop.is_set():
            with trio.fail_after(HELD):
                for path in ("/health", "/roots.pem", "/acme/acme/directory"):
                    assert (await connection.request("GET", path))[0] == 200
                _, body = next(requests)
                assert (await connection.request("POST", "/1.0/sign", body))[0] == 201
            rounds += 1
            await trio.sleep(0.02)
    return rounds


async def test_of_200_orders_those_whose_targets_answer_complete_and_all_else_goes_on(
    appliance: Appliance, port: int, stack: ExitStack
) -> None:
    directory = f"{appliance.url}/acme/acme/directory"
    first = Client(kept(appliance, stack), directory)
    await first.register()
    clients = [
        Client(
            kept(appliance, stack), directory, first.key, first.kid,
            directory=first.directory,
        )
        for _ in range(CLIENTS)
    ]  # fmt: skip
    hanging: list[str] = []
    good: list[tuple[Client, dict[str, Any]]] = []
    stop, rounds = trio.Event(), 0

    async def beside() -> None:
        nonlocal rounds
        rounds = await other_routes(appliance, stop)

    async def begin(client: Client) -> None:
        for _ in range(EACH):
            hanging.append((await begun(client, HANGING))[0])
            good.append((client, (await begun(client, GOOD))[1]))

    async def finish(client: Client) -> None:
        for order in [order for each, order in good if each is client]:
            await finished(client, order)

    with trio.fail_after(PATIENCE):
        async with targets(port) as found, trio.open_nursery() as outer:
            found.thumbprint = thumbprint(first.key)
            outer.start_soon(beside)
            for step in (begin, finish):
                async with trio.open_nursery() as nursery:
                    for client in clients:
                        nursery.start_soon(step, client)
            assert found.held > 0
            states = {(await first.post(url)).json["status"] for url in hanging}
            assert states == {"processing"}
            stop.set()
    assert len(good) == len(hanging) == CLIENTS * EACH
    assert rounds > 10
