"""GeneralNames (RFC 5280 4.2.1.6) as they are shown: all of their kinds, in groups."""

import ipaddress
from dataclasses import dataclass, field

from appliance.formats import der, names, x509_fields
from appliance.formats.x509_fields import Attribute, ExtensionField
from appliance.model.errors import FormatError
from appliance.model.names import SanKind


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneralNames:
    """Names by kind, each kind in the order of the certificate."""

    dns: list[str] = field(default_factory=list)
    emails: list[str] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)
    uris: list[str] = field(default_factory=list)
    others: list[tuple[str, bytes]] = field(default_factory=list)  # with the DER of the value
    directory: list[tuple[Attribute, ...]] = field(default_factory=list)
    registered: list[str] = field(default_factory=list)

    def plain(self) -> list[str]:
        """Give the names of the four usual kinds."""
        return [*self.dns, *self.addresses, *self.emails, *self.uris]


def read(value: bytes) -> GeneralNames:
    """Read an encoded GeneralNames. Raises FormatError."""
    found = GeneralNames()
    for element in der.items(value):
        _sort(element, found)
    return found


def of_extension(extension: ExtensionField | None) -> GeneralNames:
    """Read the names of an extension; there are none when it is missing or broken."""
    if extension is None:
        return GeneralNames()
    try:
        return read(extension.value)
    except FormatError:
        return GeneralNames()


def _sort(element: der.Element, found: GeneralNames) -> None:
    value = element.value
    match element.tag:
        case 0x82:
            found.dns.append(_text(value))
        case 0x81:
            found.emails.append(_text(value))
        case 0x87:
            found.addresses.append(_address(value))
        case 0x86:
            found.uris.append(_uri(_text(value)))
        case 0xA0:
            oid, explicit = der.exactly(element, 2)
            found.others.append((der.read_oid(oid), der.expect(explicit, 0xA0).value))
        case 0xA4:
            found.directory.append(x509_fields.name(der.first(element)))
        case 0x88:
            found.registered.append(der.read_oid(der.read(der.tlv(der.OBJECT_IDENTIFIER, value))))
        case _:
            pass  # X.400 addresses and EDI parties


def _address(octets: bytes) -> str:
    try:
        return names.canonical(SanKind.IP, str(ipaddress.ip_address(octets))).value
    except ValueError:
        return f"?{octets.hex()}"


def _uri(text: str) -> str:
    try:
        return names.canonical(SanKind.URI, text).value
    except FormatError:
        return text


def _text(octets: bytes) -> str:
    return octets.decode("utf-8", "replace")
