"""The certificates that issued, each at a URL of its own, as leaves point to them."""

from collections.abc import Iterable
from typing import Final

from appliance.authority.trust import fingerprint
from appliance.model.errors import NotFound
from appliance.web.http import Endpoint, Request, Response, Route

MEDIA_TYPE: Final = "application/pkix-cert"
"""One certificate in DER (RFC 5280 4.2.2.1, RFC 2585 section 4.1)."""

PATH: Final = "/intermediates/{sha}"
_FOR_GOOD: Final = (("cache-control", "max-age=86400,public,immutable"),)


def issuer_routes(certificates: Iterable[bytes]) -> list[Route]:
    """Give the route that finds each of them, in DER, by its SHA-256 fingerprint."""
    by_fingerprint = {fingerprint(each): each for each in certificates}
    return [Route(method="GET", path=PATH, endpoint=_found(by_fingerprint))]


def _found(by_fingerprint: dict[str, bytes]) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        sha = request.parameters["sha"].replace("-", "").lower()
        certificate = by_fingerprint.get(sha)
        if certificate is None:
            raise NotFound(f'there is no intermediate with the fingerprint "{sha[:100]}"')
        return Response(body=certificate, content_type=MEDIA_TYPE, headers=_FOR_GOOD)

    return endpoint
