"""Many clients at once, many certificates: no error, and memory that stays."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import trio

from tests.support.appliance import Appliance
from tests.support.load import bodies
from tests.support.wire import Connection

CLIENTS = 64
CERTIFICATES = 20_000
GROWTH = 60  # MB over idle; 17 of them are what alerts know of so many names, 50,000 at most


@pytest.fixture
def appliance(tmp_path: Path) -> Iterator[Appliance]:
    made = Appliance(tmp_path).start()
    yield made
    made.stop()


async def sign(appliance: Appliance, stem: str, count: int, statuses: dict[int, int]) -> None:
    async with Connection(appliance.port, appliance.context()) as connection:
        for _, body in bodies(appliance.load, count, stem):
            status, _ = await connection.request("POST", "/1.0/sign", body)
            statuses[status] = statuses.get(status, 0) + 1


async def test_sixty_four_clients_get_twenty_thousand_certificates(appliance: Appliance) -> None:
    idle = appliance.memory()
    statuses: dict[int, int] = {}
    each, rest = divmod(CERTIFICATES, CLIENTS)
    async with trio.open_nursery() as nursery:
        for client in range(CLIENTS):
            count = each + (client < rest)
            nursery.start_soon(sign, appliance, f"c{client}n", count, statuses)
    assert statuses == {201: CERTIFICATES}
    assert appliance.memory() - idle < GROWTH
