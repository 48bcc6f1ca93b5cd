"""Certificates as `cryptography` reads them, with one error for all that it objects to."""

from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

from appliance.model.errors import FormatError

UNREADABLE: Final = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)
"""What reading a certificate or a part of it can raise."""


def load(octets: bytes) -> x509.Certificate:
    """Read a certificate in DER; its parts are read when they are asked for. Raises FormatError."""
    try:
        return x509.load_der_x509_certificate(octets)
    except UNREADABLE as error:
        raise FormatError("not an X.509 certificate", detail=str(error)) from error
