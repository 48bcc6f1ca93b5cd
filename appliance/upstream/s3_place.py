"""Backups in a bucket of S3, or of what speaks like it (ports.places.Place).

One request a file: up to 5 GiB, which is some millions of certificates.
"""

import hashlib
import os
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Final, final
from urllib.parse import urlsplit
from xml.sax.saxutils import unescape

import httpx
import trio

from appliance.client.failures import reason
from appliance.formats import sigv4
from appliance.formats.sigv4 import S3Credentials
from appliance.model.errors import Conflict, Forbidden, HearthError, NotFound, Unavailable
from appliance.ports.places import Kept
from appliance.upstream.proxies import proxy_for
from appliance.upstream.trust import outward

_TRANSFER: Final = 3600.0  # seconds
_TALK: Final = 60.0
_CHUNK: Final = 1 << 20
_LARGEST: Final = 5 << 30  # of what one request may put
_LISTED: Final = 4 << 20  # octets of an answer that is not a file
_ITEM: Final = re.compile(r"<Contents>(.*?)</Contents>", re.DOTALL)
_FIELD: Final = re.compile(r"<(Key|Size)>([^<]*)</\1>")
_NEXT: Final = re.compile(r"<NextContinuationToken>([^<]*)</NextContinuationToken>")
_CODE: Final = re.compile(r"<Code>([^<]{1,80})</Code>")


@final
class S3Place:
    """A bucket, and what the names in it begin with. `now` gives the time of a signature."""

    def __init__(
        self,
        *,
        bucket: str,
        prefix: str,
        region: str,
        endpoint: str,
        credentials: S3Credentials,
        now: Callable[[], datetime],
        authorities: Sequence[bytes] = (),
    ) -> None:
        """Trust the system's roots and `authorities` (DER). `endpoint` "" is Amazon's own."""
        self._prefix = f"{prefix}/" if prefix else ""
        self._region = region
        self._credentials = credentials
        self._now = now
        self._authorities = tuple(authorities)
        self.description = f"s3://{bucket}/{prefix}"
        if endpoint:
            self._base, self._root = endpoint.rstrip("/"), f"/{bucket}"
        else:
            self._base, self._root = f"https://{bucket}.s3.{region}.amazonaws.com", ""

    @property
    def workshop(self) -> Path | None:
        """Any directory."""
        return None

    async def put(self, file: Path, name: str) -> None:
        """Send it in one request, which the other side takes whole or not at all."""
        size, digest = await trio.to_thread.run_sync(_measured, file)
        if size > _LARGEST:
            raise Unavailable(f"{self.description}: {size} octets are more than one request takes")
        if any(each.name == name for each in await self.names()):
            raise Conflict(f"{self.description} has {name} already")
        async with self._asked(
            "PUT", name, digest=digest, body=_parts(file), size=size, within=_TRANSFER
        ) as answer:
            await self._check(answer, name)

    async def get(self, name: str, file: Path) -> None:
        """Fetch it."""
        async with self._asked("GET", name, within=_TRANSFER) as answer:
            await self._check(answer, name)
            opened = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(opened, "wb") as target:
                async for part in answer.aiter_raw():
                    await trio.to_thread.run_sync(target.write, part)

    async def names(self) -> Sequence[Kept]:
        """List it, page by page."""
        found: list[Kept] = []
        parameters = {"list-type": "2", "prefix": self._prefix}
        while True:
            async with self._asked("GET", "", parameters=parameters, within=_TALK) as answer:
                page = (await self._check(answer, "")).decode("utf-8", "replace")
            for item in _ITEM.findall(page):
                fields = dict(_FIELD.findall(item))
                name = unescape(fields.get("Key", "")).removeprefix(self._prefix)
                if name and "/" not in name and fields.get("Size", "").isdigit():
                    found.append(Kept(name=name, size=int(fields["Size"])))
            following = _NEXT.search(page)
            if following is None:
                return sorted(found, key=lambda each: each.name)
            parameters["continuation-token"] = unescape(following[1])

    async def remove(self, name: str) -> None:
        """Remove it."""
        async with self._asked("DELETE", name, within=_TALK) as answer:
            await self._check(answer, name)

    # ---- requests

    @asynccontextmanager
    async def _asked(
        self,
        method: str,
        name: str,
        *,
        parameters: Mapping[str, str] | None = None,
        digest: str = sigv4.EMPTY,
        body: AsyncIterator[bytes] | None = None,
        size: int = 0,
        within: float,
    ) -> AsyncIterator[httpx.Response]:
        """Ask, signed. Raises Unavailable, Forbidden when there is no answer to it."""
        where = sigv4.path(f"{self._root}/{self._prefix}{name}" if name else f"{self._root}/")
        query = sigv4.query(parameters or {})
        parts = urlsplit(self._base)
        headers = sigv4.headers(
            method=method, host=parts.netloc, path=where, query=query, digest=digest,
            now=self._now(), region=self._region, credentials=self._credentials,
        )  # fmt: skip
        if body is not None:
            headers["content-length"] = str(size)
        context = await trio.to_thread.run_sync(outward, self._authorities, None)
        proxy = proxy_for(parts.scheme, parts.hostname or "", parts.port, os.environ)
        url = f"{self._base}{where}" + (f"?{query}" if query else "")
        try:
            with trio.fail_after(within):
                async with (
                    httpx.AsyncClient(
                        verify=context, trust_env=False, proxy=proxy, timeout=_TALK
                    ) as http,
                    http.stream(method, url, headers=headers, content=body) as answer,
                ):
                    yield answer
        except trio.TooSlowError:
            raise Unavailable(f"{self.description}: no end within {within:.0f} seconds") from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            raise Unavailable(f"{self.description}: {reason(error)}") from error

    async def _check(self, answer: httpx.Response, name: str) -> bytes:
        """Give the body of an answer that is no file. Raises for one that says no."""
        if answer.is_success and name and answer.request.method == "GET":
            return b""
        body = bytearray()
        async for part in answer.aiter_raw():
            body += part
            if len(body) > _LISTED:
                raise Unavailable(f"{self.description}: an answer that is too long")
        if answer.is_success:
            return bytes(body)
        raise self._refused(answer.status_code, bytes(body), name)

    def _refused(self, status: int, body: bytes, name: str) -> HearthError:
        code = _CODE.search(body.decode("utf-8", "replace"))
        said = f"{self.description}: {code[1] if code else f'status {status}'}"
        if status == httpx.codes.NOT_FOUND and name:
            return NotFound(f"there is no {name} in {self.description}")
        if status in (httpx.codes.FORBIDDEN, httpx.codes.UNAUTHORIZED):
            return Forbidden(f"{said}: the access key does not allow it, or the clock is wrong")
        return Unavailable(said)


def _measured(file: Path) -> tuple[int, str]:
    with file.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
        return stream.tell(), digest


async def _parts(file: Path) -> AsyncIterator[bytes]:
    with file.open("rb") as stream:
        while part := await trio.to_thread.run_sync(stream.read, _CHUNK):
            yield part
