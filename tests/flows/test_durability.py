"""What was answered survives: a CA killed in mid-flight, again and again."""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import trio
from cryptography import x509

from tests.support.appliance import Appliance
from tests.support.load import bodies
from tests.support.wire import Answer, Connection

ROUNDS = 6
CLIENTS = 8


@dataclass(slots=True)
class Acknowledged:
    """What clients hold in their hands."""

    serials: set[str] = field(default_factory=set)
    requests: list[bytes] = field(default_factory=list)


@pytest.fixture
def appliance(tmp_path: Path) -> Iterator[Appliance]:
    made = Appliance(tmp_path)
    yield made
    made.stop()


async def sign_until_cut(appliance: Appliance, stem: str, answered: Acknowledged) -> None:
    """Sign as fast as it goes, until the server is gone."""
    supply = bodies(appliance.load, 10_000, stem)
    try:
        async with Connection(appliance.port, appliance.context()) as connection:
            for _, body in supply:
                status, answer = await connection.request("POST", "/1.0/sign", body)
                assert status == 201, answer
                certificate = x509.load_pem_x509_certificate(json.loads(answer)["crt"].encode())
                answered.serials.add(str(certificate.serial_number))
                answered.requests.append(body)
    except (trio.BrokenResourceError, Answer, OSError):
        return


async def load_and_kill(appliance: Appliance, number: int, answered: Acknowledged) -> None:
    async with trio.open_nursery() as nursery:
        for client in range(CLIENTS):
            nursery.start_soon(sign_until_cut, appliance, f"r{number}c{client}n", answered)
        before = len(answered.requests)
        with trio.move_on_after(30):  # a busy machine is slow to begin
            while len(answered.requests) == before:
                await trio.sleep(0.02)
        await trio.sleep(random.uniform(0.1, 0.5))
        await trio.to_thread.run_sync(appliance.kill)


async def replay(appliance: Appliance, requests: list[bytes]) -> list[int]:
    async with Connection(appliance.port, appliance.context()) as connection:
        return [(await connection.request("POST", "/1.0/sign", body))[0] for body in requests]


async def test_kill_nine_loses_no_answered_certificate_and_revives_no_token(
    appliance: Appliance,
) -> None:
    """Kills under load: all that was answered is listed, no used token is taken again."""
    answered = Acknowledged()
    for number in range(ROUNDS):
        await trio.to_thread.run_sync(appliance.start)
        fresh = len(answered.requests)
        await load_and_kill(appliance, number, answered)
        assert len(answered.requests) > fresh, "the round signed nothing"
    await trio.to_thread.run_sync(appliance.start)

    listing = await trio.to_thread.run_sync(
        lambda: appliance.run("certs", "list", "--all", "--format", "json")
    )
    assert listing.returncode == 0, listing.stderr
    listed = {entry["serial"] for entry in json.loads(listing.stdout)["certificates"]}
    assert answered.serials <= listed
    assert set(await replay(appliance, answered.requests[-200:])) == {401}
    assert "repair" not in appliance.log.read_text().lower()
