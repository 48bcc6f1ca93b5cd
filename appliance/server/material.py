"""The certificates that ca.json names."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

from appliance.authority.trust import Trust
from appliance.config.settings import Settings
from appliance.formats import goduration, pem
from appliance.issuance import issuers, parsed
from appliance.issuance.issuers import Issuer
from appliance.model.errors import ConfigError, FormatError

_SOON: Final = timedelta(days=30)


def read_trust(settings: Settings) -> Trust:
    """Read roots, federated roots and intermediates. Raises ConfigError naming the file."""
    return Trust(
        roots=_certificates(settings.roots),
        federated_roots=_certificates(settings.federated_roots),
        intermediates=_certificates([settings.certificate]),
    )


def read_issuer(settings: Settings, trust: Trust) -> Issuer:
    """Read what to issue with: the first certificate in `crt`. Raises ConfigError."""
    file = str(settings.certificate)
    try:
        return issuers.of_certificate(trust.intermediates[0])
    except FormatError as error:
        raise ConfigError(f"cannot be used for issuing: {error}", file=file) from error


def issuing_roots(trust: Trust) -> list[bytes]:
    """Give the roots that the chain of intermediates ends at; others are only trusted."""
    below = x509.load_der_x509_certificate(trust.intermediates[-1])
    found = []
    for root in trust.roots:
        with suppress(ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
            below.verify_directly_issued_by(x509.load_der_x509_certificate(root))
            found.append(root)
    return found


def warnings(settings: Settings, trust: Trust, now: datetime) -> Iterator[str]:
    """Say which certificates have expired or soon will, and if the intermediate is not a root's."""
    if not issuing_roots(trust):
        yield (
            f"{settings.certificate}: was not issued by any certificate in `root`: "
            "clients that trust those will refuse what is issued here"
        )
    for name, certificate in (
        *((str(settings.certificate), each) for each in trust.intermediates),
        *(("root", each) for each in trust.roots),
    ):
        validity = parsed.parse(certificate).validity
        left = validity.not_after - now
        if now < validity.not_before:
            yield f"{name}: is not valid before {validity.not_before:%F %T} UTC"
        elif left < timedelta():
            yield f"{name}: has expired on {validity.not_after:%F %T} UTC: clients will refuse it"
        elif left < _SOON:
            yield f"{name}: expires in {goduration.format_duration(left)}"


def _certificates(files: Iterable[Path]) -> list[bytes]:
    found = []
    for file in files:
        try:
            ders = pem.certificates(file.read_bytes())
            for der in ders:
                parsed.parse(der)
        except FormatError as error:
            raise ConfigError(f"is not a certificate in PEM: {error}", file=str(file)) from error
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise ConfigError(f"cannot be read: {reason}", file=str(file)) from error
        found += ders
    return found
