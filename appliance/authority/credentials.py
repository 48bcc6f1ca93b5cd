"""Client certificates: the handshake proved who holds them, their dates are judged here."""

from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache

from appliance.authority.trust import Trust
from appliance.issuance import parsed, periods
from appliance.issuance.parsed import ParsedCertificate
from appliance.model.errors import FormatError, Unauthorized
from appliance.model.grants import Credential


def check_dates(credential: Credential, trust: Trust, now: datetime) -> ParsedCertificate:
    """Read the certificate, when it and what issued it are valid now. Raises Unauthorized."""
    known = (*credential.chain, *trust.intermediates)
    try:
        leaf, *issuers = _path(credential.certificate, known)
    except FormatError as error:
        raise Unauthorized("the client certificate cannot be read", detail=str(error)) from error
    second = periods.whole_second(now)
    _check(leaf, second, "client certificate")
    for issuer in issuers:
        _check(issuer, second, "issuer of the client certificate")
    return leaf


@lru_cache(maxsize=256)  # who keeps a connection shows the same again and again
def _path(certificate: bytes, known: tuple[bytes, ...]) -> tuple[ParsedCertificate, ...]:
    """Read a certificate, and give it and those of the known ones that it comes of.

    Raises FormatError.
    """
    leaf = parsed.parse(certificate)
    return leaf, *_above(leaf, [_issuer(each) for each in known])


@lru_cache(maxsize=64)
def _issuer(certificate: bytes) -> ParsedCertificate:
    """Read a certificate that many show: an issuer of theirs. Raises FormatError."""
    return parsed.parse(certificate)


def _above(
    leaf: ParsedCertificate, issuers: list[ParsedCertificate]
) -> Iterable[ParsedCertificate]:
    """Give those that issued it, and those that issued these."""
    subjects = {leaf.issuer}
    for issuer in issuers:
        if issuer.subject in subjects:
            subjects.add(issuer.issuer)
            yield issuer


def _check(certificate: ParsedCertificate, now: datetime, what: str) -> None:
    validity = certificate.validity
    if now < validity.not_before:
        raise Unauthorized(
            f"the {what} is not valid yet", detail=f"notBefore: {validity.not_before:%FT%TZ}"
        )
    if now > validity.not_after:
        raise Unauthorized(
            f"the {what} has expired", detail=f"notAfter: {validity.not_after:%FT%TZ}"
        )
