"""SIGHUP's work: a new configuration takes over whole, or not at all, and no request is lost."""

import json
import weakref
from datetime import timedelta

import httpx
import trio

from appliance.server.operation import ApplianceOperator
from tests.server.conftest import Appliance, Authority, Start
from tests.support.load import Provisioner
from tests.support.web import Pki


async def names(appliance: Appliance) -> list[str]:
    answer = await appliance.client.get("/provisioners")
    return [each["name"] for each in answer.json()["provisioners"]]


async def test_a_new_provisioner_works_after_a_reload(start: Start, authority: Authority) -> None:
    another = Provisioner.generate("another")
    async with start() as appliance:
        assert await names(appliance) == ["load"]
        authority.configure(another)
        await appliance.reload("Serving HTTPS")
        assert await names(appliance) == ["load", "another"]
        body = authority.request("a.test", another)
        assert (await appliance.client.post("/sign", json=body)).status_code == 201


async def test_acme_comes_with_the_first_provisioner_of_its_type(
    start: Start, authority: Authority
) -> None:
    async with start() as appliance:
        answer = await appliance.client.get("/acme/acme/directory")
        assert (answer.status_code, answer.json()["type"]) == (404, "notFound")
        answer = await appliance.client.get("/acme/load/directory")
        assert answer.json()["type"] == "urn:ietf:params:acme:error:unauthorized"
        document = json.loads(authority.file.read_text())
        document["authority"]["provisioners"].append({"type": "ACME", "name": "acme"})
        authority.file.write_text(json.dumps(document))
        await appliance.reload("Serving HTTPS")
        answer = await appliance.client.get("/acme/acme/directory")
        assert (answer.status_code, "newOrder" in answer.json()) == (200, True)


async def test_connections_stay_open_and_the_certificate_changes(
    start: Start, authority: Authority
) -> None:
    """The client's one connection goes on; a new one sees the new name of the server."""
    async with start() as appliance:
        await appliance.client.get("/health")
        port = appliance.running.addresses[0][1]
        authority.configure(dnsNames=["localhost", "other.test"])
        await appliance.reload("Serving HTTPS")
        answer = await appliance.client.get("/health")
        old = answer.extensions["network_stream"].get_extra_info("ssl_object").getpeercert()
        assert ("DNS", "other.test") not in old["subjectAltName"]
        async with httpx.AsyncClient(verify=authority.context()) as fresh:
            answer = await fresh.get(f"https://localhost:{port}/health")
            new = answer.extensions["network_stream"].get_extra_info("ssl_object").getpeercert()
        assert ("DNS", "other.test") in new["subjectAltName"]


async def test_a_wrong_configuration_changes_nothing(start: Start, authority: Authority) -> None:
    async with start() as appliance:
        authority.file.write_text("{")
        line = await appliance.reload("error reloading")
        assert f"{authority.file}: line 1, column 2" in line
        assert line.endswith("continuing to run with the original configuration")
        assert await names(appliance) == ["load"]
        authority.configure(key="/no/such/key")
        assert "/no/such/key: cannot be read" in await appliance.reload("error reloading")
        authority.configure(tls={"cipherSuites": ["NO_SUCH_SUITE"]})
        assert "NO_SUCH_SUITE" in await appliance.reload("error reloading")
        authority.configure(Provisioner.generate("later"))
        await appliance.reload("Serving HTTPS")
        assert await names(appliance) == ["load", "later"]


async def test_another_database_needs_a_restart(start: Start, authority: Authority) -> None:
    async with start() as appliance:
        authority.configure(db={"type": "leveldb", "dataSource": str(authority.directory / "db2")})
        assert f"{authority.file}: db: cannot change" in await appliance.reload("error reloading")
        body = authority.request("a.test")
        assert (await appliance.client.post("/sign", json=body)).status_code == 201
    assert not (authority.directory / "db2").exists()


async def test_another_intermediate_signs_from_then_on(start: Start, authority: Authority) -> None:
    async with start() as appliance:
        root = authority.pki.root
        intermediate = root.issue("Second", ca=True, end=timedelta(days=8), usages=())
        authority.install(Pki(root=root, intermediate=intermediate, server=intermediate))
        await appliance.reload("Serving HTTPS")
        body = authority.request("a.test")
        answer = await appliance.client.post("/sign", json=body)
        assert answer.status_code == 201
        assert answer.json()["ca"] == authority.pki.intermediate.pem
        assert (await appliance.running.operator.overview()).name == "Second"


async def test_another_address_is_moved_to(start: Start, authority: Authority) -> None:
    """What is under way on the old one is answered; then nobody is there."""
    async with start() as appliance:
        old = appliance.running.addresses[0][1]
        port = await _free_port()
        authority.configure(address=f"127.0.0.1:{port}")
        await appliance.reload(f"Serving HTTPS on 127.0.0.1:{port}")
        async with httpx.AsyncClient(verify=authority.context()) as fresh:
            assert (await fresh.get(f"https://localhost:{port}/health")).status_code == 200
        try:
            await trio.open_tcp_stream("127.0.0.1", old)
        except OSError:
            return
        raise AssertionError("the old port is still open")


async def test_an_address_in_use_leaves_the_old_one(start: Start, authority: Authority) -> None:
    (taken,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with taken, start() as appliance:
        authority.configure(address=f"127.0.0.1:{taken.socket.getsockname()[1]}")
        assert "cannot listen" in await appliance.reload("error reloading")
        assert (await appliance.client.get("/health")).status_code == 200


async def test_a_token_used_before_a_reload_is_used_after_it(
    start: Start, authority: Authority
) -> None:
    async with start() as appliance:
        body = authority.request("a.test")
        assert (await appliance.client.post("/sign", json=body)).status_code == 201
        await appliance.reload("Serving HTTPS")
        assert (await appliance.client.post("/sign", json=body)).status_code == 401


async def test_a_token_from_before_a_reload_is_good_after_it(
    start: Start, authority: Authority
) -> None:
    """The store has gone on, so nothing speaks against it (step-ca refuses it)."""
    async with start() as appliance:
        body = authority.request("a.test")
        await trio.sleep(1.1)
        await appliance.reload("Serving HTTPS")
        assert (await appliance.client.post("/sign", json=body)).status_code == 201


async def test_no_request_is_lost_by_reloads_under_load(start: Start, authority: Authority) -> None:
    statuses: list[int] = []

    async def ask(client: httpx.AsyncClient, stop: trio.Event) -> None:
        while not stop.is_set():
            body = authority.request("a.test")
            statuses.append((await client.post("/sign", json=body)).status_code)

    async with start() as appliance:
        stop = trio.Event()
        async with trio.open_nursery() as nursery:
            for _ in range(4):
                nursery.start_soon(ask, appliance.client, stop)
            for number in range(8):
                authority.configure(Provisioner.generate(f"p{number}"))
                await appliance.reload("Serving HTTPS")
                await trio.sleep(0.05)
            stop.set()
        assert await names(appliance) == ["load", "p7"]
    assert len(statuses) > 8
    assert set(statuses) == {201}


async def test_the_access_log_follows_the_configuration(start: Start, authority: Authority) -> None:
    async with start() as appliance:
        await appliance.client.get("/health")
        assert json.loads(await appliance.output.wait_for("/health"))["status"] == 200
        authority.configure(logger={"format": "common", "traceHeader": "X-Trace"})
        await appliance.reload("Serving HTTPS")
        await appliance.client.get("/health", headers={"x-trace": "abc"})
        line = await appliance.output.wait_for("/health")
        assert line.startswith("abc 127.0.0.1 ca - ")
        assert ' "GET /health HTTP/1.1" 200 16' in line


async def _free_port() -> int:
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with listener:
        port: int = listener.socket.getsockname()[1]
        return port


async def test_what_a_reload_replaced_is_forgotten(start: Start, authority: Authority) -> None:
    async with start() as appliance:
        await appliance.reload("Serving HTTPS")
        operator = appliance.running.operator
        assert isinstance(operator, ApplianceOperator)
        replaced = weakref.ref(operator.service.assembly.application)
        for _ in range(2):  # the second one begins when the first is over
            await appliance.reload("Serving HTTPS")
        assert replaced() is None
