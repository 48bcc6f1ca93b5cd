"""The certificates that ca.json names."""

from collections.abc import Iterable, Iterator, Sequence
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
        intermediates=dict.fromkeys(_certificates(_files(settings))),
    )


def chain(file: Path) -> tuple[bytes, ...]:
    """Read an intermediate and those above it, in DER. Raises ConfigError."""
    return tuple(_certificates([file]))


def read_issuer(file: Path) -> Issuer:
    """Read what to issue with: the first certificate of a file. Raises ConfigError."""
    try:
        return issuers.of_certificate(chain(file)[0])
    except FormatError as error:
        raise ConfigError(f"cannot be used for issuing: {error}", file=str(file)) from error


def issuing_roots(intermediates: Sequence[bytes], roots: Iterable[bytes]) -> list[bytes]:
    """Give the roots that a chain of intermediates ends at; others are only trusted."""
    below = x509.load_der_x509_certificate(intermediates[-1])
    found = []
    for root in roots:
        with suppress(ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
            below.verify_directly_issued_by(x509.load_der_x509_certificate(root))
            found.append(root)
    return found


def warnings(settings: Settings, trust: Trust, now: datetime) -> Iterator[str]:
    """Say which certificates have expired or soon will, and what was not issued by a root."""
    for file in _files(settings):
        intermediates = chain(file)
        if not issuing_roots(intermediates, trust.roots):
            yield (
                f"{file}: was not issued by any certificate in `root`: "
                "clients that trust those will refuse what is issued here"
            )
        for each in intermediates:
            yield from _dates(str(file), each, now)
    for root in trust.roots:
        yield from _dates("root", root, now)


def _dates(name: str, certificate: bytes, now: datetime) -> Iterator[str]:
    validity = parsed.parse(certificate).validity
    left = validity.not_after - now
    if now < validity.not_before:
        yield f"{name}: is not valid before {validity.not_before:%F %T} UTC"
    elif left < timedelta():
        yield f"{name}: has expired on {validity.not_after:%F %T} UTC: clients will refuse it"
    elif left < _SOON:
        yield f"{name}: expires in {goduration.format_duration(left)}"


def _files(settings: Settings) -> list[Path]:
    return [settings.certificate, *(each.certificate for each in settings.issuers)]


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
