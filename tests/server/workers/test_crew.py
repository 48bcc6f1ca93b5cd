"""Worker processes serve as the one process does; killed, they take nothing with them."""

import errno
import json
import os
import signal
import socket
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
import trio
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from appliance.authority.gate import Bar
from appliance.authority.journal_reading import JournalReader
from appliance.authority.journal_verification import Verification
from appliance.model.errors import Broken
from appliance.model.events import EventKind
from appliance.model.inventory import CertificateQuery
from appliance.model.journal import JournalQuery
from appliance.server.launch import Network
from appliance.server.operation import ApplianceOperator
from appliance.server.workers import crew
from appliance.stores.leveldb import open_store
from tests.flows.test_acme import Target, proven
from tests.server.conftest import Appliance, Authority, Start
from tests.server.workers.conftest import PATIENCE, crew_of, ready, until
from tests.support.acme_by_hand import Client, csr, over_https
from tests.support.load import Provisioner, bodies
from tests.support.load import csr as request_for
from tests.support.web import Pki
from tests.support.wire import Answer, Connection

ACME = {"type": "ACME", "name": "acme"}


def port_of(appliance: Appliance) -> int:
    return appliance.running.addresses[0][1]


@asynccontextmanager
async def two_connections(
    appliance: Appliance, authority: Authority
) -> AsyncIterator[tuple[Connection, Connection]]:
    """One to each worker, since each goes to the one that has the fewest."""
    context = authority.context()
    async with (
        Connection(port_of(appliance), context) as first,
        Connection(port_of(appliance), context) as second,
    ):
        for each in (first, second):
            assert (await each.request("GET", "/version"))[0] == 200
        loads = {name: value for family in crew_of(appliance).families()
                 if family.name == "hearth_worker_connections"
                 for name, value in family.samples}  # fmt: skip
        assert sorted(loads.values()) == [1, 1]
        yield first, second


async def test_every_operation_works_through_workers_that_share_one_store(
    start: Start, authority: Authority, tmp_path: Path
) -> None:
    target = Target()
    authority.configure(
        workers=2, authority={"provisioners": [authority.provisioner.entry(), ACME]}
    )
    async with start(network=Network(http_port=target.port)) as appliance:
        assert (await appliance.client.get("/health")).status_code == 200  # before they are ready
        await ready(appliance, 2)
        await appliance.client.aclose()
        async with two_connections(appliance, authority) as pair:
            await replayed(pair, authority)
            await barred(pair, authority, appliance)
            await told(pair, appliance)
        serial = await renewed_and_revoked(appliance, authority, tmp_path)
        await ordered(appliance, authority, target)
        kinds = Counter(each.event.kind for each in appliance.ring.events())
        assert kinds[EventKind.RENEWED] == kinds[EventKind.REVOKED] == 1
        assert f'"serial":"{serial}"' in await appliance.output.wait_for('"path":"/renew"')
    target.server.shutdown()
    target.server.server_close()
    await journaled(authority)


async def replayed(pair: tuple[Connection, Connection], authority: Authority) -> None:
    """One-time tokens that come to both workers at the same moment are used once."""
    first, second = pair
    for number in range(5):
        body = httpx.Request("POST", "https://x", json=authority.request(f"r{number}.test")).read()
        statuses: list[int] = []

        async def ask(connection: Connection, body: bytes, statuses: list[int]) -> None:
            statuses.append((await connection.request("POST", "/1.0/sign", body))[0])

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask, first, body, statuses)
            nursery.start_soon(ask, second, body, statuses)
        assert sorted(statuses) == [201, 401]
        assert (await second.request("POST", "/1.0/sign", body))[0] == 401


async def barred(
    pair: tuple[Connection, Connection], authority: Authority, appliance: Appliance
) -> None:
    """What keeps the main process from issuing keeps workers from it, and the token is good."""
    assert isinstance(appliance.running.operator, ApplianceOperator)
    gate = appliance.running.operator.service.foundation.gate
    body = httpx.Request("POST", "https://x", json=authority.request("barred.test")).read()
    gate.close(Bar.DISK, "the disk is full")
    for each in pair:
        await each.request("GET", "/health")  # relayed, and so behind what was told before
        status, text = await each.request("POST", "/1.0/sign", body)
        assert (status, b"the disk is full" in text) == (503, True)
    gate.open(Bar.DISK)
    await pair[0].request("GET", "/health")
    assert (await pair[0].request("POST", "/1.0/sign", body))[0] == 201


async def told(pair: tuple[Connection, Connection], appliance: Appliance) -> None:
    """Health, metrics and what is unknown come by the same door."""
    for each in pair:
        status, text = await each.request("GET", "/health?verbose")
        assert (status, b'"name":"workers","ok":true' in text) == (200, True)
        assert (await each.request("GET", "/no/such/thing"))[0] == 404
        assert (await each.request("DELETE", "/sign"))[0] == 405
    events = [each.event for each in appliance.ring.events()]
    issued = [each for each in events if each.kind is EventKind.ISSUED]
    assert len(issued) == 6
    assert all(each.steps and each.client == "127.0.0.1" for each in issued)


async def renewed_and_revoked(appliance: Appliance, authority: Authority, folder: Path) -> int:
    key = ec.generate_private_key(ec.SECP256R1())
    body = {"csr": request_for("mtls.test", key), "ott": authority.provisioner.token("mtls.test")}
    url = f"https://localhost:{port_of(appliance)}"
    async with httpx.AsyncClient(base_url=url, verify=authority.context()) as client:
        made = (await client.post("/sign", json=body)).json()
    files = folder / "leaf.pem"
    encoded = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    files.write_text(made["crt"] + made["ca"] + encoded)
    context = authority.context()
    context.load_cert_chain(files)
    async with httpx.AsyncClient(base_url=url, verify=context) as client:
        answer = await client.post("/renew")
        assert answer.status_code == 201
        again = x509.load_pem_x509_certificate(answer.json()["crt"].encode())
        old = x509.load_pem_x509_certificate(made["crt"].encode())
        asked = {"serial": str(old.serial_number), "passive": True, "reasonCode": 0}
        assert (await client.post("/revoke", json=asked)).status_code == 200
        assert (await client.post("/renew")).status_code == 401
    return again.serial_number


async def ordered(appliance: Appliance, authority: Authority, target: Target) -> None:
    """ACME, with each request on a connection of its own: so at one worker and the other."""
    url = f"https://localhost:{port_of(appliance)}"
    client = Client(over_https(authority.context()), f"{url}/acme/acme/directory")
    await client.register()
    order = await proven(client, target, "localhost")
    done = await client.finalize(order, csr("localhost"))
    assert done.status == 200, done
    chain = await client.post(done.json["certificate"])
    leaf, *_ = x509.load_pem_x509_certificates(chain.body)
    nonce = client.nonce
    statuses = []
    for _ in range(2):
        client.nonce = nonce
        statuses.append((await client.post(order["authorizations"][0])).status)
    assert statuses == [200, 400]  # a nonce is used once, whoever is asked
    listed = await appliance.running.operator.certificate(leaf.serial_number)
    assert listed.summary.provisioner == "acme"


async def journaled(authority: Authority) -> Counter[str]:
    """Verify the journal of a CA that has stopped; give how often it tells of each name."""
    store = await open_store(authority.directory / "db", create=False)
    try:
        verification, after, told = Verification(), 0, Counter[str]()
        complete = False
        while not complete:
            page = await JournalReader(store).page(JournalQuery(after=after, limit=500))
            events = list(filter(None, map(verification.take, page.entries)))
            told.update(
                each.event.subject for each in events if each.event.kind is EventKind.ISSUED
            )
            complete, after = page.complete, page.entries[-1].number
        assert verification.problems == []
        return told
    finally:
        await store.aclose()


async def inventory(appliance: Appliance) -> dict[str, int]:
    """Give the serial number of each name; no name is there twice."""
    found: dict[str, int] = {}
    cursor = ""
    while True:
        query = CertificateQuery(limit=500, cursor=cursor)
        page = await appliance.running.operator.certificates(query)
        for each in page.certificates:
            assert each.subject not in found
            found[each.subject] = each.serial
        cursor = page.cursor
        if not cursor:
            return found


class Load:
    """Clients that sign without pause, each name once, and what they know of it."""

    def __init__(self, appliance: Appliance, authority: Authority) -> None:
        self.port, self.authority = port_of(appliance), authority
        self.answered: dict[str, int] = {}
        self.unknown: dict[str, bytes] = {}  # those whose answers did not come
        self.lost = 0  # connections

    async def run(self, number: int) -> None:
        """Be one client, until cancelled."""
        names = bodies(self.authority.provisioner, 100_000, f"c{number}n")
        while True:
            try:
                async with Connection(self.port, self.authority.context()) as connection:
                    for _, body in names:
                        await self.ask(connection, body)
            except (OSError, Answer, trio.BrokenResourceError):
                self.lost += 1

    async def ask(self, connection: Connection, body: bytes) -> None:
        name = subject(body)
        self.unknown[name] = body
        status, answer = await connection.request("POST", "/1.0/sign", body)
        assert status == 201, answer
        self.answered[name] = serial_of(answer)
        del self.unknown[name]

    async def settle(self) -> set[str]:
        """Ask again for what is unknown; give the names that are used up, so recorded."""
        recorded = set()
        async with Connection(self.port, self.authority.context()) as connection:
            for name, body in self.unknown.items():
                status, answer = await connection.request("POST", "/1.0/sign", body)
                assert status in (201, 401), answer
                if status == 201:
                    self.answered[name] = serial_of(answer)
                else:
                    recorded.add(name)
        return recorded


def subject(body: bytes) -> str:
    request = x509.load_pem_x509_csr(json.loads(body)["csr"].encode())
    return str(request.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)


def serial_of(answer: bytes) -> int:
    return x509.load_pem_x509_certificate(json.loads(answer)["crt"].encode()).serial_number


async def test_workers_killed_under_load_lose_nothing_acknowledged_and_record_nothing_twice(
    start: Start, authority: Authority
) -> None:
    authority.configure(workers=2)
    async with start() as appliance:
        crew, load = crew_of(appliance), Load(appliance, authority)
        await ready(appliance, 2)
        async with trio.open_nursery() as clients:
            for number in range(4):
                clients.start_soon(load.run, number)
            for _ in range(10):
                enough = len(load.answered) + 20
                await until(lambda enough=enough: len(load.answered) >= enough)  # type: ignore[misc]
                pid = crew.pids[0]
                os.kill(pid, signal.SIGKILL)
                await ready(appliance, 2, without=pid)
            clients.cancel_scope.cancel()
        recorded = await load.settle()
        listed = await inventory(appliance)
        replaced = [each for each in appliance.output.lines if "another takes its place" in each]
    assert len(replaced) == 10
    assert load.lost >= 10
    assert load.answered.items() <= listed.items()
    assert listed.keys() == load.answered.keys() | recorded
    assert await journaled(authority) == dict.fromkeys(listed, 1)


async def names(connection: Connection) -> list[str]:
    _, answer = await connection.request("GET", "/provisioners")
    return [each["name"] for each in json.loads(answer)["provisioners"]]


async def test_a_reload_reaches_every_worker_and_connections_stay_open(
    start: Start, authority: Authority
) -> None:
    another, root = Provisioner.generate("another"), authority.pki.root
    authority.configure(workers=2)
    async with start() as appliance:
        await ready(appliance, 2)
        crew = crew_of(appliance)
        before = set(crew.pids)
        async with two_connections(appliance, authority) as pair:
            second = root.issue("Second", ca=True, end=timedelta(days=8), usages=())
            authority.install(Pki(root=root, intermediate=second, server=second))
            authority.configure(another, workers=2)
            await appliance.reload("Serving HTTPS")
            for each in pair:
                assert await names(each) == ["load", "another"]
                body = json.dumps(authority.request("a.test", another)).encode()
                status, answer = await each.request("POST", "/sign", body)
                assert status == 201
                leaf = x509.load_pem_x509_certificate(json.loads(answer)["crt"].encode())
                leaf.verify_directly_issued_by(second.certificate)
            authority.file.write_text("{")
            await appliance.reload("error reloading")
            for each in pair:
                assert await names(each) == ["load", "another"]
        assert set(crew.pids) == before


async def test_a_worker_that_finds_other_files_than_those_that_are_served_does_not_serve(
    start: Start, authority: Authority
) -> None:
    """It would issue by what nobody has asked to be served yet."""
    root = authority.pki.root
    authority.configure(workers=1)
    async with start() as appliance:
        await ready(appliance, 1)
        second = root.issue("Second", ca=True, end=timedelta(days=8), usages=())
        authority.install(Pki(root=root, intermediate=second, server=second))
        os.kill(crew_of(appliance).pids[0], signal.SIGKILL)
        with trio.fail_after(PATIENCE):
            await appliance.output.wait_for("reload to serve them")
        health = (await appliance.client.get("/health?verbose")).json()["conditions"]
        (condition,) = (each for each in health if each["name"] == "workers")
        assert not condition["ok"]
        body = authority.request("a.test")
        assert (await appliance.client.post("/sign", json=body)).status_code == 201
        await appliance.reload("Serving HTTPS")
        await ready(appliance, 1)


async def test_their_number_changes_by_a_reload_and_the_end_waits_for_answers(
    start: Start, authority: Authority
) -> None:
    async with start() as appliance:
        crew = crew_of(appliance)
        authority.configure(workers=1)
        await appliance.reload("Serving HTTPS")
        await ready(appliance, 1)
        (last,) = crew.pids
        async with Connection(port_of(appliance), authority.context()) as connection:
            body = json.dumps(authority.request("a.test")).encode()
            head = f"POST /sign HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n\r\n"
            await connection.stream.send_all(head.encode() + body[:100])
            appliance.controls.stop.set()
            await appliance.output.wait_for("shutting down")
            await connection.stream.send_all(body[100:])
            assert (await connection.answer())[0] == 201
    assert not Path(f"/proc/{last}").exists()


async def test_a_second_signal_waits_for_no_worker(start: Start, authority: Authority) -> None:
    authority.configure(workers=1)
    with trio.CancelScope() as everything:
        async with start() as appliance:
            await ready(appliance, 1)
            (pid,) = crew_of(appliance).pids
            async with Connection(port_of(appliance), authority.context()) as connection:
                await connection.stream.send_all(
                    b"POST /sign HTTP/1.1\r\nContent-Length: 9\r\n\r\n"
                )
                everything.cancel()
                await trio.sleep_forever()
    assert everything.cancelled_caught
    assert not Path(f"/proc/{pid}").exists()


async def test_a_process_with_no_descriptors_left_tries_again_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It must not end for want of a worker: it can serve by itself."""

    def full(*_: object) -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(socket, "socketpair", full)
    with pytest.raises(Broken, match="Too many open files"):
        await crew._hired()
