"""OCSP over HTTP (RFC 6960 appendix A, RFC 5019 sections 5 and 6).

An answer to GET can be kept by whatever is between, until we would make a newer one ourselves.
Whatever is wrong with a request, the answer is one of OCSP, with status 200.
"""

import base64
import binascii
import hashlib
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Final
from urllib.parse import unquote_to_bytes

from appliance.authority.ocsp import Freshness, OcspResponder
from appliance.ports.clock import Clock
from appliance.web.http import Request, Response, Route

MEDIA_TYPE: Final = "application/ocsp-response"
_NOT_KEPT: Final = (("cache-control", "no-store"),)


def ocsp_routes(responder: OcspResponder, clock: Clock) -> list[Route]:
    """Give the routes of a responder."""
    endpoints = _Endpoints(responder, clock)
    return [
        Route(method="POST", path="/ocsp", endpoint=endpoints.post),
        Route(method="GET", path="/ocsp/{request...}", endpoint=endpoints.get, hot=False),
    ]


class _Endpoints:
    def __init__(self, responder: OcspResponder, clock: Clock) -> None:
        self._responder = responder
        self._clock = clock

    async def post(self, request: Request) -> Response:
        """Answer what is in the body, whatever type it is said to be."""
        answer = await self._responder.answer(request.body)
        request.log["ocsp"] = answer.status.name.lower()
        return Response(body=answer.octets, content_type=MEDIA_TYPE)

    async def get(self, request: Request) -> Response:
        """Answer what is in the path: base64, of which each character may be escaped."""
        answer = await self._responder.answer(_decoded(request.parameters["request"]))
        request.log["ocsp"] = answer.status.name.lower()
        if answer.freshness is None:
            return Response(body=answer.octets, content_type=MEDIA_TYPE, headers=_NOT_KEPT)
        tag = f'"{hashlib.sha256(answer.octets).hexdigest()[:32]}"'
        headers = _caching(answer.freshness, tag, self._clock.now())
        seen = request.headers.get("if-none-match", "")
        if tag in (each.strip().removeprefix("W/") for each in seen.split(",")):
            return Response(status=304, content_type=MEDIA_TYPE, headers=headers)
        return Response(body=answer.octets, content_type=MEDIA_TYPE, headers=headers)


def _decoded(text: str) -> bytes:
    """Read base64 with or without its padding; nothing, when it is none."""
    octets = unquote_to_bytes(text).rstrip(b"=")
    try:
        return base64.b64decode(octets + b"=" * (-len(octets) % 4), validate=True)
    except binascii.Error:
        return b""


def _caching(freshness: Freshness, tag: str, now: datetime) -> tuple[tuple[str, str], ...]:
    """Say how long the answer may be kept (RFC 5019 section 6.2)."""
    seconds = max(int((freshness.renewed_at - now).total_seconds()), 0)
    return (
        ("cache-control", f"max-age={seconds},public,no-transform,must-revalidate"),
        ("etag", tag),
        ("last-modified", _date(freshness.this_update)),
        ("expires", _date(freshness.next_update)),
    )


def _date(moment: datetime) -> str:
    return format_datetime(moment.astimezone(UTC), usegmt=True)
