"""How requests over HTTP are made, by httpx (see upstream.http).

What Go's client does, this does: redirects are followed up to ten times, HTTPS_PROXY and NO_PROXY
hold. What it should not do, this does not: a redirect never leads from https to http, an answer
has a limit, and nothing is taken from a netrc file.
"""

import os
import ssl
from collections.abc import Sequence
from typing import Final

import httpx
import trio

from appliance.client.failures import reason
from appliance.client.identity import Identity
from appliance.model.errors import Broken, FormatError, Unavailable
from appliance.model.version import program
from appliance.ports.outbound import OutboundRequest, OutboundResponse
from appliance.upstream.proxies import proxy_for
from appliance.upstream.trust import outward

_LARGEST: Final = 1 << 20  # octets of an answer; key sets and webhooks' answers are far below
_MOST_REDIRECTS: Final = 10
_NO_TIMEOUT: Final = httpx.Timeout(None)  # of a step: the request has one for all of it
_HEADERS: Final = {"User-Agent": program(), "Accept-Encoding": "identity"}


class Requests:
    """Makes them. A connection serves one request."""

    def __init__(self, authorities: Sequence[bytes] = ()) -> None:
        """Trust the system's roots and these certificates (DER)."""
        self._authorities = tuple(authorities)
        self._identity: Identity | None = None
        self._contexts: dict[bool, ssl.SSLContext] = {}
        self._making = trio.Lock()

    def show(self, identity: Identity) -> None:
        """Present this, from now on, to who asks for a certificate in a request that allows it."""
        self._identity = identity
        self._contexts.pop(True, None)

    async def send(self, request: OutboundRequest) -> OutboundResponse:
        """Send it and read the answer, whatever its status. Raises Unavailable."""
        where = f"{request.method} {_shown(request.url)}"
        try:
            with trio.fail_after(request.timeout):
                return await self._answer(request, where)
        except trio.TooSlowError:
            raise Unavailable(f"{where} failed: no answer within {request.timeout:g} s") from None
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise Unavailable(f"{where} failed: {reason(error)}") from error
        except (FormatError, Broken) as error:
            raise Unavailable(f"{where} failed: {error}") from error

    async def _answer(self, request: OutboundRequest, where: str) -> OutboundResponse:
        """Ask, and again where the answer says that it is elsewhere."""
        asked = httpx.Request(
            request.method, request.url, headers={**_HEADERS, **request.headers},
            content=request.body,
        )  # fmt: skip
        context = await self._context(with_identity=request.client_certificate)
        for _ in range(_MOST_REDIRECTS + 1):
            if asked.url.scheme not in ("http", "https") or not asked.url.host:
                raise Unavailable(f"{where} failed: it leads to what is no http or https URL")
            answer, following = await _exchange(asked, context, where)
            if following is None:
                return answer
            if asked.url.scheme == "https" and following.url.scheme != "https":
                raise Unavailable(f"{where} failed: it was redirected from https to http")
            asked = following
        raise Unavailable(f"{where} failed: it was redirected more than {_MOST_REDIRECTS} times")

    async def _context(self, *, with_identity: bool) -> ssl.SSLContext:
        """Give the context for a connection, made once in a thread: the system's roots are many."""
        async with self._making:
            identity = self._identity if with_identity else None
            known = self._contexts.get(identity is not None)
            if known is None:
                known = await trio.to_thread.run_sync(outward, self._authorities, identity)
                if identity is None or identity is self._identity:
                    self._contexts[identity is not None] = known
            return known


async def _exchange(
    asked: httpx.Request, context: ssl.SSLContext, where: str
) -> tuple[OutboundResponse, httpx.Request | None]:
    """Send one request over a connection of its own; give the answer and where it leads."""
    proxy = proxy_for(asked.url.scheme, asked.url.host, asked.url.port, os.environ)
    async with httpx.AsyncClient(
        verify=context, trust_env=False, proxy=proxy, timeout=_NO_TIMEOUT
    ) as http:
        response = await http.send(asked, stream=True)
        try:
            body = await _read(response, where)
        finally:
            await response.aclose()
    answer = OutboundResponse(
        status=response.status_code,
        headers={name.lower(): value for name, value in response.headers.items()},
        body=body,
    )
    return answer, response.next_request


async def _read(response: httpx.Response, where: str) -> bytes:
    """Take the answer in, up to a size that nobody needs. Raises Unavailable."""
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        raise Unavailable(f"{where} failed: the answer is compressed, though nobody asked for that")
    content = bytearray()
    # Cancelled rather than left: httpx's generators are only cleaned up from within.
    with trio.CancelScope() as reading:
        async for chunk in response.aiter_raw():
            content += chunk
            if len(content) > _LARGEST:
                reading.cancel()
    if len(content) > _LARGEST:
        raise Unavailable(f"{where} failed: the answer is larger than {_LARGEST >> 20} MiB")
    return bytes(content)


def _shown(url: str) -> str:
    """Give a URL as it may stand in a log: without user, password, query."""
    bare = url.partition("?")[0].partition("#")[0]
    scheme, separator, rest = bare.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}{separator}{host.rpartition('@')[2]}{slash}{path}"
