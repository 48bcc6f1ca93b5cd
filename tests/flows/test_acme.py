"""ACME with a server in a process of its own, proved by HTTP on loopback."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import trio
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from tests.support.acme_by_hand import Client, csr, encode, over_https, thumbprint
from tests.support.appliance import Appliance
from tests.support.targets import nameserver


class Target:
    """A web server that answers http-01 for the keys that it is told."""

    def __init__(self) -> None:
        self.pages: dict[str, str] = {}
        pages = self.pages

        class Pages(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                page = pages.get(self.path.rpartition("/")[2])
                self.send_response(404 if page is None else 200)
                self.end_headers()
                self.wfile.write((page or "").encode())

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Pages)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def target() -> Iterator[Target]:
    made = Target()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def appliance(tmp_path: Path, target: Target) -> Iterator[Appliance]:
    made = Appliance(tmp_path, "--acme")
    made.start("--insecure", "--acme-http-port", str(target.port))
    yield made
    made.stop()


async def settled(client: Client, url: str) -> str:
    """Look at an authorization until it is settled."""
    with trio.fail_after(60):
        while (found := (await client.post(url)).json)["status"] == "pending":
            await trio.sleep(0.05)
    return str(found["status"])


async def proven(client: Client, target: Target, *names: str) -> dict[str, Any]:
    """Order and prove."""
    order: dict[str, Any] = (await client.order(*names)).json
    for url in order["authorizations"]:
        found = (await client.post(url)).json
        (challenge,) = (each for each in found["challenges"] if each["type"] == "http-01")
        target.pages[challenge["token"]] = f"{challenge['token']}.{thumbprint(client.key)}"
        await client.post(challenge["url"], {})
        assert await settled(client, url) == "valid"
    return order


async def test_a_certificate_is_ordered_proved_issued_listed_and_revoked(
    appliance: Appliance, target: Target
) -> None:
    send = over_https(appliance.context())
    client = Client(send, f"{appliance.url}/acme/acme/directory")
    await client.register()
    order = await proven(client, target, "localhost", "127.0.0.1")
    done = (await client.finalize(order, csr("localhost", "127.0.0.1"))).json
    chain = await client.post(done["certificate"])
    leaf = x509.load_pem_x509_certificates(chain.body)[0]
    listed = await trio.to_thread.run_sync(appliance.run, "certs", "list")
    assert "acme" in listed.stdout
    from_der = encode(leaf.public_bytes(Encoding.DER))
    revoked = await client.post(client.directory["revokeCert"], {"certificate": from_der})
    assert revoked.status == 200
    again = await client.post(client.directory["revokeCert"], {"certificate": from_der})
    assert again.problem == "alreadyRevoked"


async def test_an_account_and_its_orders_outlive_the_server(
    appliance: Appliance, target: Target
) -> None:
    send = over_https(appliance.context())
    client = Client(send, f"{appliance.url}/acme/acme/directory")
    await client.register()
    order = await proven(client, target, "localhost")
    await trio.to_thread.run_sync(appliance.kill)
    await trio.to_thread.run_sync(appliance.start)
    done = await client.finalize(order, csr("localhost"))
    assert done.json["status"] == "valid"


async def test_a_challenge_that_was_begun_is_proven_after_a_restart(
    appliance: Appliance, target: Target
) -> None:
    """Its web server comes up only when the CA is back; nobody responds again."""
    client = Client(over_https(appliance.context()), f"{appliance.url}/acme/acme/directory")
    await client.register()
    (url,) = (await client.order("localhost")).json["authorizations"]
    challenges = (await client.post(url)).json["challenges"]
    (challenge,) = (each for each in challenges if each["type"] == "http-01")
    assert (await client.post(challenge["url"], {})).json["status"] == "processing"
    await trio.to_thread.run_sync(appliance.kill)
    target.pages[challenge["token"]] = f"{challenge['token']}.{thumbprint(client.key)}"
    await trio.to_thread.run_sync(
        appliance.start, "--insecure", "--acme-http-port", str(target.port)
    )
    client.nonce = ""
    assert await settled(client, url) == "valid"


async def test_the_resolver_of_the_command_line_is_asked_for_names(
    tmp_path: Path, target: Target
) -> None:
    """`--resolver`: a name that no other DNS server knows leads to its target."""
    made = Appliance(tmp_path, "--acme")
    flags = ("--insecure", "--acme-http-port", str(target.port))
    async with nameserver({("nas.house.example.", "A"): ["127.0.0.1"]}) as server:
        resolver = f"127.0.0.1:{server.port}"
        await trio.to_thread.run_sync(made.start, "--resolver", resolver, *flags)
        try:
            client = Client(over_https(made.context()), f"{made.url}/acme/acme/directory")
            await client.register()
            order = await proven(client, target, "nas.house.example")
        finally:
            await trio.to_thread.run_sync(made.stop)
    assert order["identifiers"] == [{"type": "dns", "value": "nas.house.example"}]
