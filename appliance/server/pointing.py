"""What the certificates of an issuer say about where its revocation is published."""

from appliance.authority.trust import fingerprint
from appliance.config.settings import Settings
from appliance.issuance import pointers, revocation_lists
from appliance.issuance.extensions import Extension
from appliance.issuance.issuers import Issuer
from appliance.issuance.pointers import PointerUrls


def pointers_of(settings: Settings, name: str, issuer: Issuer) -> tuple[Extension, ...]:
    """Give the extensions for the issuer of a name (the first has none); none by default."""
    asked = settings.pointers
    return pointers.encoded(
        PointerUrls(
            crl=revocation_lists.url_of(asked.crl, name, issuer) if asked.crl else "",
            ocsp=asked.ocsp,
            issuer=f"{asked.issuer}/{fingerprint(issuer.certificate)}" if asked.issuer else "",
        )
    )
