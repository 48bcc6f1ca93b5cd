"""Requests of ACME, good and bad, and what is seen of an answer whatever its ids and times are."""

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from tests.support.acme_by_hand import Answer, Client, Transport, csr, encode, jwk, new_key
from tests.web import acme_certificate_exchanges
from tests.web.acme_certificate_exchanges import Pages

GOLDEN = Path(__file__).parent / "golden" / "acme.json"
_HEADERS = ("replay-nonce", "cache-control", "location", "link")


def seen(answer: Answer) -> dict[str, Any]:
    """What both servers should agree on."""
    found: dict[str, Any] = {
        "status": answer.status,
        "headers": [name for name in _HEADERS if answer.header(name)],
    }
    try:
        body = json.loads(answer.body)
    except ValueError:
        return found
    if isinstance(body, dict):
        found["members"] = sorted(body)
        if answer.status >= 400:
            found["type"] = body.get("type")
    return found


async def run(send: Transport, directory: str, pages: Pages) -> dict[str, Any]:
    """Ask everything of a fresh server, which looks at `pages` for proofs of localhost."""
    client = await Client(send, directory).begin()
    new_account, new_order = client.directory["newAccount"], client.directory["newOrder"]
    names = {"identifiers": [{"type": "dns", "value": "a.example"}]}
    found: dict[str, Any] = {}

    async def note(name: str, asking: Awaitable[Answer]) -> Answer:
        answer = await asking
        found[name] = seen(answer)
        return answer

    post: Callable[..., Awaitable[Answer]] = client.post
    await note("directory", send("GET", directory, {}, b""))
    await note("nonce", send("GET", client.directory["newNonce"], {}, b""))
    await note("nonce by HEAD", send("HEAD", client.directory["newNonce"], {}, b""))
    await note("no such provisioner", send("GET", f"{directory[:-14]}x/directory", {}, b""))
    await note("only existing", client.register(onlyReturnExisting=True))
    await note("no JWS", client.raw(new_account, b"{}"))
    await note("wrong content type", post(new_account, {}, content_type="application/json"))
    await note("wrong url", post(new_account, {}, header={"url": "https://x/"}))
    await note("unknown nonce", post(new_account, {}, header={"nonce": "AAAA"}))
    await note("wrong key", post(new_account, {}, header={"jwk": jwk(new_key())}))
    await note("payload is no JSON", post(new_account, b"{"))
    await note("new account", client.register(contact=["mailto:me@a.example"]))
    await note("the same account", client.register())
    await note("account", post(client.kid))
    await note("account update", post(client.kid, {"contact": ["mailto:b@a.example"]}))
    await note("account status", post(client.kid, {"status": "revoked"}))
    await note("kid for new-account", post(new_account, {}))
    await note("unknown account", post(client.kid, header={"kid": client.kid + "x"}))
    await note("no identifiers", post(new_order, {"identifiers": []}))
    await note("bad name", client.order("a_b..c"))
    await note("bad type", post(new_order, {"identifiers": [{"type": "x", "value": "y"}]}))
    made = await note("new order", post(new_order, names))
    order = made.json
    await note("order", post(made.header("location")))
    await note("order with a payload", post(made.header("location"), {}))
    authorization = (await note("authorization", post(order["authorizations"][0]))).json
    assert [each["type"] for each in authorization["challenges"]] == [
        "dns-01", "http-01", "tls-alpn-01",
    ]  # fmt: skip
    await note("finalize too early", client.finalize(order, csr("a.example")))
    await note("finalize with junk", post(order["finalize"], {"csr": "AAAA"}))
    await note("no such order", post(new_order.replace("new-order", "order/x")))
    await note("no certificate to revoke", post(client.directory["revokeCert"], {}))
    foreign = {"certificate": encode(b"0\0")}
    await note("junk to revoke", post(client.directory["revokeCert"], foreign))
    stranger = await Client(send, directory).begin()
    await stranger.register()
    await note("another's order", stranger.post(made.header("location")))
    await note("another's account", stranger.post(client.kid))
    await acme_certificate_exchanges.run(client, stranger, note, pages)
    await note("deactivation", post(client.kid, {"status": "deactivated"}))
    await note("deactivated", post(client.kid))
    return found
