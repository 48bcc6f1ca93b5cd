"""Every answer of the ACME door: a fresh nonce, the way to the directory, problems as documents."""

import logging
from functools import lru_cache
from typing import Final

from appliance.authority.acme.nonces import Nonces
from appliance.model.acme import AcmeError, ProblemType, malformed
from appliance.model.errors import (
    BadRequest,
    Conflict,
    FormatError,
    HearthError,
    NotFound,
    NotSupported,
    Unavailable,
)
from appliance.web import answers, wirejson
from appliance.web.acme import documents
from appliance.web.acme.links import Links
from appliance.web.http import Request, Response

log = logging.getLogger(__name__)

PROBLEM: Final = "application/problem+json"
NOT_ALLOWED: Final = Response(
    status=405,
    body=wirejson.encode(
        documents.problem(malformed("this resource is asked by POST, signed (POST-as-GET)"))
    ),
    content_type=PROBLEM,
)
"""To GET (RFC 8555 6.3)."""

_NOT_STORED: Final = ("cache-control", "no-store")
_LATER: Final = "60"  # seconds until what is limited is worth another try

Headers = tuple[tuple[str, str], ...]


def link(url: str, relation: str) -> tuple[str, str]:
    """Make a Link header (RFC 8288)."""
    return "link", f'<{url}>;rel="{relation}"'


@lru_cache(maxsize=100)
def _index(base: str) -> tuple[str, str]:
    """Link to the directory of a provisioner, few of which there are."""
    return link(Links(base).directory, "index")


async def usual(nonces: Nonces, links: Links) -> Headers:
    """Give what every answer has beside its own (RFC 8555 6.5, 7.1)."""
    return ("replay-nonce", await nonces.give()), _NOT_STORED, _index(links.base)


def answer(value: object, headers: Headers, status: int = 200) -> Response:
    """Give a resource."""
    return Response(status=status, body=wirejson.encode(value), headers=headers)


def refusal(error: HearthError, headers: Headers, request: Request) -> Response:
    """Give what is wrong as a problem document, and note the whole of it for the log."""
    request.log["error"] = str(error)
    match error:
        case AcmeError():
            status, document = error.status, documents.problem(error)
            if error.type is ProblemType.USER_ACTION_REQUIRED:  # RFC 8555 7.3.3
                headers = (*headers, link(error.instance, "terms-of-service"))
            if error.type is ProblemType.RATE_LIMITED:
                headers = (*headers, ("retry-after", _LATER))
        case Unavailable():
            status, document = 503, documents.failed(error.public)
            headers = (*headers, ("retry-after", str(error.retry_after)))
        case Conflict():
            status = 409
            document = documents.problem(
                AcmeError(ProblemType.CONFLICT, "another request was faster; try again")
            )
        case BadRequest() | FormatError():
            status = 400
            document = documents.problem(AcmeError(ProblemType.MALFORMED, error.public))
        case NotSupported():
            status, document = 501, documents.failed(error.public)
        case _:
            return failure(error, headers, request)
    return Response(
        status=status, body=wirejson.encode(document), content_type=PROBLEM, headers=headers
    )


def failure(error: Exception, headers: Headers, request: Request) -> Response:
    """Give a fault of ours: its cause is for the log alone."""
    request.log["error"] = str(error)
    log.error("request %s failed", request.request_id, exc_info=error)
    return Response(
        status=500,
        body=wirejson.encode(documents.failed(answers.FAILED)),
        content_type=PROBLEM,
        headers=headers,
    )


def unknown(name: str) -> NotFound:
    """Make the error for a provisioner that is not there."""
    return NotFound(f"there is no provisioner {name[:80]!r}")


def missing(error: NotFound, request: Request) -> Response:
    """Tell that a provisioner is not there, in the form that step-ca has for it."""
    request.log["error"] = str(error)
    document = {"type": "notFound", "detail": error.public, "message": error.public}
    return Response(status=404, body=wirejson.encode(document))
