"""What anybody may read: the state of the CA, its certificates, its provisioners."""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Final
from urllib.parse import parse_qs

from appliance.authority.trust import Trust
from appliance.formats import pem, timeorduration
from appliance.model.conditions import Condition
from appliance.model.errors import BadRequest, NotSupported
from appliance.model.tokens import TokenStatus
from appliance.provisioners.registry import Registry
from appliance.web import answers
from appliance.web.http import Endpoint, Request, Response, Route

_INTEGER: Final = re.compile(r"[+-]?\d{1,18}", re.ASCII)


def constant(response: Response) -> Endpoint:
    """Give an endpoint that always answers the same."""

    async def endpoint(request: Request) -> Response:
        return response

    return endpoint


def reading_routes(
    trust: Trust,
    registry: Registry,
    version: str,
    tokens: Callable[[], Sequence[TokenStatus]] = tuple,
    conditions: Callable[[], Sequence[Condition]] = tuple,
) -> list[Route]:
    """Give the routes that need no credential."""
    federation = dict.fromkeys((*trust.roots, *trust.federated_roots))
    return [
        _get("/health", health(tokens, conditions)),
        _get("/version", constant(answers.answer({"version": version}))),
        _get("/root/{sha}", root_by_fingerprint(trust)),
        _get("/roots", constant(_listed(trust.roots))),
        _get("/roots.pem", constant(_bundle(trust.roots))),
        _get("/federation", constant(_listed(federation))),
        *_intermediates(trust.intermediates),
        _get("/provisioners", provisioners(registry)),
        _get("/provisioners/{kid}/encrypted-key", encrypted_key(registry)),
    ]


def health(
    tokens: Callable[[], Sequence[TokenStatus]],
    conditions: Callable[[], Sequence[Condition]] = tuple,
) -> Endpoint:
    """Say that the server answers; asked for more (`?verbose`), how what it needs is, too.

    The status is that of the server, which answers: `ok`, whatever is wrong with the box.
    """
    brief = answers.answer({"status": "ok"})

    async def endpoint(request: Request) -> Response:
        if not request.query or "verbose" not in parse_qs(request.query, keep_blank_values=True):
            return brief
        states = [{"name": each.name, "state": each.state} for each in tokens()]
        return answers.answer(
            {"status": "ok", "tokens": states, "conditions": [_told(c) for c in conditions()]}
        )

    return endpoint


def _told(condition: Condition) -> dict[str, object]:
    told: dict[str, object] = {
        "name": condition.name,
        "ok": condition.ok,
        "since": timeorduration.format_time(condition.since),
    }
    if not condition.ok:
        told |= {"severity": condition.severity, "text": condition.text}
    return told


def root_by_fingerprint(trust: Trust) -> Endpoint:
    """Find a root or federated root; clients ask for it before they trust anything."""

    async def endpoint(request: Request) -> Response:
        found = trust.root(request.parameters["sha"])
        return answers.answer({"ca": pem.encode("CERTIFICATE", found)})

    return endpoint


def provisioners(registry: Registry) -> Endpoint:
    """List provisioners page by page."""

    async def endpoint(request: Request) -> Response:
        query = parse_qs(request.query)
        cursor, text = query.get("cursor", [""])[0], query.get("limit", [""])[0]
        if text and not _INTEGER.fullmatch(text):
            raise BadRequest(f"limit '{text[:80]}' is not an integer")
        page = registry.page(cursor, int(text or 0))
        return answers.answer({"provisioners": page.entries, "nextCursor": page.next_cursor})

    return endpoint


def encrypted_key(registry: Registry) -> Endpoint:
    """Give a JWK provisioner's private key, as encrypted by its password."""

    async def endpoint(request: Request) -> Response:
        return answers.answer({"key": registry.encrypted_key(request.parameters["kid"])})

    return endpoint


def _get(path: str, endpoint: Endpoint) -> Route:
    return Route(method="GET", path=path, endpoint=endpoint)


def _intermediates(intermediates: Sequence[bytes]) -> list[Route]:
    if not intermediates:
        return [_get("/intermediates", _unknown), _get("/intermediates.pem", _unknown)]
    return [
        _get("/intermediates", constant(_listed(intermediates))),
        _get("/intermediates.pem", constant(_bundle(intermediates))),
    ]


async def _unknown(request: Request) -> Response:
    raise NotSupported("this certificate authority does not know its intermediate certificates")


def _listed(certificates: Iterable[bytes]) -> Response:
    # 201 for a GET, as in step-ca
    return answers.answer({"crts": [pem.encode("CERTIFICATE", each) for each in certificates]}, 201)


def _bundle(certificates: Iterable[bytes]) -> Response:
    text = "".join(pem.encode("CERTIFICATE", each) for each in certificates)
    return Response(body=text.encode("ascii"), content_type="application/x-pem-file")
