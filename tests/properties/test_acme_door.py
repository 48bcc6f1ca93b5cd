"""Whatever is sent to ACME's routes, signed or not, no answer is a fault of ours."""

import json
from typing import Any

import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.acme_by_hand import AcmeWorld, Answer, Client, encode, jwk, signed

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
MEMBERS = st.sampled_from(
    [
        "identifiers", "identifier", "notBefore", "notAfter", "csr", "certificate", "reason",
        "contact", "status", "onlyReturnExisting", "termsOfServiceAgreed", "replaces", "profile",
        "externalAccountBinding", "account", "oldKey", "protected", "payload", "signature",
    ]
)  # fmt: skip
IDENTIFIERS = st.lists(
    st.fixed_dictionaries(
        {"type": st.sampled_from(["dns", "ip", "permanent-identifier"]), "value": st.text()}
    ),
    max_size=3,
)
BASE64 = st.binary(max_size=60).map(encode)
PAYLOADS = (
    st.dictionaries(MEMBERS, JSON | IDENTIFIERS | BASE64, max_size=4).map(
        lambda value: json.dumps(value).encode()
    )
    | JSON.map(lambda value: json.dumps(value).encode())
    | st.binary(max_size=40)
)
HEADERS = st.dictionaries(
    st.sampled_from(["alg", "nonce", "url", "kid", "jwk", "crit", "b64", "typ"]), JSON, max_size=3
)
SEEN = settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)


class Door:
    """A server with something of each kind in it, and its client; made once."""

    def __init__(self) -> None:
        self.world = AcmeWorld()
        self.client = Client(self.world.send)
        self.urls: list[str] = []
        trio.run(self._furnish)

    async def _furnish(self) -> None:
        client = await self.client.begin()
        await client.register()
        made = await client.order("a.example")
        (authorization,) = made.json["authorizations"]
        challenge = (await client.post(authorization)).json["challenges"][0]["url"]
        self.urls = [
            *(url for name, url in client.directory.items() if name not in ("meta", "renewalInfo")),
            made.header("location"), made.json["finalize"], authorization, challenge,
        ]  # fmt: skip

    def ask(self, payload: bytes, header: dict[str, Any], url: str, by_key: bool) -> Answer:
        async def ask() -> Answer:
            client, nonce = self.client, await self.client.fresh_nonce()
            full = {"nonce": nonce, "url": url} | (
                {"jwk": jwk(client.key)} if by_key else {"kid": client.kid}
            )
            body = signed(client.key, {**full, **header, "alg": "ES256"}, payload)
            if "alg" in header:  # under a signature that does not hold
                body["protected"] = encode(json.dumps({**full, **header}).encode())
            return await client.raw(url, json.dumps(body).encode())

        return trio.run(ask)

    def send(self, body: bytes, url: str) -> Answer:
        return trio.run(self.client.raw, url, body)


DOOR = Door()


def is_no_fault(answer: Answer) -> None:
    assert answer.status < 500, answer
    assert answer.header("replay-nonce")
    if answer.status >= 400:
        assert answer.problem != "serverInternal"


@SEEN
@given(payload=PAYLOADS, url=st.sampled_from(DOOR.urls), by_key=st.booleans())
def test_any_payload_under_a_good_signature(payload: bytes, url: str, by_key: bool) -> None:
    is_no_fault(DOOR.ask(payload, {}, url, by_key))


@SEEN
@given(header=HEADERS, url=st.sampled_from(DOOR.urls), by_key=st.booleans())
def test_any_protected_header(header: dict[str, Any], url: str, by_key: bool) -> None:
    is_no_fault(DOOR.ask(b"{}", header, url, by_key))


@SEEN
@given(
    body=st.binary(max_size=80)
    | st.dictionaries(
        st.sampled_from(["protected", "payload", "signature", "header", "signatures"]),
        JSON | BASE64 | HEADERS.map(lambda value: encode(json.dumps(value).encode())),
    ).map(lambda value: json.dumps(value).encode()),
    url=st.sampled_from(DOOR.urls),
)
def test_any_body(body: bytes, url: str) -> None:
    is_no_fault(DOOR.send(body, url))
