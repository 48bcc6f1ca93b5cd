"""A client of any CA that speaks step-ca's protocol."""

import hashlib
from dataclasses import dataclass
from typing import Any, Final, Self

import msgspec

from appliance.client.connection import Connection
from appliance.client.tls import unverified
from appliance.formats import pem
from appliance.model.errors import BadRequest, Broken, FormatError
from appliance.model.orders import RevokeOrder, SignOrder

_PAGE: Final = 100  # provisioners asked for at a time; the most that a CA gives
_MOST_PAGES: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """What a CA says that it is."""

    version: str
    require_client_authentication: bool


class _Health(msgspec.Struct):
    status: str


class _Version(msgspec.Struct, rename="camel"):
    version: str
    require_client_authentication: bool = False


class _Root(msgspec.Struct):
    ca: str


class _Certificates(msgspec.Struct):
    crts: list[str] | None


class _Provisioners(msgspec.Struct, rename="camel"):
    provisioners: list[dict[str, Any]] | None
    next_cursor: str = ""


class _Key(msgspec.Struct):
    key: str


class _Issued(msgspec.Struct, rename="camel"):
    crt: str
    ca: str | None = None
    cert_chain: list[str] | None = None


class CaClient:
    """The API of one CA, over one connection. Every method raises what Connection.get raises."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @property
    def connection(self) -> Connection:
        """What carries the requests: those about SSH have a module of their own."""
        return self._connection

    async def __aenter__(self) -> Self:
        await self._connection.__aenter__()
        return self

    async def __aexit__(self, *failure: Any) -> None:
        await self._connection.__aexit__(*failure)

    async def health(self) -> str:
        """Give the CA's word for its state: `ok`."""
        return (await self._connection.get("/health", _Health)).status

    async def version(self) -> Version:
        """Give the CA's version."""
        said = await self._connection.get("/version", _Version)
        return Version(
            version=said.version, require_client_authentication=said.require_client_authentication
        )

    async def roots(self) -> tuple[bytes, ...]:
        """Give all roots (DER)."""
        return _all((await self._connection.get("/roots", _Certificates)).crts or [])

    async def federation(self) -> tuple[bytes, ...]:
        """Give all roots and the roots federated with them (DER)."""
        return _all((await self._connection.get("/federation", _Certificates)).crts or [])

    async def provisioners(self) -> list[dict[str, Any]]:
        """Give all provisioners as the CA writes them, page by page."""
        found: list[dict[str, Any]] = []
        cursor = ""
        for _ in range(_MOST_PAGES):
            page = await self._connection.get(
                "/provisioners", _Provisioners, cursor=cursor, limit=_PAGE
            )
            found += page.provisioners or []
            if not page.next_cursor:
                return found
            if page.next_cursor == cursor:
                break
            cursor = page.next_cursor
        raise Broken("the CA's list of provisioners does not come to an end")

    async def encrypted_key(self, kid: str) -> str:
        """Give the encrypted private key (JWE) of a JWK provisioner."""
        return (await self._connection.get(f"/provisioners/{kid}/encrypted-key", _Key)).key

    async def sign(self, order: SignOrder) -> tuple[bytes, ...]:
        """Get a certificate: the chain (DER), the leaf first."""
        body: dict[str, Any] = {
            "csr": pem.encode("CERTIFICATE REQUEST", order.csr),
            "ott": order.token,
            "notAfter": order.not_after,
            "notBefore": order.not_before,
        }
        if order.template_data:
            body["templateData"] = order.template_data
        return _chain(await self._connection.post("/sign", _Issued, body))

    async def renew(self) -> tuple[bytes, ...]:
        """Renew the certificate that the connection shows."""
        return _chain(await self._connection.post("/renew", _Issued))

    async def renew_with_token(self, token: str) -> tuple[bytes, ...]:
        """Renew the certificate that the token carries and is signed by."""
        return _chain(await self._connection.post("/renew", _Issued, bearer=token))

    async def rekey(self, csr: bytes) -> tuple[bytes, ...]:
        """Renew the certificate that the connection shows for the key of a request (DER)."""
        body = {"csr": pem.encode("CERTIFICATE REQUEST", csr)}
        return _chain(await self._connection.post("/rekey", _Issued, body))

    async def revoke(self, order: RevokeOrder) -> None:
        """Revoke a certificate: it can no longer be renewed, and appears on the CRL."""
        body = {
            "serial": str(order.serial),
            "ott": order.token,
            "reasonCode": order.reason_code,
            "reason": order.reason,
            "passive": True,
        }
        await self._connection.post("/revoke", _Health, body)


async def fetch_root(url: str, fingerprint: str) -> bytes:
    """Fetch the root (DER) with this SHA-256 fingerprint from a server not trusted yet.

    Whatever that server says, only a certificate of this fingerprint comes out. Raises BadRequest
    for another one, and what Connection.get raises.
    """
    wanted = fingerprint.strip().replace("-", "").replace(":", "").lower()
    if not wanted.isalnum():
        raise BadRequest(f"'{fingerprint}' is not a fingerprint: give the SHA-256 in hex")
    async with Connection(url, unverified()) as connection:
        said = await connection.get(f"/root/{wanted}", _Root)
    root = _all([said.ca])[0]
    if hashlib.sha256(root).hexdigest() != wanted:
        raise BadRequest("root certificate fingerprint does not match: this is not your CA")
    return root


def _all(texts: list[str]) -> tuple[bytes, ...]:
    """Read certificates that a CA sent in PEM."""
    try:
        return tuple(pem.certificates(text.encode())[0] for text in texts)
    except FormatError as error:
        raise Broken("the CA sent a certificate that cannot be read") from error


def _chain(issued: _Issued) -> tuple[bytes, ...]:
    """Give what a CA issued, from the newer field of its answer or the older two."""
    return _all(issued.cert_chain or [text for text in (issued.crt, issued.ca) if text])
