"""The numbers of the authority, for Prometheus to fetch."""

from collections.abc import Awaitable, Callable, Sequence

from appliance.formats import prometheus
from appliance.formats.prometheus import Family
from appliance.web.http import Request, Response, Route


def metrics_routes(families: Callable[[], Awaitable[Sequence[Family]]]) -> list[Route]:
    """Give the one route; `families` is asked for the numbers of the moment."""

    async def endpoint(request: Request) -> Response:
        text = prometheus.render(await families())
        return Response(body=text.encode(), content_type=prometheus.CONTENT_TYPE)

    return [Route(method="GET", path="/metrics", endpoint=endpoint)]
