"""What conformance tests begin with: an account, an order, a proven order, a certificate."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from tests.support.acme_by_hand import AcmeWorld, Answer, Client, PrivateKey, csr, encode, jwk

NAME = "a.example"
Ask: TypeAlias = Callable[[Client, str, Any], Awaitable[Answer]]


async def pending(client: Client, *names: str) -> tuple[str, dict[str, Any]]:
    """Order; the URL and the order."""
    answer = await client.order(*(names or (NAME,)))
    assert answer.status == 201, answer
    return answer.header("location"), answer.json


async def ready(client: Client, *names: str) -> tuple[str, dict[str, Any]]:
    """Order and prove."""
    url, order = await pending(client, *names)
    await client.authorize(order)
    return url, order


async def resources(client: Client) -> dict[str, tuple[str, Any]]:
    """Make one of everything: each resource's URL, and a payload that it would take."""
    url, order = await ready(client)
    _, other = await pending(client, "b.example")
    request = csr(NAME)
    done = (await client.finalize(order, request)).json
    chain = (await client.post(done["certificate"])).body
    leaf = x509.load_pem_x509_certificate(chain).public_bytes(Encoding.DER)
    (authorization,) = other["authorizations"]
    challenge = (await client.post(authorization)).json["challenges"][0]["url"]
    account = (await client.post(client.kid)).json
    named = client.directory
    identifier = {"type": "dns", "value": "c.example"}
    return {
        "account": (client.kid, None),
        "orders": (account["orders"], None),
        "new-order": (named["newOrder"], {"identifiers": [identifier]}),
        "new-authz": (named["newAuthz"], {"identifier": identifier}),
        "order": (url, None),
        "finalize": (order["finalize"], {"csr": encode(request)}),
        "authorization": (authorization, None),
        "challenge": (challenge, None),
        "certificate": (done["certificate"], None),
        "revoke-cert": (named["revokeCert"], {"certificate": encode(leaf)}),
        "directory": (client.directory_url, None),
        "new-nonce": (named["newNonce"], None),
    }


READ = ("account", "orders", "order", "authorization", "challenge", "certificate")
"""What is read by POST-as-GET."""


async def issued(client: Client, *names: str, key: PrivateKey | None = None) -> x509.Certificate:
    """Go the whole way; the leaf."""
    names = names or (NAME,)
    leaf, *_ = await client.issue(*names, request=csr(*names, key=key))
    return leaf


async def by_jwk(client: Client, url: str, payload: Any) -> Answer:
    """Ask with the account's key in place of its URL."""
    return await client.post(
        url, payload, header={"jwk": jwk(client.key)}, without=["kid"] if client.kid else []
    )


async def account() -> tuple[AcmeWorld, Client]:
    """A server, and a client with an account."""
    world = AcmeWorld()
    return world, await world.client()
