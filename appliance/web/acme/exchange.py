"""Requests on their way through ACME's door."""

from typing import Final

from msgspec import Struct

from appliance.authority.reporting import Context
from appliance.model.acme import AcmeError, ProblemType
from appliance.model.errors import NotFound
from appliance.provisioners.acme import AcmeProvisioner
from appliance.web.acme.answering import Headers, missing
from appliance.web.acme.links import Links
from appliance.web.http import Endpoint, Request, Response, Route

JOSE: Final = "application/jose+json"


class Exchange(Struct, frozen=True, kw_only=True):
    """A request on its way through the door. `headers` are those of every answer."""

    request: Request
    provisioner: AcmeProvisioner
    links: Links
    headers: Headers

    @property
    def context(self) -> Context:
        """Who asks."""
        return Context(client=self.request.client, request_id=self.request.request_id)


def unsigned(path: str, endpoint: Endpoint) -> Route:
    """Give a route that is asked without a signature, also of a provisioner that is not there."""

    async def answered(request: Request) -> Response:
        try:
            return await endpoint(request)
        except NotFound as error:
            return missing(error, request)

    return Route(method="GET", path=f"/{{provisioner}}{path}", endpoint=answered)


def check_content_type(request: Request) -> None:
    """Want application/jose+json (RFC 8555 6.2); its parameters say nothing."""
    written = request.headers.get("content-type", "")
    given = written if written == JOSE else written.partition(";")[0].strip().lower()
    if given != JOSE:
        raise AcmeError(
            ProblemType.MALFORMED,
            f"the content type must be {JOSE}, not {given[:80]!r}",
            status=415,
        )
