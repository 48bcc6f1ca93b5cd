"""Plain HTTP for what is published, and metrics: opened, moved and closed as ca.json says."""

import httpx
import pytest
import trio

from appliance.formats import crl
from appliance.model.errors import HearthError, Unavailable
from tests.server.conftest import Appliance, Authority, Start
from tests.support.web import PATIENCE

CRL = {"enabled": True, "generateOnRevoke": True}
ANY = "127.0.0.1:0"


async def said(appliance: Appliance, name: str) -> str:
    """Where a door is, by the line that tells it."""
    line = await appliance.output.wait_for(f"Serving {name} on ")
    return f"http://{line.split(' on ')[1].removesuffix(' ...')}"


async def get(url: str) -> httpx.Response:
    async with httpx.AsyncClient(timeout=PATIENCE) as client:
        return await client.get(url)


async def is_closed(url: str) -> bool:
    """Whether nobody is there (any more), which may take a moment."""
    with trio.move_on_after(PATIENCE):
        while True:
            try:
                await get(url)
            except httpx.ConnectError:
                return True
            await trio.sleep(0.02)
    return False


async def test_plain_http_serves_what_is_published_and_nothing_else(
    start: Start, authority: Authority
) -> None:
    authority.configure(crl=CRL, insecureAddress=ANY)
    async with start() as appliance:
        url = await said(appliance, "HTTP")
        for path in ("/crl", "/1.0/crl"):
            answer = await get(url + path)
            assert answer.status_code == 200
            assert answer.content == (await appliance.client.get(path)).content
            assert crl.parse(answer.content).number == 0
        for path in ("/health", "/", "/crl/", "/sign", "/roots", "/metrics", "/acme/x/directory"):
            answer = await get(url + path)
            assert (answer.status_code, answer.text) == (404, "404 page not found\n")


async def test_metrics_are_served_apart(start: Start, authority: Authority) -> None:
    authority.configure(metricsAddress=ANY)
    async with start() as appliance:
        url = await said(appliance, "HTTP (metrics)")
        body = authority.request("a.test")
        assert (await appliance.client.post("/sign", json=body)).status_code == 201
        text = (await get(f"{url}/metrics")).text
        assert 'step_ca_x509_signed_total{provisioner="load",success="true"} 1\n' in text
        assert "step_ca_kms_signed 2\n" in text  # its own certificate, and this one
        assert (await get(f"{url}/crl")).status_code == 404
        assert (await appliance.client.get("/metrics")).status_code == 404


async def test_an_address_without_anything_to_serve_is_told(
    start: Start, authority: Authority
) -> None:
    authority.configure(insecureAddress=ANY)
    async with start() as appliance:
        await appliance.output.wait_for("insecureAddress: nothing is served there")
        assert not any("Serving HTTP on" in line for line in appliance.output.lines)
        answer = await appliance.client.get("/crl")
        assert answer.status_code == 404
        assert "not enabled" in answer.json()["message"]


async def test_a_reload_opens_moves_and_closes_doors(start: Start, authority: Authority) -> None:
    """step-ca opens none that was not there at its start."""
    async with start() as appliance:
        authority.configure(crl=CRL, insecureAddress=ANY, metricsAddress=ANY)
        await appliance.reload("Serving HTTPS")
        plain, metrics = await said(appliance, "HTTP"), await said(appliance, "HTTP (metrics)")
        number = crl.parse((await get(f"{plain}/crl")).content).number

        authority.configure(crl=CRL, insecureAddress=ANY, metricsAddress="localhost:0")
        await appliance.reload("Serving HTTPS")
        assert await said(appliance, "HTTP") == plain
        moved = await said(appliance, "HTTP (metrics)")
        assert moved != metrics
        assert (await get(f"{moved}/metrics")).status_code == 200
        assert await is_closed(f"{metrics}/metrics")
        await until_number(f"{plain}/crl", (number or 0) + 1)

        authority.configure(insecureAddress=ANY)
        await appliance.reload("Serving HTTPS")
        assert await is_closed(f"{plain}/crl")
        assert await is_closed(f"{moved}/metrics")
        assert (await appliance.client.get("/crl")).status_code == 404


async def until_number(url: str, number: int) -> None:
    """Each reload makes a list."""
    with trio.fail_after(PATIENCE):
        while crl.parse((await get(url)).content).number != number:
            await trio.sleep(0.01)


async def test_an_address_in_use_changes_nothing(start: Start, authority: Authority) -> None:
    """Of two new doors of which one cannot be opened, neither is."""
    (taken,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = taken.socket.getsockname()[1]
    authority.configure(crl=CRL, insecureAddress=ANY)
    async with taken, start() as appliance:
        url = await said(appliance, "HTTP")
        authority.configure(
            crl=CRL, insecureAddress=ANY, metricsAddress=f"127.0.0.1:{port}", address="127.0.0.1:0"
        )
        assert "cannot listen" in await appliance.reload("error reloading")
        assert (await get(f"{url}/crl")).status_code == 200
        assert (await appliance.client.get("/health")).status_code == 200


async def test_an_address_in_use_at_the_start_ends_it(start: Start, authority: Authority) -> None:
    (taken,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with taken:
        address = f"127.0.0.1:{taken.socket.getsockname()[1]}"
        for key in ("insecureAddress", "metricsAddress"):
            authority.configure(crl=CRL, **{key: address})
            error = await failure(start)
            assert isinstance(error, Unavailable)
            assert address in str(error)


async def failure(start: Start) -> HearthError:
    with pytest.raises(BaseExceptionGroup) as raised:
        async with start():
            pass
    error: BaseException = raised.value
    while isinstance(error, BaseExceptionGroup):
        (error,) = error.exceptions
    assert isinstance(error, HearthError)
    return error


async def test_a_revocation_is_on_the_list_when_it_is_acknowledged(
    start: Start, authority: Authority
) -> None:
    """With generateOnRevoke."""
    authority.configure(crl=CRL)
    async with start() as appliance:
        for serial in (10**30, 7):
            token = authority.provisioner.token(
                str(serial), aud="https://localhost/1.0/revoke", sans=[]
            )
            body = {"serial": str(serial), "ott": token, "reasonCode": 1, "passive": True}
            assert (await appliance.client.post("/revoke", json=body)).status_code == 200
            fields = crl.parse((await appliance.client.get("/crl")).content)
            entry = fields.find(serial)
            assert entry is not None
            assert entry.reason_code == 1


async def test_a_stop_closes_every_door(start: Start, authority: Authority) -> None:
    authority.configure(crl=CRL, insecureAddress=ANY, metricsAddress=ANY)
    async with start() as appliance:
        urls = [await said(appliance, "HTTP"), await said(appliance, "HTTP (metrics)")]
    for url in urls:
        with pytest.raises(httpx.ConnectError):
            await get(url)
