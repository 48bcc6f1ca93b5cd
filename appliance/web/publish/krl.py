"""The list of revoked SSH certificates, as sshd's RevokedKeys takes it."""

from datetime import UTC, timedelta
from email.utils import format_datetime
from typing import Final

from appliance.authority.ssh.krl import KrlPublisher
from appliance.web.http import Request, Response, Route
from appliance.web.publish.holding import holds

PATH: Final = "/ssh/krl"
_SECOND: Final = timedelta(seconds=1)
_MEDIA_TYPE: Final = "application/octet-stream"  # none is registered


def krl_routes(publisher: KrlPublisher) -> list[Route]:
    """Give the route of the list; without SSH keys, it says so."""

    async def endpoint(request: Request) -> Response:
        published = await publisher.current()
        tag = f'"{published.tag}"'
        headers = (
            ("content-disposition", 'attachment; filename="revoked.krl"'),
            ("etag", tag),
            ("last-modified", format_datetime(published.made_at.astimezone(UTC), usegmt=True)),
        )
        if holds(request, tag, published.made_at + _SECOND):  # another may be of the same second
            return Response(status=304, headers=headers)
        return Response(body=published.octets, content_type=_MEDIA_TYPE, headers=headers)

    return [Route(method="GET", path=PATH, endpoint=endpoint)]
