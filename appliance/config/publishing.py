"""What the CA publishes for everybody: its revocation list, and where plain HTTP is spoken."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from appliance.config import claims
from appliance.config.addresses import split_address, url_host
from appliance.config.document import Document
from appliance.config.schema import Crl
from appliance.config.settings import CrlSettings
from appliance.model.errors import FormatError

CACHE_DURATION: Final = timedelta(hours=24)
_SHORTEST: Final = timedelta(seconds=1)  # between two lists
_PATH: Final = "/1.0/crl"


def read_crl(
    written: Crl | None, dns_names: Sequence[str], document: Document, *, persistent: bool
) -> CrlSettings | None:
    """Read `crl`; None when it is not enabled. Raises ConfigError, also for what is disabled."""
    if written is None:
        return None
    cache = _span(written.cache_duration, "cacheDuration", document)
    renew = _span(written.renew_period, "renewPeriod", document)
    longest = CACHE_DURATION if cache is None and written.enabled else cache
    if renew is not None and longest is not None and renew > longest:
        raise document.wrong("cannot be longer than crl.cacheDuration", "crl.renewPeriod")
    if not written.enabled:
        return None
    if not persistent:
        raise document.wrong(
            "a revocation list needs a database that remembers revocations: configure `db`",
            "crl.enabled",
        )
    if not written.idp_url.isascii():
        raise document.wrong("is not a URL: it has characters outside ASCII", "crl.idpURL")
    good_for = cache or CACHE_DURATION
    return CrlSettings(
        generate_on_revoke=written.generate_on_revoke,
        cache_duration=good_for,
        renew_period=max(renew or good_for * 2 / 3, _SHORTEST),
        url=written.idp_url or f"https://{url_host(dns_names[0])}{_PATH}",
    )


def read_address(written: str, place: str, document: Document) -> tuple[str, int] | None:
    """Read where to listen; None for nowhere. Raises ConfigError."""
    if not written:
        return None
    try:
        return split_address(written)
    except FormatError as error:
        raise document.wrong(error.public, place) from None


def _span(text: str | None, name: str, document: Document) -> timedelta | None:
    if text is None:
        return None
    span = claims.duration(text, document, f"crl.{name}")
    if span < timedelta():
        raise document.wrong("cannot be negative", f"crl.{name}")
    return span
