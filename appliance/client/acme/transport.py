"""HTTP requests to an ACME server: its answers as they are, and in words why there is none."""

import ssl
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self, final

import httpx
import trio

from appliance.client.connection import read_answer
from appliance.client.failures import reason
from appliance.model.errors import BadRequest, Broken, Unavailable
from appliance.model.version import program

_CONNECT_TIMEOUT: Final = 20.0  # seconds
_TIMEOUT: Final = 60.0  # of a whole request: step-ca validates and signs within one
_UNTRUSTED: Final = "; name the CA's root with --root"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back."""

    status: int
    headers: httpx.Headers
    body: bytes
    where: str  # what was asked, for messages

    @property
    def content_type(self) -> str:
        """The media type without its parameters."""
        return str(self.headers.get("content-type", "")).partition(";")[0].strip().lower()

    def links(self, relation: str) -> list[str]:
        """Give the targets of the links with this relation (RFC 8288), as absolute URLs."""
        found = []
        base = httpx.URL(self.where.partition(" ")[2])
        for value in self.headers.get_list("link"):
            for link in value.split(","):
                target, *parameters = (part.strip() for part in link.split(";"))
                if any(each.replace('"', "") == f"rel={relation}" for each in parameters):
                    found.append(str(base.join(target.strip("<>"))))
        return found


@final
class Transport:
    """Requests to one server. Use it as an asynchronous context manager."""

    def __init__(self, tls: ssl.SSLContext) -> None:
        self._http = httpx.AsyncClient(
            verify=tls,
            timeout=httpx.Timeout(None, connect=_CONNECT_TIMEOUT),
            headers={"User-Agent": program()},
        )

    async def __aenter__(self) -> Self:
        await self._http.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._http.__aexit__(kind, error, trace)

    async def get(self, url: str, *, accept: str = "application/json") -> Answer:
        """Fetch something that anybody may. Raises as `post` does."""
        return await self._send("GET", url, {"Accept": accept}, b"")

    async def head(self, url: str) -> Answer:
        """Ask for headers alone. Raises as `post` does."""
        return await self._send("HEAD", url, {}, b"")

    async def post(self, url: str, body: bytes, *, accept: str) -> Answer:
        """Send a signed request. Raises BadRequest (no https), Unavailable, Broken."""
        headers = {"Content-Type": "application/jose+json", "Accept": accept}
        return await self._send("POST", url, headers, body)

    async def _send(self, method: str, url: str, headers: dict[str, str], body: bytes) -> Answer:
        where = f"{method} {url}"
        if not url.lower().startswith("https://"):  # RFC 8555 section 6.1
            raise BadRequest(f"{where} refused: ACME is spoken over https only")
        try:
            with trio.fail_after(_TIMEOUT):
                async with self._http.stream(method, url, content=body, headers=headers) as got:
                    content = await read_answer(got, where)
        except trio.TooSlowError:
            raise Unavailable(f"{where} failed: no answer within {_TIMEOUT:g} s") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Unavailable(f"{where} failed: {reason(error, untrusted=_UNTRUSTED)}") from error
        if got.is_redirect:
            raise Broken(f"{where} was redirected to {got.headers.get('location', '')}: use that")
        return Answer(status=got.status_code, headers=got.headers, body=content, where=where)
