"""The table of the CA's own routes."""

from collections.abc import Callable, Sequence

from appliance.authority.revocation import RevocationAuthority
from appliance.authority.x509 import X509Authority
from appliance.config.settings import TlsSettings
from appliance.model.conditions import Condition
from appliance.model.tokens import TokenStatus
from appliance.web.api.certificates import CertificateEndpoints
from appliance.web.api.reading import reading_routes
from appliance.web.application import mounted
from appliance.web.http import Route


def ca_routes(
    *,
    x509: X509Authority,
    revocation: RevocationAuthority,
    tls: TlsSettings,
    version: str,
    ssh: Sequence[Route] = (),
    tokens: Callable[[], Sequence[TokenStatus]] = tuple,
    conditions: Callable[[], Sequence[Condition]] = tuple,
) -> list[Route]:
    """Give every route of the CA, at the root and below /1.0."""
    table = [
        *reading_routes(x509.trust, x509.registry, version, tokens, conditions),
        *CertificateEndpoints(x509, revocation, tls).routes(),
        *ssh,
    ]
    return mounted(table, "", "/1.0")
