"""ACME from a proof to the end of a certificate: finalize, download, revocation, key change."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from tests.support.acme_by_hand import (
    Answer,
    Client,
    PrivateKey,
    csr,
    encode,
    jwk,
    new_key,
    signed,
    thumbprint,
)

NAME = "localhost"
Note = Callable[[str, Awaitable[Answer]], Awaitable[Answer]]
Pages = dict[str, str]
"""What a web server on this machine shows below each token."""


async def proven(client: Client, pages: Pages) -> tuple[str, dict[str, Any]]:
    """Order a name and prove it; the URL and the order."""
    made = await client.order(NAME)
    (url,) = made.json["authorizations"]
    for each in (await client.post(url)).json["challenges"]:
        pages[each["token"]] = f"{each['token']}.{thumbprint(client.key)}"
    await client.authorize(made.json)
    return made.header("location"), made.json


async def certified(client: Client, pages: Pages, key: PrivateKey) -> str:
    """Get a certificate; as revocation wants it."""
    _, order = await proven(client, pages)
    done = (await client.finalize(order, csr(NAME, key=key))).json
    chain = (await client.post(done["certificate"])).body
    return encode(x509.load_pem_x509_certificate(chain).public_bytes(Encoding.DER))


async def run(client: Client, stranger: Client, note: Note, pages: Pages) -> None:
    """Ask everything of a server that looks at `pages`, as two accounts."""
    await _finalize(client, stranger, note, pages)
    await _revoke(client, stranger, note, pages)
    await _change_key(client, stranger, note)
    url, order = await proven(client, pages)
    (authorization,) = order["authorizations"]
    gone = {"status": "deactivated"}
    await note("an authorization's other status", client.post(authorization, {"status": "valid"}))
    await note("another's to deactivate", stranger.post(authorization, gone))
    await note("authorization deactivated", client.post(authorization, gone))
    await note("its order", client.post(url))


async def _finalize(client: Client, stranger: Client, note: Note, pages: Pages) -> None:
    url, order = await proven(client, pages)
    post, finalize = client.post, client.finalize
    authorization = (await note("proven authorization", post(order["authorizations"][0]))).json
    challenge = next(
        each["url"] for each in authorization["challenges"] if each["status"] == "valid"
    )
    await note("proven challenge", post(challenge))
    await note("proven challenge again", post(challenge, {}))
    await note("another's challenge", stranger.post(challenge, {}))
    await note("ready order", post(url))
    await note("finalize for another name", finalize(order, csr(NAME, "other.example")))
    await note(
        "finalize for a name in the subject", finalize(order, csr(NAME, common_name="x.lan"))
    )
    mail = x509.RFC822Name("me@localhost")
    await note("finalize with a mail address", finalize(order, csr(NAME, more=[mail])))
    registered = x509.RegisteredID(x509.ObjectIdentifier("1.2.3"))
    await note("finalize with a registered id", finalize(order, csr(NAME, more=[registered])))
    await note("finalize by the account's key", finalize(order, csr(NAME, key=client.key)))
    if (await post(url)).json["status"] != "ready":  # step-ca has issued
        url, order = await proven(client, pages)
    await note("finalize without a csr", post(order["finalize"], {}))
    await note("another's to finalize", stranger.finalize(order, csr(NAME)))
    request = csr(NAME)
    done = await note("finalize", finalize(order, request))
    await note("valid order", post(url))
    await note("finalize again", finalize(order, request))
    await note("finalize for another key", finalize(order, csr(NAME)))
    certificate = done.json["certificate"]
    await note("certificate", post(certificate))
    await note("certificate with a payload", post(certificate, {}))
    await note("another's certificate", stranger.post(certificate))


async def _revoke(client: Client, stranger: Client, note: Note, pages: Pages) -> None:
    url, keys = client.directory["revokeCert"], [new_key() for _ in range(3)]
    first, second, third = [{"certificate": await certified(client, pages, key)} for key in keys]
    await note("revoke as a stranger", stranger.post(url, first))
    await note("revoke by another key", client.post(url, first, key=new_key(), by_key=True))
    await note("revoke for reason 7", client.post(url, {**first, "reason": 7}))
    await note("revoke for reason 11", client.post(url, {**first, "reason": 11}))
    await note("revoke for reason text", client.post(url, {**first, "reason": "x"}))
    await note("revoke by the account", client.post(url, {**first, "reason": 1}))
    await note("revoke again", client.post(url, first))
    await note("revoke by the key", stranger.post(url, second, key=keys[1], by_key=True))
    await note("revoke by the key again", stranger.post(url, second, key=keys[1], by_key=True))
    await proven(stranger, pages)
    await note("revoke as who has proven the name", stranger.post(url, third))


async def _change_key(client: Client, stranger: Client, note: Note) -> None:
    url = client.directory["keyChange"]

    def change(new: PrivateKey, **said: Any) -> dict[str, str]:
        payload = {"account": stranger.kid, "oldKey": jwk(stranger.key), **said}
        return signed(new, {"jwk": jwk(new), "url": url}, json.dumps(payload).encode())

    new = new_key()
    await note("key change of another", stranger.post(url, change(new, account=client.kid)))
    await note("key change to a key in use", stranger.post(url, change(client.key)))
    await note("key change", stranger.post(url, change(new)))
    answer = await note("the old key", stranger.post(stranger.kid))
    if answer.status != 200:
        stranger.key = new
