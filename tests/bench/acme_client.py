"""An ACME client made to load servers: one process, one connection, one order after the other.

What can be made before is: the CSRs, and all of the JWS that is not the nonce. What is left costs
a signature and two TLS records a request; `processor` of a Tally says how much, which is what
bounds the orders per second that so many processors could ask for.
"""

import base64
import json
import re
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from tests.bench.at_once import Tally
from tests.bench.connection import Connection, Failed
from tests.support import acme_by_hand as by_hand

_ES256 = ec.ECDSA(hashes.SHA256())
_PATIENCE = 10.0  # seconds for a resource to become what it should
_PAUSE = 0.01  # seconds between looks at one that is not yet
_NONCE = re.compile(rb"\r\nreplay-nonce: *([^\r]+)", re.IGNORECASE)
_LOCATION = re.compile(rb"\r\nlocation: *([^\r]+)", re.IGNORECASE)


def encode(octets: bytes) -> bytes:
    return base64.urlsafe_b64encode(octets).rstrip(b"=")


@dataclass
class Prepared:
    """The account key and the requests of one client, made before the clock runs.

    Each order is for an address of its own, in 127.NUMBER.0.0/16: what answers http-01 knows by
    the address whose key it is asked for.
    """

    number: int
    count: int
    key: ec.EllipticCurvePrivateKey
    requests: list[tuple[str, bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        leaf = by_hand.new_key()
        for each in range(self.count):
            address = str(IPv4Address((127 << 24) + (self.number << 16) + each))
            asked = json.dumps({"csr": by_hand.encode(by_hand.csr(address, key=leaf))})
            self.requests.append((address, encode(asked.encode())))


class Client:
    """One account."""

    def __init__(
        self, prepared: Prepared, port: int, context: ssl.SSLContext, tally: Tally
    ) -> None:
        self._prepared, self._base = prepared, f"https://localhost:{port}/acme/acme/"
        self._connection = Connection(port, context)
        self._nonce, self._who = b"", f'"jwk":{json.dumps(by_hand.jwk(prepared.key))}'.encode()
        self._tally = tally
        self._look(b"HEAD", "new-nonce")
        head, _ = self._post(self._base + "new-account", encode(b'{"termsOfServiceAgreed":true}'))
        kid = _found(_LOCATION, head).decode()
        self._who = f'"kid":{json.dumps(kid)}'.encode()

    def work(self, until: float) -> None:
        """Order until it is that time (of perf_counter)."""
        for address, request in self._requests(until):
            start = time.perf_counter()
            self._order(address, request)
            self._tally.took.append(time.perf_counter() - start)

    def _requests(self, until: float) -> Iterator[tuple[str, bytes]]:
        for each in self._prepared.requests:
            if time.perf_counter() >= until:
                return
            yield each
        self._tally.exhausted = True

    def respond(self, connection: Connection) -> None:
        """Begin with the next order, and say on a connection that it can be proven."""
        address, _ = self._prepared.requests.pop()
        _, order = self._new_order(address)
        url = self._challenge(order["authorizations"][0])
        connection.tell(b"POST", urlsplit(url).path.encode(), self._signed(url, encode(b"{}")))
        self._look(b"HEAD", "new-nonce")

    def _new_order(self, address: str) -> tuple[bytes, Any]:
        asked = encode(b'{"identifiers":[{"type":"ip","value":"%b"}]}' % address.encode())
        return self._json(self._base + "new-order", asked)

    def _challenge(self, authorization: str) -> str:
        _, found = self._json(authorization)
        url: str = next(one["url"] for one in found["challenges"] if one["type"] == "http-01")
        return url

    def _order(self, address: str, request: bytes) -> None:
        head, order = self._new_order(address)
        url = _found(_LOCATION, head).decode()
        for each in order["authorizations"]:
            self._json(self._challenge(each), encode(b"{}"))
            self._until_valid(each)
        _, order = self._json(order["finalize"], request)
        if order["status"] != "valid":
            order = self._until_valid(url)
        _, chain = self._post(order["certificate"])
        if not chain.startswith(b"-----BEGIN CERTIFICATE-----"):
            raise Failed("no certificate")

    def _until_valid(self, url: str) -> Any:
        end = time.perf_counter() + _PATIENCE
        while time.perf_counter() < end:
            _, found = self._json(url)
            if found["status"] == "valid":
                return found
            if found["status"] == "invalid":
                break
            time.sleep(_PAUSE)
        raise Failed(f"{url} did not become valid")

    def _json(self, url: str, payload: bytes = b"") -> tuple[bytes, Any]:
        head, body = self._post(url, payload)
        return head, json.loads(body)

    def _post(self, url: str, payload: bytes = b"") -> tuple[bytes, bytes]:
        """Send a payload in base64url; without one it is POST-as-GET."""
        return self._look(b"POST", url, self._signed(url, payload))

    def _signed(self, url: str, payload: bytes) -> bytes:
        protected = encode(
            b'{"alg":"ES256",%b,"nonce":"%b","url":"%b"}' % (self._who, self._nonce, url.encode())
        )
        r, s = decode_dss_signature(self._prepared.key.sign(protected + b"." + payload, _ES256))
        signature = encode(r.to_bytes(32) + s.to_bytes(32))
        body = b'{"protected":"%b","payload":"%b","signature":"%b"}'
        return body % (protected, payload, signature)

    def _look(self, method: bytes, url: str, body: bytes = b"") -> tuple[bytes, bytes]:
        self._tally.requests += 1
        path = urlsplit(url).path if url.startswith("https:") else f"/acme/acme/{url}"
        status, head, answer = self._connection.ask(method, path.encode(), body)
        self._nonce = _found(_NONCE, head)
        if status >= 400:
            raise Failed(f"{status} {answer!r}")
        return head, answer


def _found(pattern: re.Pattern[bytes], head: bytes) -> bytes:
    found = pattern.search(head)
    if found is None:
        raise Failed(f"no {pattern.pattern!r} in {head!r}")
    return found[1]
