"""`.AuthorizationCrt`: the certificate behind a token, as Go's x509.Certificate has it."""

from collections.abc import Callable
from typing import Any, Final, TypeVar

from appliance.formats import extension_values, general_names, x509_fields
from appliance.formats.certificates import load
from appliance.formats.gotemplate.signatures import (
    BOOL,
    BYTES,
    INT,
    INTERFACE,
    STRING,
    STRINGS,
    Type,
    pointer_to,
    slice_of,
)
from appliance.formats.gotemplate.values import TIME, Pointer, Struct, Time
from appliance.formats.keys import checked_public
from appliance.formats.x509_fields import Attribute, CertificateFields, ExtensionField
from appliance.issuance import extensions as ext
from appliance.issuance import go_values, pointers, request_form
from appliance.issuance.certificate_json import EXTENDED_KEY_USAGES, Name
from appliance.issuance.go_values import Number, getter, listed, plain_field, struct_type
from appliance.model.errors import FormatError

T = TypeVar("T")

_EXTENDED_NUMBERS: Final = {oid: n for n, oid in enumerate(EXTENDED_KEY_USAGES.values())}
_ATTRIBUTE: Final = struct_type(
    "pkix.AttributeTypeAndValue",
    plain_field("Type", go_values.ASN1_IDENTIFIER),
    plain_field("Value", INTERFACE),
)
_ATTRIBUTES: Final = slice_of(_ATTRIBUTE)
_PARTS: Final = (
    ("Country", "country", "C"),
    ("Province", "province", "ST"),
    ("Locality", "locality", "L"),
    ("StreetAddress", "street_address", "STREET"),
    ("PostalCode", "postal_code", "POSTALCODE"),
    ("Organization", "organization", "O"),
    ("OrganizationalUnit", "organizational_unit", "OU"),
)
_IN_ORDER: Final = (
    "Country", "Organization", "OrganizationalUnit", "Locality", "Province", "StreetAddress",
    "PostalCode",
)  # fmt: skip


def _escaped(value: str) -> str:
    """Escape a value about as RFC 2253 section 2.4 says, and as Go does."""
    last = len(value) - 1
    return "".join(
        f"\\{character}"
        if character in ',+"\\<>;'
        or (character == " " and position in (0, last))
        or (character == "#" and position == 0)
        else character
        for position, character in enumerate(value)
    )


def _named(name: Struct) -> str:
    """Write a name as Go prints it: the last part first."""
    parts = [(short, list(name.field(part))) for part, _, short in _PARTS]
    parts += [("CN", [name.field("CommonName")]), ("SERIALNUMBER", [name.field("SerialNumber")])]
    shown = (
        "+".join(f"{short}={_escaped(value)}" for value in given)
        for short, given in parts
        if any(given)
    )
    return ",".join(reversed(list(shown)))


NAME: Final = struct_type(
    "pkix.Name",
    *(plain_field(part, STRINGS) for part in _IN_ORDER),
    plain_field("SerialNumber", STRING),
    plain_field("CommonName", STRING),
    plain_field("Names", _ATTRIBUTES),
    plain_field("ExtraNames", _ATTRIBUTES),
    methods={"String": getter(_named)},
)
_EXTENSION: Final = struct_type(
    "pkix.Extension",
    plain_field("Id", go_values.ASN1_IDENTIFIER),
    plain_field("Critical", BOOL),
    plain_field("Value", BYTES),
)
_EXTENSIONS: Final = slice_of(_EXTENSION)
_ADDRESSES: Final = slice_of(go_values.ADDRESS)
_URLS: Final = slice_of(go_values.URL)
_USAGES: Final = slice_of(go_values.EXTENDED_USAGE)
_USAGE_NAMES: Final = (
    "digitalSignature", "contentCommitment", "keyEncipherment", "dataEncipherment", "keyAgreement",
    "keyCertSign", "cRLSign", "encipherOnly", "decipherOnly",
)  # fmt: skip
_NAMED_USAGES: Final = {1 << bit: name for bit, name in enumerate(_USAGE_NAMES)}
_KEY_USAGE: Final = go_values.named_int(
    "x509.KeyUsage",
    {"String": getter(lambda bits: _NAMED_USAGES.get(bits, f"KeyUsage({int(bits)})"))},
)
_FIELDS: Final[tuple[tuple[str, Type], ...]] = (
    ("Raw", BYTES),
    ("RawTBSCertificate", BYTES),
    ("RawSubjectPublicKeyInfo", BYTES),
    ("RawSubject", BYTES),
    ("RawIssuer", BYTES),
    ("Signature", BYTES),
    ("PublicKeyAlgorithm", go_values.KEY_ALGORITHM),
    ("PublicKey", INTERFACE),
    ("Version", INT),
    ("SerialNumber", go_values.BIG),
    ("Issuer", NAME),
    ("Subject", NAME),
    ("NotBefore", TIME),
    ("NotAfter", TIME),
    ("KeyUsage", _KEY_USAGE),
    ("Extensions", _EXTENSIONS),
    ("ExtraExtensions", _EXTENSIONS),
    ("ExtKeyUsage", _USAGES),
    ("UnknownExtKeyUsage", go_values.IDENTIFIERS),
    ("BasicConstraintsValid", BOOL),
    ("IsCA", BOOL),
    ("MaxPathLen", INT),
    ("MaxPathLenZero", BOOL),
    ("SubjectKeyId", BYTES),
    ("AuthorityKeyId", BYTES),
    ("OCSPServer", STRINGS),
    ("IssuingCertificateURL", STRINGS),
    ("DNSNames", STRINGS),
    ("EmailAddresses", STRINGS),
    ("IPAddresses", _ADDRESSES),
    ("URIs", _URLS),
    ("CRLDistributionPoints", STRINGS),
)
_CERTIFICATE: Final = struct_type(
    "x509.Certificate", *(plain_field(name, of) for name, of in _FIELDS)
)
CERTIFICATE: Final = pointer_to(_CERTIFICATE)


class _Certificate(Struct):
    """A certificate that is taken apart when anything of it is asked for."""

    __slots__ = ("_octets",)

    def __init__(self, octets: bytes) -> None:
        super().__init__(_CERTIFICATE, {})
        self._octets = octets

    def field(self, name: str) -> Any:
        """Give what the field holds."""
        if not self.values:
            self.values = _values(self._octets)
        return super().field(name)


def certificate(octets: bytes) -> Pointer:
    """Show a certificate (DER) that has been read before."""
    return Pointer(CERTIFICATE, _Certificate(octets))


def _values(octets: bytes) -> dict[str, Any]:
    fields = x509_fields.certificate(octets)
    key = checked_public(load(octets).public_key())
    return {
        "Raw": octets,
        "RawTBSCertificate": fields.to_be_signed,
        "RawSubjectPublicKeyInfo": fields.public_key.raw,
        "RawSubject": fields.subject_raw,
        "RawIssuer": fields.issuer_raw,
        "Signature": fields.signature,
        "PublicKeyAlgorithm": go_values.key_algorithm(key),
        "PublicKey": go_values.public_key(key),
        "Version": fields.version,
        "SerialNumber": go_values.big(fields.serial),
        "Issuer": _name(fields.issuer),
        "Subject": _name(fields.subject),
        "NotBefore": Time(seconds=int(fields.not_before.timestamp())),
        "NotAfter": Time(seconds=int(fields.not_after.timestamp())),
        "Extensions": listed(_EXTENSIONS, map(_extension, fields.extensions)),
        **_usages(fields),
        **_identifiers(fields),
        **_places(fields),
        **_names(fields),
    }


def _name(attributes: tuple[Attribute, ...]) -> Struct:
    name: Name = request_form.name(attributes)
    every = (
        Struct(_ATTRIBUTE, {"Type": go_values.identifier(each.oid), "Value": each.text})
        for each in attributes
    )
    return Struct(
        NAME,
        {
            **{part: listed(STRINGS, getattr(name, key)) for part, key, _ in _PARTS},
            "SerialNumber": name.serial_number,
            "CommonName": name.common_name,
            "Names": listed(_ATTRIBUTES, every),
        },
    )


def _extension(written: ExtensionField) -> Struct:
    return Struct(
        _EXTENSION,
        {
            "Id": go_values.identifier(written.oid),
            "Critical": written.critical,
            "Value": written.value,
        },
    )


def _read(fields: CertificateFields, oid: str, reader: Callable[[bytes], T]) -> T | None:
    found = fields.extension(oid)
    try:
        return None if found is None else reader(found.value)
    except FormatError:
        return None


def _usages(fields: CertificateFields) -> dict[str, Any]:
    bits = _read(fields, ext.KEY_USAGE, extension_values.key_usages) or []
    purposes = _read(fields, ext.EXTENDED_KEY_USAGE, extension_values.identifiers) or []
    known = (
        Number(_EXTENDED_NUMBERS[each], go_values.EXTENDED_USAGE)
        for each in purposes
        if each in _EXTENDED_NUMBERS
    )
    unknown = (go_values.identifier(each) for each in purposes if each not in _EXTENDED_NUMBERS)
    constraints = _read(fields, ext.BASIC_CONSTRAINTS, extension_values.basic_constraints)
    is_ca, length = constraints or (False, 0)
    return {
        "KeyUsage": Number(sum(1 << bit for bit in bits), _KEY_USAGE),
        "ExtKeyUsage": listed(_USAGES, known),
        "UnknownExtKeyUsage": listed(go_values.IDENTIFIERS, unknown),
        "BasicConstraintsValid": constraints is not None,
        "IsCA": is_ca,
        "MaxPathLen": -1 if length is None else length,
        "MaxPathLenZero": constraints is not None and length == 0,
    }


def _identifiers(fields: CertificateFields) -> dict[str, Any]:
    return {
        "SubjectKeyId": _read(fields, ext.SUBJECT_KEY_ID, extension_values.key_id) or b"",
        "AuthorityKeyId": (
            _read(fields, ext.AUTHORITY_KEY_ID, extension_values.authority_key_id) or b""
        ),
    }


def _places(fields: CertificateFields) -> dict[str, Any]:
    access = _read(fields, pointers.AUTHORITY_INFO_ACCESS, extension_values.access_locations)
    lists = _read(fields, pointers.CRL_DISTRIBUTION_POINTS, extension_values.distribution_points)
    responders, issuers = access or ([], [])
    return {
        "OCSPServer": listed(STRINGS, responders),
        "IssuingCertificateURL": listed(STRINGS, issuers),
        "CRLDistributionPoints": listed(STRINGS, lists or ()),
    }


def _names(fields: CertificateFields) -> dict[str, Any]:
    names = general_names.of_extension(fields.extension(ext.SUBJECT_ALT_NAME))
    return {
        "DNSNames": listed(STRINGS, names.dns),
        "EmailAddresses": listed(STRINGS, names.emails),
        "IPAddresses": listed(_ADDRESSES, map(go_values.address, names.addresses)),
        "URIs": listed(_URLS, map(go_values.url, names.uris)),
    }
