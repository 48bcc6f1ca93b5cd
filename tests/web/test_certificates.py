"""What sign, renew and revoke tell the log, and whom they believe."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
import trio

from appliance.web.limits import Limits
from tests.support.load import csr
from tests.support.web import Certified, kept_in, serving
from tests.web import ours
from tests.web.exchanges import Client, Received, Sent, World


class Asker:
    """Sends requests to ours from a thread."""

    def __init__(self, client: Client) -> None:
        self.client = client

    async def __call__(self, sent: Sent) -> Received:
        return await trio.to_thread.run_sync(self.client.send, sent)


@asynccontextmanager
async def running(
    world: World, folder: Path, lines: list[Mapping[str, object]]
) -> AsyncIterator[Asker]:
    application = ours.application(world, kept_in(lines))
    async with serving(application, world.pki, Limits(drain=1)) as server:
        yield Asker(Client(server.port, folder, world.pki.root))


async def test_a_sign_request_in_the_log(tmp_path: Path, lines: list[Mapping[str, object]]) -> None:
    """The line names certificate and token; the token itself, still a secret, is not in it."""
    world = World(tmp_path / "ca")
    body = world.sign("a.test")
    token = json.loads(body)["ott"]
    async with running(world, tmp_path, lines) as ask:
        answer = await ask(Sent(method="POST", path="/1.0/sign", body=body))
        assert answer.status == 201
    line = dict(lines[0])
    assert line["subject"] == "a.test"
    assert line["sans"] == {"dns": ["a.test"]}
    assert line["issuer"] == "Intermediate"
    assert line["public-key"] == "ECDSA P-256"
    assert line["provisioner"] == f"load ({world.kid})"
    assert str(line["valid-to"]).endswith("Z")
    assert str(line["serial"]).isdecimal()
    assert (line["token-issuer"], line["token-subject"]) == ("load", "a.test")
    assert len(str(line["token-id"])) == 64
    assert token.rpartition(".")[2] not in json.dumps(line)
    assert "ott" not in line


async def test_a_refusal_in_the_log(tmp_path: Path, lines: list[Mapping[str, object]]) -> None:
    """Who was refused is named, and why, which the client is not told."""
    world = World(tmp_path / "ca")
    body = world.sign("a.test", ott=world.load.token("a.test", exp=1))
    async with running(world, tmp_path, lines) as ask:
        answer = await ask(Sent(method="POST", path="/sign", body=body))
    assert answer.status == 401
    assert "expired" not in answer.body.decode()
    assert "expired" in str(lines[0]["error"])
    assert lines[0]["token-subject"] == "a.test"


async def test_a_renewal_token_in_the_log(
    tmp_path: Path, lines: list[Mapping[str, object]]
) -> None:
    world = World(tmp_path / "ca")
    async with running(world, tmp_path, lines) as ask:
        await trio.to_thread.run_sync(world.obtain, ask.client.send, "a.test")
        headers = world.renewal("a.test")
        answer = await ask(Sent(method="POST", path="/renew", headers=headers))
        assert answer.status == 201
    assert headers["Authorization"].rpartition(".")[2] not in json.dumps(lines)
    assert lines[1]["token-issuer"] == "step-ca-client/1.0"


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (timedelta(days=-3), timedelta(seconds=-5)),
        (timedelta(hours=1), timedelta(hours=2)),
    ],
)
@pytest.mark.parametrize("path", ["/renew", "/rekey", "/revoke"])
async def test_dates_of_client_certificates(
    path: str, start: timedelta, end: timedelta, tmp_path: Path, lines: list[Mapping[str, object]]
) -> None:
    """An expired or future certificate opens the connection, but no door that asks for it."""
    world = World(tmp_path / "ca")
    shown = world.pki.intermediate.issue("a.test", start=start, end=end)
    async with running(world, tmp_path, lines) as ask:
        reading = Sent(method="GET", path="/health", peer=shown)
        assert (await ask(reading)).status == 200
        asking = Sent(method="POST", path=path, body=request(shown), peer=shown)
        assert (await ask(asking)).status == 401


async def test_dates_of_issuers(tmp_path: Path, lines: list[Mapping[str, object]]) -> None:
    """A certificate below an expired intermediate of ours is not believed either."""
    world = World(tmp_path / "ca")
    old = world.pki.root.issue(
        "Old", ca=True, start=timedelta(days=-9), end=timedelta(days=-1), usages=()
    )
    leaf = old.issue("a.test")
    async with running(world, tmp_path, lines) as ask:
        reading = Sent(method="GET", path="/health", peer=leaf, issuers=(old,))
        assert (await ask(reading)).status == 200
        asking = Sent(method="POST", path="/renew", peer=leaf, issuers=(old,))
        assert (await ask(asking)).status == 401


def request(shown: Certified) -> bytes:
    """A body that suits all three routes."""
    serial = str(shown.certificate.serial_number)
    body = {"serial": serial, "passive": True, "csr": csr("a.test", shown.key)}
    return json.dumps(body).encode()
