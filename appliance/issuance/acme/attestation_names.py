"""What attestation certificates say of their devices: serial numbers, and what a TPM is."""

from typing import Final

from cryptography import x509

from appliance.formats import der
from appliance.model.errors import FormatError, Unauthorized

APPLE_NONCE: Final = x509.ObjectIdentifier("1.2.840.113635.100.8.11.1")
_APPLE_SERIAL: Final = x509.ObjectIdentifier("1.2.840.113635.100.8.9.1")
_APPLE_UDID: Final = x509.ObjectIdentifier("1.2.840.113635.100.8.9.2")
_YUBICO_SERIAL: Final = x509.ObjectIdentifier("1.3.6.1.4.1.41482.3.7")
_MANAGED_DEVICE: Final = x509.ObjectIdentifier("1.3.6.1.4.1.37476.9000.64.4")
_ATTESTATION_KEY: Final = x509.ObjectIdentifier("2.23.133.8.3")  # tcg-kp-AIKCertificate
_PERMANENT_IDENTIFIER: Final = x509.ObjectIdentifier("1.3.6.1.5.5.7.8.3")  # RFC 4043
_TPM: Final = {
    "manufacturer": x509.ObjectIdentifier("2.23.133.2.1"),
    "model": x509.ObjectIdentifier("2.23.133.2.2"),
    "version": x509.ObjectIdentifier("2.23.133.2.3"),
}
_TEXTS: Final = frozenset({0x0C, 0x13, 0x16})  # UTF8String, PrintableString, IA5String


def extension(certificate: x509.Certificate, name: x509.ObjectIdentifier) -> bytes | None:
    """Give the octets of an extension that is none of X.509's own."""
    for each in certificate.extensions:
        if each.oid == name:
            octets: bytes = each.value.public_bytes()
            return octets
    return None


def apple(certificate: x509.Certificate) -> tuple[str, ...]:
    """Give the identifiers of an Apple device: its UDID and its serial number, plain octets."""
    found = (extension(certificate, each) for each in (_APPLE_UDID, _APPLE_SERIAL))
    return tuple(each.decode("utf-8", "replace") for each in found if each)


def device_serial(certificate: x509.Certificate) -> str:
    """Give the serial number of a YubiKey, or the id that a device has been given.

    Empty where it names neither. Raises FormatError.
    """
    number = extension(certificate, _YUBICO_SERIAL)
    if number is not None:
        return str(der.read_integer(der.read(number)))
    text = extension(certificate, _MANAGED_DEVICE)
    return "" if text is None else _text(der.read(text))


def permanent_identifiers(certificate: x509.Certificate) -> tuple[str, ...]:
    """Give the permanent identifiers (RFC 4043) among the names. Raises FormatError."""
    found = []
    for each in _names(certificate):
        if isinstance(each, x509.OtherName) and each.type_id == _PERMANENT_IDENTIFIER:
            members = der.items(each.value)
            if members and members[0].tag == 0x0C:
                found.append(_text(members[0]))
    return tuple(found)


def check_attestation_key(certificate: x509.Certificate) -> None:
    """Hold a TPM's attestation certificate against WebAuthn 8.3.1. Raises Unauthorized."""
    if certificate.version is not x509.Version.v3:
        raise Unauthorized("it is not of version 3")
    if list(certificate.subject):
        raise Unauthorized("its subject is not empty")
    for each in certificate.extensions:
        if isinstance(each.value, x509.BasicConstraints) and each.value.ca:
            raise Unauthorized("it is a CA's")
    purposes = [
        purpose
        for each in certificate.extensions
        if isinstance(each.value, x509.ExtendedKeyUsage)
        for purpose in each.value
    ]
    if purposes[:1] != [_ATTESTATION_KEY]:
        raise Unauthorized("it is not for attestation keys (2.23.133.8.3)")
    known = {
        attribute.oid: attribute.value
        for each in _names(certificate)
        if isinstance(each, x509.DirectoryName)
        for attribute in each.value
    }
    for name, identifier in _TPM.items():
        if not known.get(identifier):
            raise Unauthorized(f"it does not name the TPM's {name}")


def _names(certificate: x509.Certificate) -> list[x509.GeneralName]:
    for each in certificate.extensions:
        if isinstance(each.value, x509.SubjectAlternativeName):
            return list(each.value)
    return []


def _text(element: der.Element) -> str:
    if element.tag not in _TEXTS:
        raise FormatError("an identifier of a device that is no text")
    return element.value.decode("utf-8", "replace")
