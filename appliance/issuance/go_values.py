"""Values of Go's libraries that templates meet: addresses, URLs, identifiers, numbers, keys.

Their type names, fields and methods are Go's, as far as a template can make use of them.
"""

import ipaddress
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from appliance.formats import gourl
from appliance.formats.gotemplate.signatures import (
    BOOL,
    INT,
    INTERFACE,
    STRING,
    UINT8,
    Field,
    Function,
    Kind,
    Type,
    pointer_to,
    slice_of,
)
from appliance.formats.gotemplate.values import Pointer, Struct, TypedBytes, TypedList
from appliance.formats.gourl import Uri
from appliance.formats.keys import PublicKey
from appliance.model.errors import FormatError


class Number(int):
    """An int of a type with a name of its own."""

    go_type: Type

    def __new__(cls, value: int, go_type: Type) -> "Number":
        """Make it."""
        self = super().__new__(cls, value)
        self.go_type = go_type
        return self


def struct_type(name: str, *fields: Field, methods: Mapping[str, Function] | None = None) -> Type:
    """Make the type of a struct."""
    return Type(name=name, kind=Kind.STRUCT, fields=fields, methods=methods or {}, defined=True)


def plain_field(name: str, of: Type) -> Field:
    """Name a field that is called the same in JSON."""
    return Field(name=name, type=of, json=name)


def named_int(name: str, methods: Mapping[str, Function] | None = None) -> Type:
    """Make the type of an int with a name of its own."""
    return Type(name=name, kind=Kind.INT, methods=methods or {}, defined=True)


def getter(call: Callable[[Any], object]) -> Function:
    """Make a method without arguments."""
    return Function(call=call)


def listed(of: Type, items: Iterable[Any]) -> TypedList:
    """Make a slice; without items it is nil, as what Go parsed is."""
    found = list(items)
    return TypedList(found, go_type=of, nil=not found)


# ---- addresses


def _address_text(octets: bytes) -> str:
    if len(octets) not in (4, 16):
        return f"?{octets.hex()}" if octets else "<nil>"
    address = ipaddress.ip_address(bytes(octets))
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)


ADDRESS: Final = Type(
    name="net.IP",
    kind=Kind.SLICE,
    element=UINT8,
    methods={"String": getter(_address_text)},
    json=_address_text,
    defined=True,
)


def address(text: str) -> TypedBytes:
    """Make a net.IP; what is no address is empty."""
    try:
        return TypedBytes(ipaddress.ip_address(text).packed, go_type=ADDRESS)
    except ValueError:
        return TypedBytes(go_type=ADDRESS)


# ---- URLs


class _Url(Struct):
    """A url.URL, with the text that it was made of."""

    __slots__ = ("text",)
    text: str


def _host_name(url: _Url) -> str:
    host: str = url.field("Host")
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.rpartition(":")[0] or host if ":" in host else host


def _port(url: _Url) -> str:
    host: str = url.field("Host")
    _, colon, port = host.rpartition("]")[2].rpartition(":")
    return port if colon else ""


_USER: Final = pointer_to(struct_type("url.Userinfo"))
_URL: Final = struct_type(
    "url.URL",
    plain_field("Scheme", STRING),
    plain_field("Opaque", STRING),
    plain_field("User", _USER),
    plain_field("Host", STRING),
    plain_field("Path", STRING),
    plain_field("Fragment", STRING),
    plain_field("RawQuery", STRING),
    plain_field("RawPath", STRING),
    plain_field("RawFragment", STRING),
    plain_field("ForceQuery", BOOL),
    plain_field("OmitHost", BOOL),
    methods={
        "String": getter(lambda url: url.text),
        "Hostname": getter(_host_name),
        "Port": getter(_port),
        "IsAbs": getter(lambda url: bool(url.field("Scheme"))),
    },
)
URL: Final = pointer_to(_URL)


def url(text: str) -> Pointer:
    """Make a *url.URL; a text that is none has only a path."""
    try:
        parsed = gourl.parse(text)
    except FormatError:
        parsed = Uri(text=text, path=text)
    user = None if parsed.user is None else Struct(_USER.element or _URL, {})
    found = _Url(
        _URL,
        {
            "Scheme": parsed.scheme,
            "Opaque": parsed.opaque,
            "User": Pointer(_USER, user),
            "Host": parsed.host,
            "Path": parsed.path,
            "Fragment": parsed.fragment,
            "RawQuery": parsed.raw_query,
            "RawPath": parsed.raw_path,
            "RawFragment": parsed.raw_fragment,
            "ForceQuery": parsed.force_query,
            "OmitHost": parsed.omit_host,
        },
    )
    found.text = parsed.text
    return Pointer(URL, found)


# ---- identifiers and numbers


def _dotted(identifier: TypedList) -> str:
    return ".".join(map(str, identifier))


ASN1_IDENTIFIER: Final = Type(
    name="asn1.ObjectIdentifier",
    kind=Kind.SLICE,
    element=INT,
    methods={"String": getter(_dotted)},
    defined=True,
)


def identifier(dotted: str, of: Type = ASN1_IDENTIFIER) -> TypedList:
    """Make an object identifier, a slice of int."""
    return TypedList(map(int, dotted.split(".") if dotted else ()), go_type=of)


class _Big(Struct):
    """A big.Int, all of whose fields are its own."""

    __slots__ = ("number",)
    number: int


_BIG: Final = struct_type("big.Int")
BIG: Final = Type(
    name="*big.Int",
    kind=Kind.POINTER,
    element=_BIG,
    methods={
        "String": getter(lambda pointer: str(pointer.target.number)),
        "BitLen": getter(lambda pointer: pointer.target.number.bit_length()),
    },
    json=lambda pointer: pointer.target.number,
)


def big(number: int) -> Pointer:
    """Make a *big.Int."""
    found = _Big(_BIG, {})
    found.number = number
    return Pointer(BIG, found)


# ---- keys

_RSA: Final = struct_type("rsa.PublicKey", plain_field("N", BIG), plain_field("E", INT))
_RSA_POINTER: Final = Type(
    name="*rsa.PublicKey",
    kind=Kind.POINTER,
    element=_RSA,
    methods={
        "Size": getter(lambda key: (key.target.field("N").target.number.bit_length() + 7) // 8)
    },
)
_CURVE_PARAMS: Final = struct_type(
    "elliptic.CurveParams", plain_field("BitSize", INT), plain_field("Name", STRING)
)
_CURVE: Final = struct_type("elliptic.nistCurve")
_CURVE_POINTER: Final = Type(
    name="*elliptic.nistCurve",
    kind=Kind.POINTER,
    element=_CURVE,
    methods={"Params": getter(lambda curve: curve.target.field("params"))},
)
_ECDSA: Final = struct_type(
    "ecdsa.PublicKey",
    plain_field("Curve", INTERFACE),
    plain_field("X", BIG),
    plain_field("Y", BIG),
    methods={"Params": getter(lambda key: key.field("Curve").target.field("params"))},
)
_ED25519: Final = Type(name="ed25519.PublicKey", kind=Kind.SLICE, element=UINT8, defined=True)
_CURVE_NAMES: Final = {256: "P-256", 384: "P-384", 521: "P-521"}
_KEY_ALGORITHMS: Final = {1: "RSA", 3: "ECDSA", 4: "Ed25519"}
KEY_ALGORITHM: Final = named_int(
    "x509.PublicKeyAlgorithm",
    {"String": getter(lambda number: _KEY_ALGORITHMS.get(number, str(int(number))))},
)


def public_key(key: PublicKey) -> Any:
    """Make what Go parses of a public key: *rsa.PublicKey, *ecdsa.PublicKey, ed25519.PublicKey."""
    if isinstance(key, RSAPublicKey):
        numbers = key.public_numbers()
        return Pointer(_RSA_POINTER, Struct(_RSA, {"N": big(numbers.n), "E": numbers.e}))
    if isinstance(key, EllipticCurvePublicKey):
        point, size = key.public_numbers(), key.key_size
        params = Struct(_CURVE_PARAMS, {"BitSize": size, "Name": _CURVE_NAMES[size]})
        curve = Struct(_CURVE, {"params": Pointer(pointer_to(_CURVE_PARAMS), params)})
        fields = {"Curve": Pointer(_CURVE_POINTER, curve), "X": big(point.x), "Y": big(point.y)}
        return Pointer(pointer_to(_ECDSA), Struct(_ECDSA, fields))
    octets = key.public_bytes(Encoding.Raw, PublicFormat.Raw)
    return TypedBytes(octets, go_type=_ED25519)


def key_algorithm(key: PublicKey) -> Number:
    """Say which kind of key it is."""
    if isinstance(key, RSAPublicKey):
        return Number(1, KEY_ALGORITHM)
    return Number(3 if isinstance(key, EllipticCurvePublicKey) else 4, KEY_ALGORITHM)


# ---- usages

_USAGE_NAMES: Final = (
    "anyExtendedKeyUsage", "serverAuth", "clientAuth", "codeSigning", "emailProtection",
    "ipsecEndSystem", "ipsecTunnel", "ipsecUser", "timeStamping", "OCSPSigning", "msSGC", "nsSGC",
    "msCodeCom", "msKernelCode",
)  # fmt: skip
EXTENDED_USAGE: Final = named_int(
    "x509.ExtKeyUsage", {"String": getter(lambda number: _USAGE_NAMES[number])}
)
"""Counts from 0 in the order of `certificate_json.EXTENDED_KEY_USAGES`."""

IDENTIFIERS: Final = slice_of(ASN1_IDENTIFIER)
