"""`ocsp`, and what certificates say about where revocation is published: both are ours.

Nothing is said in certificates unless `includeInCertificates` asks for it. URLs that are not given
are made of the first of `dnsNames` and of where plain HTTP is spoken, since relying parties fetch
what tells them whether to trust TLS without TLS.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final
from urllib.parse import urlsplit

from appliance.config import claims
from appliance.config.addresses import url_host
from appliance.config.document import Document
from appliance.config.schema import CaJson, Ocsp
from appliance.config.settings import CrlSettings, OcspSettings, PointerSettings

VALIDITY: Final = timedelta(hours=4)
_SHORTEST: Final = timedelta(minutes=1)
_LONGEST: Final = timedelta(days=30)
_CRL_PATH: Final = "/1.0/crl/{key}"  # each issuer's key, so that it holds when the first changes
_OCSP_PATH, _ISSUERS_PATH = "/ocsp", "/intermediates"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the CA is reached. `insecure` is host and port of plain HTTP."""

    dns_name: str
    port: int
    insecure: tuple[str, int] | None

    @property
    def is_fixed(self) -> bool:
        """Say whether the port is known before the server runs."""
        return (self.insecure[1] if self.insecure else self.port) != 0

    @property
    def url(self) -> str:
        """Give the URL that paths are put behind."""
        host = url_host(self.dns_name)
        if self.insecure is None:
            return f"https://{host}" if self.port == 443 else f"https://{host}:{self.port}"
        port = self.insecure[1]
        return f"http://{host}" if port == 80 else f"http://{host}:{port}"


def read_ocsp(written: Ocsp | None, document: Document, *, persistent: bool) -> OcspSettings | None:
    """Read `ocsp`; None when it is not enabled. Raises ConfigError, also for what is disabled."""
    if written is None:
        return None
    validity = VALIDITY
    if written.validity is not None:
        validity = claims.duration(written.validity, document, "ocsp.validity")
    if not _SHORTEST <= validity <= _LONGEST:
        raise document.wrong("must be from 1m to 720h", "ocsp.validity")
    for name, url in (("url", written.url), ("issuerURL", written.issuer_url)):
        if url and not _is_url(url):
            raise document.wrong(f"'{url}' is not an http or https URL", f"ocsp.{name}")
    if not written.enabled:
        return None
    if not persistent:
        raise document.wrong(
            "a responder needs a database that remembers certificates: configure `db`",
            "ocsp.enabled",
        )
    return OcspSettings(validity=validity)


def read_pointers(
    written: CaJson, crl: CrlSettings | None, place: Place, document: Document
) -> tuple[PointerSettings, CrlSettings | None]:
    """Read what certificates say, and where the list is then said to be found.

    A list names the place where it is found, and relying parties hold that against what the
    certificate says (RFC 5280 6.3.3): so both are one setting. Raises ConfigError.
    """
    ocsp = written.ocsp or Ocsp()
    with_crl = written.crl is not None and written.crl.include_in_certificates
    with_ocsp = ocsp.include_in_certificates
    for name, wanted, enabled in (
        ("crl", with_crl, crl is not None),
        ("ocsp", with_ocsp, ocsp.enabled),
    ):
        if wanted and not enabled:
            raise document.wrong(
                f"certificates would point to what is not there: set {name}.enabled to true",
                f"{name}.includeInCertificates",
            )
    if not (with_crl or with_ocsp):
        return PointerSettings(), crl
    if not place.is_fixed:
        raise document.wrong(
            "certificates cannot point to a port that is chosen at each start",
            "insecureAddress" if place.insecure else "address",
        )
    if not place.dns_name.isascii():
        raise document.wrong(
            f"'{place.dns_name}' cannot stand in a URL: use its ASCII (xn--…) form", "dnsNames"
        )
    if crl is not None and with_crl and written.crl is not None and not written.crl.idp_url:
        crl = replace(crl, url=f"{place.url}{_CRL_PATH}")
    pointers = PointerSettings(
        crl=crl.url if crl is not None and with_crl else "",
        ocsp=(ocsp.url or f"{place.url}{_OCSP_PATH}") if with_ocsp else "",
        issuer=(ocsp.issuer_url or f"{place.url}{_ISSUERS_PATH}").rstrip("/"),
    )
    return pointers, crl


def warnings(pointers: PointerSettings) -> Iterator[str]:
    """Say which places are such that many will not look there."""
    urls = (pointers.crl, pointers.ocsp, pointers.issuer)
    if found := [each for each in urls if each.lower().startswith("https:")]:
        yield (
            f"certificates point to {', '.join(found)}: many relying parties fetch revocation "
            "over plain http only; set `insecureAddress`, or an http URL"
        )


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        host = parts.hostname
    except ValueError:
        return False
    return text.isascii() and parts.scheme in ("http", "https") and bool(host)
