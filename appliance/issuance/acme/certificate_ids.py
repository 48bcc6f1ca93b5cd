"""Certificates as ACME names them: key identifier of the issuer and serial (RFC 9773 4.1)."""

from typing import Final

from appliance.formats import base64url, extension_values
from appliance.issuance.extensions import AUTHORITY_KEY_ID
from appliance.issuance.parsed import ParsedCertificate
from appliance.model.errors import FormatError

_LONGEST: Final = 200  # characters; a serial has 20 octets at most, a key identifier seldom more


def issuer_key_id(certificate: ParsedCertificate) -> bytes:
    """Give the identifier of the key that signed a certificate; empty where it names none."""
    found = certificate.extension(AUTHORITY_KEY_ID)
    return b"" if found is None else extension_values.authority_key_id(found.value)


def write(certificate: ParsedCertificate) -> str:
    """Name a certificate. Raises FormatError for one that has no name."""
    key_id = issuer_key_id(certificate)
    if not key_id:
        raise FormatError("a certificate without the identifier of its issuer's key")
    return f"{base64url.encode(key_id)}.{base64url.encode(_serial_octets(certificate.serial))}"


def read(text: str) -> tuple[bytes, int]:
    """Give the key identifier and the serial. Raises FormatError.

    Octets that DER would not have are refused, but for a zero that is left out before a first
    octet of 0x80 and more: so Apache's mod_md writes every other serial.
    """
    key_id, dot, serial = text.partition(".")
    if len(text) > _LONGEST or not key_id or not dot or not serial:
        raise FormatError("a certificate's identifier is two parts in base64url with a dot between")
    octets = base64url.decode(serial)
    number = int.from_bytes(octets)
    if number <= 0 or octets not in (_serial_octets(number), _serial_octets(number).lstrip(b"\0")):
        raise FormatError("the serial number is not the content of a positive DER integer")
    return base64url.decode(key_id), number


def canonical(text: str) -> str:
    """Write an identifier as the RFC has it. Raises FormatError."""
    _, serial = read(text)
    return f"{text.partition('.')[0]}.{base64url.encode(_serial_octets(serial))}"


def _serial_octets(serial: int) -> bytes:
    return serial.to_bytes(serial.bit_length() // 8 + 1)  # as DER has a positive one
