"""What the CA's JSON front doors answer: values, and errors, mapped to HTTP here and only here."""

import logging
from typing import Final

from appliance.model.errors import (
    BadRequest,
    Forbidden,
    FormatError,
    HearthError,
    NotFound,
    NotSupported,
    Unauthorized,
    Unavailable,
)
from appliance.web import wirejson
from appliance.web.http import Request, Response

log = logging.getLogger(__name__)

UNAUTHORIZED: Final = (
    "The request lacked necessary authorization to be completed. "
    "Please see the certificate authority logs for more info."
)
"""The one text of every 401, step-ca's, for whom scripts look: what is wrong with a credential is
not told to who presents it."""

FAILED: Final = "The certificate authority failed; its log has the cause under this request's id."

STATUSES: Final[tuple[tuple[type[HearthError], int], ...]] = (
    (BadRequest, 400),
    (FormatError, 400),
    (Unauthorized, 401),
    (Forbidden, 403),
    (NotFound, 404),
    (NotSupported, 501),
    (Unavailable, 503),
)
"""Everything that is not in here is a fault of ours: 500."""

REFUSALS: Final = {
    408: "The request took too long to arrive.",
    413: "The request body is too large.",
    503: "The certificate authority did not answer in time; try again.",
}
"""What the server refuses before, or instead of, an endpoint."""


NOT_FOUND: Final = Response(
    status=404,
    body=b"404 page not found\n",
    content_type="text/plain; charset=utf-8",
    headers=(("x-content-type-options", "nosniff"),),
)


def answer(value: object, status: int = 200) -> Response:
    """Give a value as JSON."""
    return Response(status=status, body=wirejson.encode(value))


def error(status: int, message: str, headers: tuple[tuple[str, str], ...] = ()) -> Response:
    """Give an error as step's clients read it."""
    body = wirejson.encode({"status": status, "message": message})
    return Response(status=status, body=body, headers=headers)


def refusal(status: int) -> Response:
    """Give the answer to a request that the server does not serve."""
    return error(status, REFUSALS[status])


def failure(fault: Exception, request: Request) -> Response:
    """Map what an endpoint raised, and note its whole text for the log."""
    request.log["error"] = str(fault)
    status = next((code for kind, code in STATUSES if isinstance(fault, kind)), 500)
    if not isinstance(fault, HearthError) or status == 500:
        log.error("request %s failed", request.request_id, exc_info=fault)
        return error(500, FAILED)
    if isinstance(fault, Unavailable):
        return error(status, fault.public, (("retry-after", str(fault.retry_after)),))
    return error(status, UNAUTHORIZED if status == 401 else fault.public)
