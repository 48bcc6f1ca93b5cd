"""The JSON that a template gives: what a certificate shall be, checked as far as JSON goes.

The form is step's. How each part is encoded, and what cannot be, is for `certificate_names`,
`certificate_extensions` and `templated` to say.
"""

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeAlias, TypeVar

from appliance.formats import der, gourl, laxjson
from appliance.formats.gourl import Uri
from appliance.formats.laxjson import Object
from appliance.model.algorithms import SignatureAlgorithm
from appliance.model.errors import FormatError

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

KEY_USAGES: Final[Mapping[str, int]] = {
    "digitalSignature": 0, "contentCommitment": 1, "keyEncipherment": 2, "dataEncipherment": 3,
    "keyAgreement": 4, "certSign": 5, "crlSign": 6, "encipherOnly": 7, "decipherOnly": 8,
}  # fmt: skip
"""Bit numbers by name (RFC 5280 4.2.1.3)."""

EXTENDED_KEY_USAGES: Final[Mapping[str, str]] = {
    "any": "2.5.29.37.0",
    "serverAuth": "1.3.6.1.5.5.7.3.1",
    "clientAuth": "1.3.6.1.5.5.7.3.2",
    "codeSigning": "1.3.6.1.5.5.7.3.3",
    "emailProtection": "1.3.6.1.5.5.7.3.4",
    "ipsecEndSystem": "1.3.6.1.5.5.7.3.5",
    "ipsecTunnel": "1.3.6.1.5.5.7.3.6",
    "ipsecUser": "1.3.6.1.5.5.7.3.7",
    "timeStamping": "1.3.6.1.5.5.7.3.8",
    "ocspSigning": "1.3.6.1.5.5.7.3.9",
    "microsoftServerGatedCrypto": "1.3.6.1.4.1.311.10.3.3",
    "netscapeServerGatedCrypto": "2.16.840.1.113730.4.1",
    "microsoftCommercialCodeSigning": "1.3.6.1.4.1.311.2.1.22",
    "microsoftKernelCodeSigning": "1.3.6.1.4.1.311.61.1.1",
}
"""Object identifiers by name, as Go knows them."""

_Value = TypeVar("_Value")

_ARC: Final = re.compile(r"[+-]?[0-9]{1,19}")
_SERIAL: Final = re.compile(r"[+-]?[0-9A-Za-z_]{1,200}")
_OCTAL: Final = re.compile(r"([+-]?)0([0-7_]+)")
_PREFIX: Final = re.compile(r"/[0-9]{1,8}$")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtraName:
    """An attribute of a name by its identifier; only texts can be encoded."""

    type: str
    value: object


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    """A distinguished name by its parts."""

    country: tuple[str, ...] = ()
    organization: tuple[str, ...] = ()
    organizational_unit: tuple[str, ...] = ()
    locality: tuple[str, ...] = ()
    province: tuple[str, ...] = ()
    street_address: tuple[str, ...] = ()
    postal_code: tuple[str, ...] = ()
    serial_number: str = ""
    common_name: str = ""
    extra_names: tuple[ExtraName, ...] = ()


_NOBODY: Final = Name()


@dataclass(frozen=True, slots=True, kw_only=True)
class TypedName:
    """One of `sans`. `asn1` is its `asn1Value` when `has_asn1`, keys folded."""

    type: str
    value: str
    asn1: object = None
    has_asn1: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RawExtension:
    """One of `extensions`; `value` is what its OCTET STRING shall hold."""

    id: str
    critical: bool
    value: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class BasicConstraints:
    """`basicConstraints`; a negative length sets no limit."""

    is_ca: bool
    max_path_length: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Subtrees:
    """Names of which some are permitted or excluded."""

    dns: tuple[str, ...] = ()
    addresses: tuple[Network, ...] = ()
    emails: tuple[str, ...] = ()
    uris: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self.dns or self.addresses or self.emails or self.uris)


@dataclass(frozen=True, slots=True, kw_only=True)
class NameConstraints:
    """`nameConstraints`."""

    critical: bool
    permitted: Subtrees
    excluded: Subtrees


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateJson:
    """What a template asks for.

    Identifiers are dotted text that may be empty or no identifier at all. `subject_key_id` is None
    where nothing is written, and empty where "" is.
    """

    version: int = 0
    subject: Name = Name()
    raw_subject: bytes = b""
    issuer: Name = Name()  # whoever signs is the issuer
    serial_number: int | None = None
    dns_names: tuple[str, ...] = ()
    email_addresses: tuple[str, ...] = ()
    ip_addresses: tuple[Address, ...] = ()
    uris: tuple[Uri, ...] = ()
    sans: tuple[TypedName, ...] = ()
    not_before: datetime | None = None
    not_after: datetime | None = None
    extensions: tuple[RawExtension, ...] = ()
    key_usage: frozenset[int] = frozenset()
    ext_key_usage: tuple[str, ...] = ()  # identifiers
    unknown_ext_key_usage: tuple[str, ...] = ()
    subject_key_id: bytes | None = None
    authority_key_id: bytes = b""
    ocsp_server: tuple[str, ...] = ()
    issuing_certificate_url: tuple[str, ...] = ()
    crl_distribution_points: tuple[str, ...] = ()
    policy_identifiers: tuple[str, ...] = ()
    basic_constraints: BasicConstraints | None = None
    name_constraints: NameConstraints | None = None
    signature_algorithm: str = ""  # in step's spelling

    def has_extension(self, oid: str) -> bool:
        """Say whether `extensions` has one of this identifier."""
        return any(each.id == oid for each in self.extensions)


def read(text: str) -> CertificateJson:
    """Read what a template gave. Raises FormatError that names the key which is wrong."""
    written = Object(laxjson.decode(text))
    return CertificateJson(
        version=written.integer("version"),
        subject=name(written.get("subject"), "subject"),
        raw_subject=written.octets("rawSubject") or b"",
        issuer=name(written.get("issuer"), "issuer"),
        serial_number=_serial_number(written),
        dns_names=written.texts("dnsNames"),
        email_addresses=written.texts("emailAddresses"),
        ip_addresses=_each(written, "ipAddresses", _address),
        uris=_each(written, "uris", gourl.parse),
        sans=tuple(map(_typed_name, written.objects("sans"))),
        not_before=written.time("notBefore"),
        not_after=written.time("notAfter"),
        extensions=tuple(map(_extension, written.objects("extensions"))),
        key_usage=frozenset(_each(written, "keyUsage", _key_usage)),
        ext_key_usage=_each(written, "extKeyUsage", _extended_key_usage),
        unknown_ext_key_usage=_each(written, "unknownExtKeyUsage", identifier),
        subject_key_id=written.octets("subjectKeyId"),
        authority_key_id=written.octets("authorityKeyId") or b"",
        ocsp_server=written.texts("ocspServer"),
        issuing_certificate_url=written.texts("issuingCertificateURL"),
        crl_distribution_points=written.texts("crlDistributionPoints"),
        policy_identifiers=_each(written, "policyIdentifiers", _policy),
        basic_constraints=_basic_constraints(written),
        name_constraints=_name_constraints(written),
        signature_algorithm=_signature_algorithm(written),
    )


def name(value: object, place: str) -> Name:
    """Read a name: an object, or a text that is its common name. Raises FormatError."""
    if value is None:
        return _NOBODY
    if isinstance(value, str):
        return Name(common_name=laxjson.text_of(value, place))
    written = Object(value, place)
    return Name(
        country=written.texts("country"),
        organization=written.texts("organization"),
        organizational_unit=written.texts("organizationalUnit"),
        locality=written.texts("locality"),
        province=written.texts("province"),
        street_address=written.texts("streetAddress"),
        postal_code=written.texts("postalCode"),
        serial_number=written.text("serialNumber"),
        common_name=written.text("commonName"),
        extra_names=tuple(
            ExtraName(type=_identifier_at(each, "type"), value=_plain(each.get("value")))
            for each in written.objects("extraNames")
        ),
    )


def identifier(text: str) -> str:
    """Read an object identifier as loosely as step does: any integers. Raises FormatError."""
    arcs = text.split(".") if text else []
    if not all(_ARC.fullmatch(arc) for arc in arcs):
        raise FormatError(f"{text[:80]!r} is not an object identifier such as 1.2.3.4")
    return ".".join(str(int(arc)) for arc in arcs)


def _plain(value: object) -> object:
    return laxjson.text_of(value, "") if isinstance(value, str) else value


def _identifier_at(written: Object, key: str) -> str:
    return _placed(identifier, written.text(key), written.at(key))


def _each(written: Object, key: str, reader: Callable[[str], _Value]) -> tuple[_Value, ...]:
    texts = written.texts(key)
    return tuple(_placed(reader, text, written.at(key)) for text in texts) if texts else ()


def _placed(reader: Callable[[str], _Value], text: str, place: str) -> _Value:
    try:
        return reader(text)
    except FormatError as error:
        raise FormatError(f"{place}: {error.public}") from None


def _typed_name(written: Object) -> TypedName:
    return TypedName(
        type=written.text("type"),
        value=written.text("value"),
        asn1=written.get("asn1Value"),
        has_asn1=written.has("asn1Value"),
    )


def _extension(written: Object) -> RawExtension:
    return RawExtension(
        id=_identifier_at(written, "id"),
        critical=written.flag("critical"),
        value=written.octets("value") or b"",
    )


def _serial_number(written: Object) -> int | None:
    """Read a number, or a text with a prefix for its base as Go has them; null asks for none."""
    value = written.get("serialNumber")
    if not isinstance(value, str):
        return None if value is None else written.integer("serialNumber")
    text = _OCTAL.sub(r"\g<1>0o\g<2>", value) if _OCTAL.fullmatch(value) else value
    try:
        if _SERIAL.fullmatch(text):
            return int(text, 0)
    except ValueError:
        pass
    raise FormatError(f"serialNumber: {value[:80]!r} is not an integer")


def _key_usage(text: str) -> int:
    return _named(_KEY_USAGES, text, "a key usage")


def _extended_key_usage(text: str) -> str:
    return _named(_EXTENDED_KEY_USAGES, text, "an extended key usage")


def _named(known: Mapping[str, _Value], text: str, what: str) -> _Value:
    found = known.get(_squeezed(text))
    if found is None:
        raise FormatError(f"{text[:80]!r} is not {what}")
    return found


def _squeezed(text: str) -> str:
    return text.lower().replace("_", "")


_KEY_USAGES: Final = {
    **{_squeezed(each): bit for each, bit in KEY_USAGES.items()},
    "nonrepudiation": KEY_USAGES["contentCommitment"],  # as X.509 called it before
}
_EXTENDED_KEY_USAGES: Final = {_squeezed(each): oid for each, oid in EXTENDED_KEY_USAGES.items()}
_ALGORITHMS: Final = {
    each.lower(): each
    for each in (
        "",
        *SignatureAlgorithm,
        *("MD2-RSA", "MD5-RSA", "SHA1-RSA", "DSA-SHA1", "DSA-SHA256", "ECDSA-SHA1"),
    )
}


def _policy(text: str) -> str:
    der.oid(text)
    return text


def _address(text: str) -> Address:
    try:
        if "%" not in text:  # a zone belongs to one machine
            return ipaddress.ip_address(text)
    except ValueError:
        pass
    raise FormatError(f"{text[:80]!r} is not an IP address")


def _network(text: str) -> Network:
    try:
        if _PREFIX.search(text) and "%" not in text:
            return ipaddress.ip_network(text, strict=False)
    except ValueError:
        pass
    raise FormatError(f"{text[:80]!r} is not an IP range such as 10.0.0.0/8")


def _basic_constraints(written: Object) -> BasicConstraints | None:
    constraints = written.object("basicConstraints")
    if written.get("basicConstraints") is None:
        return None
    return BasicConstraints(
        is_ca=constraints.flag("isCA"), max_path_length=constraints.integer("maxPathLen")
    )


def _name_constraints(written: Object) -> NameConstraints | None:
    constraints = written.object("nameConstraints")
    if written.get("nameConstraints") is None:
        return None
    permitted, excluded = (
        Subtrees(
            dns=constraints.texts(f"{side}DNSDomains"),
            addresses=_each(constraints, f"{side}IPRanges", _network),
            emails=constraints.texts(f"{side}EmailAddresses"),
            uris=constraints.texts(f"{side}URIDomains"),
        )
        for side in ("permitted", "excluded")
    )
    return NameConstraints(
        critical=constraints.flag("critical"), permitted=permitted, excluded=excluded
    )


def _signature_algorithm(written: Object) -> str:
    text = written.text("signatureAlgorithm")
    known = _ALGORITHMS.get(text.lower())
    if known is None:
        raise FormatError(f"signatureAlgorithm: {text[:80]!r} is not a signature algorithm")
    return str(known)
