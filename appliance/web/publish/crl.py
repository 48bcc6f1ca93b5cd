"""The revocation list, in DER or PEM; a client that has it already is told so in a few octets."""

from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Final

import trio

from appliance.authority.crl import CrlPublisher, PublishedList
from appliance.formats import crl, pem
from appliance.web.http import Request, Response, Route
from appliance.web.publish.holding import holds

_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = (
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
)  # fmt: skip


def crl_routes(publisher: CrlPublisher) -> list[Route]:
    """Give the routes of revocation lists; without any, they say so."""
    endpoints = _Endpoints(publisher)
    return [
        Route(method="GET", path="/crl", endpoint=endpoints.first),
        Route(method="GET", path="/crl/{issuer}", endpoint=endpoints.of_issuer),
    ]


class _Endpoints:
    """Answers are made once a list and form."""

    def __init__(self, publisher: CrlPublisher) -> None:
        self._publisher = publisher
        self._answers: dict[tuple[str, bool], tuple[PublishedList, Response]] = {}

    async def first(self, request: Request) -> Response:
        """Give the list of the first issuer."""
        return await self._list("", request)

    async def of_issuer(self, request: Request) -> Response:
        """Give the list of another issuer."""
        return await self._list(request.parameters["issuer"], request)

    async def _list(self, name: str, request: Request) -> Response:
        published = await self._publisher.current(name)
        in_pem = any(each.partition("=")[0] == "pem" for each in request.query.split("&"))
        response = await self._answer(name, published, in_pem=in_pem)
        if holds(request, dict(response.headers)["etag"], published.made_at):
            return Response(status=304, headers=response.headers)
        return response

    async def _answer(self, name: str, published: PublishedList, *, in_pem: bool) -> Response:
        held = self._answers.get((name, in_pem))
        if held is not None and held[0] is published:
            return held[1]
        made = await trio.to_thread.run_sync(_pem if in_pem else _der, published)
        self._answers[name, in_pem] = published, made  # of names that the publisher knows
        return made


def _der(published: PublishedList) -> Response:
    return _response(published, published.der, "application/pkix-crl", "crl.crl", "")


def _pem(published: PublishedList) -> Response:
    body = pem.encode(crl.LABEL, published.der).encode("ascii")
    return _response(published, body, "application/x-pem-file", "crl.pem", "-pem")


def _response(
    published: PublishedList, body: bytes, content_type: str, file: str, form: str
) -> Response:
    headers = (
        ("content-disposition", f'attachment; filename="{file}"'),
        ("expires", _step_date(published.expires_at)),
        ("etag", f'"{published.tag}{form}"'),
        ("last-modified", format_datetime(published.made_at.astimezone(UTC), usegmt=True)),
    )
    return Response(body=body, content_type=content_type, headers=headers)


def _step_date(moment: datetime) -> str:
    """Write a date as step-ca does: HTTP's own form would end in GMT."""
    utc = moment.astimezone(UTC)
    return (
        f"{_DAYS[utc.weekday()]}, {utc.day:02} {_MONTHS[utc.month - 1]} {utc.year:04} {utc:%T} UTC"
    )
