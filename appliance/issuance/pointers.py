"""What a certificate says about where its revocation and its issuer are to be found.

Two extensions (RFC 5280 4.2.1.13 and 4.2.2.1), the same in all that an issuer issues: so they are
encoded once, when the configuration is read, and an Issuer carries them.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from appliance.formats import der
from appliance.issuance.extensions import Extension, extension
from appliance.model.errors import FormatError

AUTHORITY_INFO_ACCESS: Final = "1.3.6.1.5.5.7.1.1"
CRL_DISTRIBUTION_POINTS: Final = "2.5.29.31"

_OCSP, _CA_ISSUERS = "1.3.6.1.5.5.7.48.1", "1.3.6.1.5.5.7.48.2"
_URI: Final = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class PointerUrls:
    """Where things are published; what is empty is not told."""

    crl: str = ""
    ocsp: str = ""
    issuer: str = ""  # the issuer's certificate, in DER


def encoded(urls: PointerUrls) -> tuple[Extension, ...]:
    """Give the extensions, none where there is nothing to tell. Raises FormatError for a URL."""
    access = (urls.ocsp, urls.issuer)
    return (
        *([authority_info_access(*((each,) if each else () for each in access))]
          if any(access) else ()),
        *([crl_distribution_points([urls.crl])] if urls.crl else ()),
    )  # fmt: skip


def authority_info_access(ocsp: Iterable[str], issuers: Iterable[str]) -> Extension:
    """Name OCSP responders and where the issuer's certificate is. Raises FormatError."""
    methods = (*((_OCSP, url) for url in ocsp), *((_CA_ISSUERS, url) for url in issuers))
    listed = (der.sequence(der.oid(method), _uri(url)) for method, url in methods)
    return extension(AUTHORITY_INFO_ACCESS, der.sequence(*listed))


def crl_distribution_points(urls: Iterable[str]) -> Extension:
    """Name where the revocation list is; each URL is a point of its own. Raises FormatError."""
    points = (der.sequence(der.context(0, der.context(0, _uri(url)))) for url in urls)
    return extension(CRL_DISTRIBUTION_POINTS, der.sequence(*points))


def _uri(url: str) -> bytes:
    if not url.isascii():
        raise FormatError(f"{url[:200]!r} is not a URL: it has characters outside ASCII")
    return der.context(_URI, url.encode(), constructed=False)
