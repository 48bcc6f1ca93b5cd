"""One HTTP request to a CA: its deadline, its answer, and in words what went wrong."""

import html
import re
import ssl
import uuid
from types import TracebackType
from typing import Any, Final, Self, TypeVar, final

import httpx
import msgspec
import trio

from appliance.client.failures import reason
from appliance.model.errors import Broken, HearthError, Unavailable
from appliance.model.version import program

_CONNECT_TIMEOUT: Final = 20.0  # seconds
_TIMEOUT: Final = 60.0  # of a whole request; a CA may sign with a slow token
_LARGEST: Final = 8 << 20  # octets of an answer
_UNTRUSTED: Final = "; is this the right --root?"

T = TypeVar("T")


@final
class CaRefusal(HearthError):
    """The CA answered, and said no. `request_id` is what its log has the request under."""

    def __init__(self, message: str, *, status: int, request_id: str) -> None:
        super().__init__(message, detail=f"(request id {request_id})" if request_id else "")
        self.status = status
        self.request_id = request_id

    def __str__(self) -> str:
        return f"{self.public}\n{self.detail}" if self.detail else self.public


class _ErrorAnswer(msgspec.Struct):
    """What a CA says with a status from 400."""

    message: str
    status: int = 0


@final
class Connection:
    """Requests to one CA. Use it as an asynchronous context manager."""

    def __init__(self, url: str, tls: ssl.SSLContext, *, timeout: float = _TIMEOUT) -> None:
        self.url = url
        self._timeout = timeout
        self._http = httpx.AsyncClient(
            base_url=url,
            verify=tls,
            timeout=httpx.Timeout(None, connect=_CONNECT_TIMEOUT),
            headers={"User-Agent": program(), "Accept": "application/json"},
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

    async def get(self, path: str, answer: type[T], **query: str | int) -> T:
        """Ask for something. Raises CaRefusal, Unavailable, Broken (for what is no CA's answer)."""
        given = {name: str(value) for name, value in query.items() if value != ""}
        return await self._send("GET", path, answer, params=given)

    async def post(self, path: str, answer: type[T], body: object = None, *, bearer: str = "") -> T:
        """Ask for something to be done. Raises as `get` does."""
        headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
        content = b"" if body is None else msgspec.json.encode(body)
        if content:
            headers["Content-Type"] = "application/json"
        return await self._send("POST", path, answer, content=content, headers=headers)

    async def _send(self, method: str, path: str, answer: type[T], **request: Any) -> T:
        request.setdefault("headers", {})["X-Request-Id"] = str(uuid.uuid4())
        where = f"{method} {self.url}{path}"
        try:
            with trio.fail_after(self._timeout):
                async with self._http.stream(method, path, **request) as response:
                    content = await read_answer(response, where)
        except trio.TooSlowError:
            raise Unavailable(f"{where} failed: no answer within {self._timeout:g} s") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Unavailable(f"{where} failed: {reason(error, untrusted=_UNTRUSTED)}") from error
        if response.status_code >= 300:
            raise _refusal(where, response, content)
        try:
            return msgspec.json.decode(content, type=answer)
        except msgspec.MsgspecError as error:
            raise _not_a_ca(where, response, content) from error


async def read_answer(response: httpx.Response, where: str) -> bytes:
    """Take an answer in, up to a size that no CA needs. Raises Broken beyond that."""
    content = bytearray()
    # Cancelled rather than left: httpx's generators are only cleaned up from within.
    with trio.CancelScope() as reading:
        async for chunk in response.aiter_bytes():
            content += chunk
            if len(content) > _LARGEST:
                reading.cancel()
    if len(content) > _LARGEST:
        raise Broken(f"{where} failed: the answer is larger than {_LARGEST >> 20} MiB")
    return bytes(content)


def _refusal(where: str, response: httpx.Response, content: bytes) -> HearthError:
    """Make an error of an answer that is none of what was asked for."""
    if response.is_redirect:
        target = response.headers.get("location", "")
        return Broken(f"{where} was redirected to {target}: give the CA's own URL")
    try:
        said = msgspec.json.decode(content, type=_ErrorAnswer)
    except msgspec.MsgspecError:
        return _not_a_ca(where, response, content)
    return CaRefusal(
        said.message or f"{where} failed: {response.status_code} {response.reason_phrase}",
        status=response.status_code,
        request_id=response.headers.get("x-request-id", ""),
    )


def _not_a_ca(where: str, response: httpx.Response, content: bytes) -> HearthError:
    """Say what came instead of a CA's JSON, which is mostly a page of something in between."""
    kind = response.headers.get("content-type", "").partition(";")[0] or "no content type"
    title = re.search(rb"<title[^>]*>([^<]{1,200})", content, re.IGNORECASE)
    shown = html.unescape(title[1].decode("utf-8", "replace")).strip() if title else ""
    said = f" ({shown})" if shown else ""
    return Broken(
        f"{where} was answered by something that is not a CA: {response.status_code} "
        f"{response.reason_phrase}, {kind}{said}; is the URL right, is there a proxy in between?"
    )
