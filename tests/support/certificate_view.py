"""What a relying party sees of a certificate, but for what is new in each: key, serial, issuer."""

from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.x509.oid import ExtensionOID

_OF_THE_KEYS = {ExtensionOID.SUBJECT_KEY_IDENTIFIER, ExtensionOID.AUTHORITY_KEY_IDENTIFIER}


def view(certificate: str, now: int) -> dict[str, Any]:
    """Show a certificate (PEM); its dates in seconds from now."""
    found = x509.load_pem_x509_certificate(certificate.encode())
    moment = datetime.fromtimestamp(now, UTC)
    return {
        "subject": found.subject.public_bytes().hex(),
        "begins": (found.not_valid_before_utc - moment) // timedelta(seconds=1),
        "ends": (found.not_valid_after_utc - moment) // timedelta(seconds=1),
        "extensions": [_extension(each) for each in found.extensions],
    }


def alike(one: dict[str, Any], other: dict[str, Any], *, seconds: int = 10) -> bool:
    """Say whether two views are the same; dates may differ by what the test took."""
    dates = ("begins", "ends")
    return all(abs(one[name] - other[name]) <= seconds for name in dates) and all(
        one[name] == other[name] for name in one if name not in dates
    )


def _extension(extension: x509.Extension[Any]) -> list[Any]:
    value = "" if extension.oid in _OF_THE_KEYS else extension.value.public_bytes().hex()
    return [extension.oid.dotted_string, extension.critical, value]
