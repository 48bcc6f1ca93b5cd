"""Renewal information as JSON, and in words for people (RFC 9773 section 4.2)."""

from typing import Any, Final

from appliance.authority.acme.records import write_time
from appliance.authority.acme.renewal_info import RenewalInfo, Told
from appliance.issuance.acme.windows import Reason
from appliance.web.acme.answering import Headers, answer, link
from appliance.web.acme.links import Links
from appliance.web.http import Response

_WHY: Final = {
    Reason.REVOKED: (
        "The certificate has been revoked: nobody should accept it any more. Renew it now.\n"
    ),
    Reason.ISSUER: (
        "The certificate's issuer is being replaced and issues no more. Renew the certificate in "
        "the suggested window, and it comes from the new issuer.\n"
    ),
    Reason.USUAL: (
        "About two thirds of the certificate's life are over in the suggested window: time to "
        "renew it. Nothing else has happened.\n"
    ),
}


async def show(info: RenewalInfo, name: str, links: Links) -> Response:
    """Give the window of a certificate. Raises AcmeError."""
    told = await info.of(name)
    headers: Headers = (
        ("retry-after", str(int(told.again.total_seconds()))),
        ("cache-control", "no-store"),
        link(links.directory, "index"),
    )
    return answer(_document(told, links.explanation(name)), headers)


async def explain(info: RenewalInfo, name: str, _: Links) -> Response:
    """Say why the window is where it is. Raises AcmeError."""
    told = await info.of(name)
    return Response(
        body=_WHY[told.window.reason].encode(),
        content_type="text/plain; charset=utf-8",
        headers=(("cache-control", "no-store"),),
    )


def _document(told: Told, explanation: str) -> dict[str, Any]:
    found: dict[str, Any] = {
        "suggestedWindow": {
            "start": write_time(told.window.start),
            "end": write_time(told.window.end),
        }
    }
    if told.window.reason is not Reason.USUAL:
        found["explanationURL"] = explanation
    return found
