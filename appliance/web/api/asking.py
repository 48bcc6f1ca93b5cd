"""Who asks: what of a request the authority wants to know."""

from appliance.authority.reporting import Context
from appliance.model.grants import Credential
from appliance.web.http import Request


def context(request: Request) -> Context:
    """Give what a report of the request names."""
    return Context(client=request.client, request_id=request.request_id)


def credential(request: Request) -> Credential | None:
    """Give the certificate that the client showed in TLS."""
    if request.peer is None:
        return None
    return Credential(certificate=request.peer.certificate, chain=request.peer.chain[1:])
