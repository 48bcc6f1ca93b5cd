"""A certificate request in the form in which step shows it to templates and webhooks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from appliance.formats import extension_values, general_names, x509_fields
from appliance.formats.general_names import GeneralNames
from appliance.formats.x509_fields import Attribute, RequestFields
from appliance.issuance import extensions as ext
from appliance.issuance.certificate_json import (
    EXTENDED_KEY_USAGES,
    BasicConstraints,
    ExtraName,
    Name,
    RawExtension,
)
from appliance.issuance.requests import SigningRequest
from appliance.issuance.subjects import EMPTY
from appliance.model.errors import FormatError

T = TypeVar("T")

_KNOWN_USAGES: Final = frozenset(EXTENDED_KEY_USAGES.values())
_PARTS: Final = frozenset(f"2.5.4.{number}" for number in (3, 5, 6, 7, 8, 9, 10, 11, 17))
_NO_LIMIT: Final = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestForm:
    """What a request says. Usages are named as in `certificate_json`, others by identifier."""

    version: int
    subject: Name
    raw_subject: bytes  # DER
    dns_names: tuple[str, ...]
    email_addresses: tuple[str, ...]
    ip_addresses: tuple[str, ...]
    uris: tuple[str, ...]
    extensions: tuple[RawExtension, ...]
    key_usage: frozenset[int]
    ext_key_usage: tuple[str, ...]  # identifiers
    unknown_ext_key_usage: tuple[str, ...]
    basic_constraints: BasicConstraints | None
    signature: bytes


def of(request: SigningRequest) -> RequestForm:
    """Show a request. What an extension holds counts only where it can be read."""
    fields = x509_fields.request(request.der)
    none_named: list[str] = []
    none_set: list[int] = []
    names = _read(fields, ext.SUBJECT_ALT_NAME, general_names.read, GeneralNames())
    usages = _read(fields, ext.EXTENDED_KEY_USAGE, extension_values.identifiers, none_named)
    return RequestForm(
        version=fields.version,
        subject=name(fields.subject),
        raw_subject=fields.subject_raw,
        dns_names=tuple(names.dns),
        email_addresses=tuple(names.emails),
        ip_addresses=tuple(names.addresses),
        uris=tuple(names.uris),
        extensions=_extensions(fields),
        key_usage=frozenset(_read(fields, ext.KEY_USAGE, extension_values.key_usages, none_set)),
        ext_key_usage=tuple(each for each in usages if each in _KNOWN_USAGES),
        unknown_ext_key_usage=tuple(each for each in usages if each not in _KNOWN_USAGES),
        basic_constraints=_read(fields, ext.BASIC_CONSTRAINTS, _basic_constraints, None),
        signature=fields.signature,
    )


def name(attributes: Sequence[Attribute]) -> Name:
    """Sort the attributes of a name; of texts that stand once, the last counts."""

    def listed(oid: str) -> tuple[str, ...]:
        return tuple(each.text for each in attributes if each.oid == oid and each.text is not None)

    return Name(
        country=listed("2.5.4.6"),
        organization=listed("2.5.4.10"),
        organizational_unit=listed("2.5.4.11"),
        locality=listed("2.5.4.7"),
        province=listed("2.5.4.8"),
        street_address=listed("2.5.4.9"),
        postal_code=listed("2.5.4.17"),
        serial_number=(listed("2.5.4.5") or ("",))[-1],
        common_name=(listed("2.5.4.3") or ("",))[-1],
        extra_names=tuple(
            ExtraName(type=each.oid, value=each.text)
            for each in attributes
            if each.oid not in _PARTS
        ),
    )


def _extensions(fields: RequestFields) -> tuple[RawExtension, ...]:
    """Give the extensions; names that stand for an empty subject are critical, whatever is said."""
    alone = fields.subject_raw == EMPTY
    return tuple(
        RawExtension(
            id=each.oid,
            critical=each.critical or (alone and each.oid == ext.SUBJECT_ALT_NAME),
            value=each.value,
        )
        for each in fields.extensions
    )


def _read(fields: RequestFields, oid: str, reader: Callable[[bytes], T], without: T) -> T:
    found = fields.extension(oid)
    try:
        return without if found is None else reader(found.value)
    except FormatError:
        return without


def _basic_constraints(value: bytes) -> BasicConstraints | None:
    is_ca, length = extension_values.basic_constraints(value)
    return BasicConstraints(is_ca=is_ca, max_path_length=_NO_LIMIT if length is None else length)
