"""`.Subject`, `.SANs` and `.Insecure.CR`: what templates see of a request, as step has it in Go."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from appliance.formats.gotemplate.signatures import (
    BOOL,
    BYTES,
    INT,
    INTERFACE,
    STRING,
    UINT8,
    Field,
    Kind,
    Type,
    pointer_to,
    slice_of,
)
from appliance.formats.gotemplate.values import Pointer, Struct, TypedList
from appliance.formats.keys import PublicKey
from appliance.issuance import go_values, request_form
from appliance.issuance.certificate_json import (
    EXTENDED_KEY_USAGES,
    KEY_USAGES,
    BasicConstraints,
    Name,
    RawExtension,
)
from appliance.issuance.go_values import Number, getter, listed, struct_type
from appliance.issuance.requests import SigningRequest
from appliance.model.names import San, SanKind

_USAGES: Final = tuple(KEY_USAGES)
_EXTENDED: Final = tuple(EXTENDED_KEY_USAGES)
_EXTENDED_NUMBERS: Final = {oid: n for n, oid in enumerate(EXTENDED_KEY_USAGES.values())}


def _dotted(identifier: TypedList) -> str:
    return ".".join(map(str, identifier))


TEXTS: Final = Type(name="x509util.MultiString", kind=Kind.SLICE, element=STRING, defined=True)
IDENTIFIER: Final = Type(
    name="x509util.ObjectIdentifier", kind=Kind.SLICE, element=INT, json=_dotted, defined=True
)
_ADDRESSES: Final = Type(
    name="x509util.MultiIP", kind=Kind.SLICE, element=go_values.ADDRESS, defined=True
)
_URLS: Final = Type(
    name="x509util.MultiURL",
    kind=Kind.SLICE,
    element=go_values.URL,
    json=lambda urls: None if urls.nil else [each.target.text for each in urls],
    defined=True,
)
_EXTRA_NAME: Final = struct_type(
    "x509util.DistinguishedName",
    Field(name="Type", type=IDENTIFIER, json="type"),
    Field(name="Value", type=INTERFACE, json="value"),
)
_EXTRA_NAMES: Final = slice_of(_EXTRA_NAME)
_PARTS: Final = (
    ("Country", "country"),
    ("Organization", "organization"),
    ("OrganizationalUnit", "organizational_unit"),
    ("Locality", "locality"),
    ("Province", "province"),
    ("StreetAddress", "street_address"),
    ("PostalCode", "postal_code"),
)


def _key(name: str) -> str:
    return name[0].lower() + name[1:]


SUBJECT: Final = struct_type(
    "x509util.Subject",
    *(Field(name=part, type=TEXTS, json=_key(part), omit_empty=True) for part, _ in _PARTS),
    Field(name="SerialNumber", type=STRING, json="serialNumber", omit_empty=True),
    Field(name="CommonName", type=STRING, json="commonName", omit_empty=True),
    Field(name="ExtraNames", type=_EXTRA_NAMES, json="extraNames", omit_empty=True),
    methods={"IsEmpty": getter(lambda name: not any(name.values.values()))},
)
_RAW_JSON: Final = Type(name="json.RawMessage", kind=Kind.SLICE, element=UINT8, defined=True)
ALTERNATIVE_NAME: Final = struct_type(
    "x509util.SubjectAlternativeName",
    Field(name="Type", type=STRING, json="type"),
    Field(name="Value", type=STRING, json="value"),
    Field(name="ASN1Value", type=_RAW_JSON, json="asn1Value", omit_empty=True),
)
ALTERNATIVE_NAMES: Final = slice_of(ALTERNATIVE_NAME)
_EXTENSION: Final = struct_type(
    "x509util.Extension",
    Field(name="ID", type=IDENTIFIER, json="id"),
    Field(name="Critical", type=BOOL, json="critical"),
    Field(name="Value", type=BYTES, json="value"),
)
_EXTENSIONS: Final = slice_of(_EXTENSION)
_KEY_USAGE: Final = Type(
    name="x509util.KeyUsage",
    kind=Kind.INT,
    json=lambda bits: [usage for n, usage in enumerate(_USAGES) if bits >> n & 1] or None,
    defined=True,
)
_EXTENDED_USAGES: Final = Type(
    name="x509util.ExtKeyUsage",
    kind=Kind.SLICE,
    element=go_values.EXTENDED_USAGE,
    json=lambda usages: [_EXTENDED[each] for each in usages],
    defined=True,
)
_UNKNOWN_USAGES: Final = Type(
    name="x509util.UnknownExtKeyUsage",
    kind=Kind.SLICE,
    element=go_values.ASN1_IDENTIFIER,
    json=lambda usages: None if usages.nil else [_dotted(each) for each in usages],
    defined=True,
)
_BASIC_CONSTRAINTS: Final = struct_type(
    "x509util.BasicConstraints",
    Field(name="IsCA", type=BOOL, json="isCA"),
    Field(name="MaxPathLen", type=INT, json="maxPathLen"),
)
_BASIC_CONSTRAINTS_POINTER: Final = pointer_to(_BASIC_CONSTRAINTS)
_SIGNATURE_ALGORITHM: Final = Type(
    name="x509util.SignatureAlgorithm", kind=Kind.INT, json=lambda _: "", defined=True
)
_REQUEST: Final = struct_type(
    "x509util.CertificateRequest",
    Field(name="Version", type=INT, json="version"),
    Field(name="Subject", type=SUBJECT, json="subject"),
    Field(name="RawSubject", type=BYTES, json="rawSubject"),
    Field(name="DNSNames", type=TEXTS, json="dnsNames"),
    Field(name="EmailAddresses", type=TEXTS, json="emailAddresses"),
    Field(name="IPAddresses", type=_ADDRESSES, json="ipAddresses"),
    Field(name="URIs", type=_URLS, json="uris"),
    Field(name="SANs", type=ALTERNATIVE_NAMES, json="sans"),
    Field(name="Extensions", type=_EXTENSIONS, json="extensions"),
    Field(name="KeyUsage", type=_KEY_USAGE, json="keyUsage"),
    Field(name="ExtKeyUsage", type=_EXTENDED_USAGES, json="extKeyUsage"),
    Field(name="UnknownExtKeyUsage", type=_UNKNOWN_USAGES, json="unknownExtKeyUsage"),
    Field(name="BasicConstraints", type=_BASIC_CONSTRAINTS_POINTER, json="basicConstraints"),
    Field(name="SignatureAlgorithm", type=_SIGNATURE_ALGORITHM, json="signatureAlgorithm"),
    Field(name="ChallengePassword", type=STRING, json=""),
    Field(name="PublicKey", type=INTERFACE, json=""),
    Field(name="PublicKeyAlgorithm", type=go_values.KEY_ALGORITHM, json=""),
    Field(name="Signature", type=BYTES, json=""),
    Field(name="Signer", type=INTERFACE, json=""),
)
REQUEST: Final = pointer_to(_REQUEST)


class _Request(Struct):
    """A request that is taken apart when more of it is asked for than its key."""

    __slots__ = ("_asked",)

    def __init__(self, asked: SigningRequest) -> None:
        key = asked.public_key
        super().__init__(
            _REQUEST,
            {
                "PublicKey": go_values.public_key(key),
                "PublicKeyAlgorithm": go_values.key_algorithm(key),
            },
        )
        self._asked: SigningRequest | None = asked

    def field(self, name: str) -> Any:
        """Give what the field holds."""
        if self._asked is not None and name not in self.values:
            self.values = {**self.values, **_fields(self._asked)}
            self._asked = None
        return super().field(name)


def request(asked: SigningRequest) -> Pointer:
    """Show a request as `.Insecure.CR`."""
    return Pointer(REQUEST, _Request(asked))


def bare(key: PublicKey) -> Pointer:
    """Show a request of which there is nothing but the key."""
    return Pointer(REQUEST, Struct(_REQUEST, {"PublicKey": go_values.public_key(key)}))


def subject(name: Name) -> Struct:
    """Show a name as `.Subject`."""
    parts = {part: listed(TEXTS, getattr(name, attribute)) for part, attribute in _PARTS}
    extra = (
        Struct(
            _EXTRA_NAME,
            {"Type": go_values.identifier(each.type, IDENTIFIER), "Value": each.value},
        )
        for each in name.extra_names
    )
    return Struct(
        SUBJECT,
        {
            **parts,
            "SerialNumber": name.serial_number,
            "CommonName": name.common_name,
            "ExtraNames": listed(_EXTRA_NAMES, extra),
        },
    )


_ORDER: Final = (SanKind.DNS, SanKind.IP, SanKind.EMAIL, SanKind.URI)


def alternative_names(sans: Sequence[San]) -> TypedList:
    """Show names as `.SANs`, by kind as step sorts them; without any the list is empty, not nil."""
    return TypedList(
        (
            Struct(ALTERNATIVE_NAME, {"Type": str(san.kind), "Value": san.value})
            for san in by_kind(sans)
        ),
        go_type=ALTERNATIVE_NAMES,
    )


def alternative_name(kind: str, value: str) -> TypedList:
    """Show one name of any kind as `.SANs`."""
    return TypedList(
        [Struct(ALTERNATIVE_NAME, {"Type": kind, "Value": value})], go_type=ALTERNATIVE_NAMES
    )


def by_kind(sans: Sequence[San]) -> tuple[San, ...]:
    """Put names in the order of kinds that step gives them."""
    return tuple(san for kind in _ORDER for san in sans if san.kind is kind)


def _fields(asked: SigningRequest) -> dict[str, Any]:
    form = request_form.of(asked)
    return {
        "Version": form.version,
        "Subject": subject(form.subject),
        "RawSubject": form.raw_subject,
        "DNSNames": listed(TEXTS, form.dns_names),
        "EmailAddresses": listed(TEXTS, form.email_addresses),
        "IPAddresses": listed(_ADDRESSES, map(go_values.address, form.ip_addresses)),
        "URIs": listed(_URLS, map(go_values.url, form.uris)),
        "Extensions": listed(_EXTENSIONS, map(_extension, form.extensions)),
        "KeyUsage": Number(sum(1 << bit for bit in form.key_usage), _KEY_USAGE),
        # never nil: without any, step writes [] where other lists are null
        "ExtKeyUsage": TypedList(_usages(form.ext_key_usage), go_type=_EXTENDED_USAGES),
        "UnknownExtKeyUsage": listed(
            _UNKNOWN_USAGES, map(go_values.identifier, form.unknown_ext_key_usage)
        ),
        "BasicConstraints": Pointer(
            _BASIC_CONSTRAINTS_POINTER, _constraints(form.basic_constraints)
        ),
        "SignatureAlgorithm": Number(0, _SIGNATURE_ALGORITHM),
        "Signature": form.signature,
    }


def _extension(written: RawExtension) -> Struct:
    return Struct(
        _EXTENSION,
        {
            "ID": go_values.identifier(written.id, IDENTIFIER),
            "Critical": written.critical,
            "Value": written.value,
        },
    )


def _usages(identifiers: Iterable[str]) -> Iterable[Number]:
    for each in identifiers:
        yield Number(_EXTENDED_NUMBERS[each], go_values.EXTENDED_USAGE)


def _constraints(written: BasicConstraints | None) -> Struct | None:
    if written is None:
        return None
    return Struct(
        _BASIC_CONSTRAINTS,
        {"IsCA": written.is_ca, "MaxPathLen": written.max_path_length},
    )
