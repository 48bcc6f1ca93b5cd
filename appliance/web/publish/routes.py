"""The table of what is published, the same over TLS and over plain HTTP."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from appliance.authority.crl import CrlPublisher
from appliance.authority.ssh.krl import KrlPublisher
from appliance.ports.clock import Clock
from appliance.web.application import mounted
from appliance.web.http import Route
from appliance.web.publish.crl import crl_routes
from appliance.web.publish.issuers import issuer_routes
from appliance.web.publish.krl import krl_routes

if TYPE_CHECKING:
    from appliance.authority.ocsp import OcspResponder


def publish_routes(
    *,
    certificates: Iterable[bytes],
    responder: "OcspResponder | None",
    lists: CrlPublisher,
    clock: Clock,
    ssh_list: KrlPublisher | None = None,
) -> list[Route]:
    """Give every route, at the root and below /1.0. `certificates` are those of issuers, in DER."""
    table = [
        *crl_routes(lists),
        *(krl_routes(ssh_list) if ssh_list else ()),
        *issuer_routes(certificates),
    ]
    if responder:
        from appliance.web.publish.ocsp import ocsp_routes  # noqa: PLC0415 - few have one

        table += ocsp_routes(responder, clock)
    return mounted(table, "", "/1.0")
