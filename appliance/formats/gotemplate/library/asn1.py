"""step's asn1Enc, asn1Marshal, asn1Seq and asn1Set: DER as Go's encoding/asn1 writes it, in base64.

Options after a type or value say how: `utf8`, `ia5`, `numeric`, `printable`, `utc`, `generalized`,
`set`, `tag:N`, `explicit`, `application`, `private`, `optional`, `default:N`, `omitempty`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from appliance.formats import der
from appliance.formats.gotemplate import quoting, time_civil, time_layout, time_parsing
from appliance.formats.gotemplate.errors import BudgetError
from appliance.formats.gotemplate.library import conversion
from appliance.formats.gotemplate.library.declaring import metered, plain
from appliance.formats.gotemplate.library.encoding import from_base64, to_base64
from appliance.formats.gotemplate.signatures import (
    FLOATS,
    INTEGERS,
    INTERFACE,
    SIGNED,
    STRING,
    UINT8,
    Function,
    FunctionError,
    Kind,
    Meter,
)
from appliance.formats.gotemplate.values import TIME, Struct, Time, octets, type_of, zero
from appliance.model.errors import FormatError

_DEEPEST: Final = 100
_NUMERIC_STRING: Final = 18
_STRINGS: Final = {
    "ia5": der.IA5_STRING,
    "printable": der.PRINTABLE_STRING,
    "numeric": _NUMERIC_STRING,
    "utf8": der.UTF8_STRING,
}
_TIMES: Final = {"utc": der.UTC_TIME, "generalized": der.GENERALIZED_TIME}
_UNTAGGED: Final = frozenset({"int", "oid", "bool", "boolean", "raw"})
_PRINTABLE: Final = re.compile(r"[A-Za-z0-9 '()+,\-./:=?]*")
_PRINTABLE_LAX: Final = re.compile(r"[A-Za-z0-9 '()+,\-./:=?*&]*")
_NUMERIC: Final = re.compile(r"[0-9 ]*")
_TRUE: Final = frozenset({"1", "t", "T", "TRUE", "true", "True"})
_FALSE: Final = frozenset({"0", "f", "F", "FALSE", "false", "False"})
_BASIC: Final = INTEGERS | FLOATS | {Kind.BOOL, Kind.STRING, Kind.COMPLEX128}
_ALLOWED: Final = {
    der.IA5_STRING: (re.compile(r"[\x00-\x7f]*"), "IA5String"),
    der.PRINTABLE_STRING: (re.compile(r"[A-Za-z0-9 '()+,\-./:=?*]*"), "PrintableString"),
    _NUMERIC_STRING: (_NUMERIC, "NumericString"),
}


@dataclass(slots=True)
class _Options:
    """What the options of a value ask for."""

    string: int = 0
    time: int = 0
    tag: int | None = None
    explicit: bool = False
    application: bool = False
    private: bool = False
    optional: bool = False
    default: int | None = None
    as_set: bool = False
    omit_empty: bool = False


def _structural(problem: str) -> FunctionError:
    return FunctionError(f"asn1: structure error: {problem}")


def _options(text: str) -> _Options:
    found = _Options()
    for part in text.split(","):
        if part in _STRINGS:
            found.string = _STRINGS[part]
        elif part in _TIMES:
            found.time = _TIMES[part]
        elif part in {"explicit", "application", "private"}:
            setattr(found, part, True)
            found.tag = found.tag or 0
        elif part == "optional":
            found.optional = True
        elif part == "set":
            found.as_set = True
        elif part == "omitempty":
            found.omit_empty = True
        elif part.startswith("tag:"):
            found.tag = _number(part[4:], found.tag)
        elif part.startswith("default:"):
            found.default = _number(part[8:], found.default)
    return found


def _number(digits: str, otherwise: int | None) -> int | None:
    number = conversion.parse_int(digits, 10)
    return otherwise if number is None else number


def _header(kind: int, tag: int, size: int, *, compound: bool) -> bytes:
    """Write tag and length; the class is in the two highest bits of `kind`."""
    first = kind | (0x20 if compound else 0)
    if tag < 31:
        return bytes((first | tag,)) + _length(size)
    octets_of_tag = [tag & 0x7F]
    while tag := tag >> 7:
        octets_of_tag.append(tag & 0x7F | 0x80)
    return bytes((first | 31, *reversed(octets_of_tag))) + _length(size)


def _length(size: int) -> bytes:
    if size < 0x80:
        return bytes((size,))
    written = size.to_bytes((size.bit_length() + 7) // 8)
    return bytes((0x80 | len(written),)) + written


def marshal(value: Any, options: _Options, meter: Meter, depth: int = 0) -> bytes:
    """Encode a value of a type that ASN.1 has. Raises FunctionError."""
    if depth > _DEEPEST:
        raise BudgetError("the data is nested too deep for ASN.1")
    meter.spend(1)
    if value is None:
        raise FunctionError("asn1: cannot marshal nil value")
    if _left_out(value, options):
        return b""
    tag, body, compound = _universal(value, options, meter, depth)
    if options.tag is None:
        return _header(0, tag, len(body), compound=compound) + body
    if options.tag < 0:
        raise _structural("a tag cannot be negative")
    kind = 0x40 if options.application else 0xC0 if options.private else 0x80
    if options.explicit:
        inner = _header(0, tag, len(body), compound=compound) + body
        return _header(kind, options.tag, len(inner), compound=True) + inner
    return _header(kind, options.tag, len(body), compound=compound) + body


def _left_out(value: Any, options: _Options) -> bool:
    kind = type_of(value).kind
    if kind is Kind.SLICE and len(value) == 0 and options.omit_empty:
        return True
    if not options.optional:
        return False
    if options.default is not None:
        return kind in SIGNED and value == options.default
    if kind in _BASIC:
        return not value
    if isinstance(value, Time):
        return bool(value == zero(TIME))
    return bool(getattr(value, "nil", False))


def _universal(value: Any, options: _Options, meter: Meter, depth: int) -> tuple[int, bytes, bool]:
    """Give a value's own tag, its content, and if it is made of others."""
    go_type = type_of(value)
    is_list = go_type.kind is Kind.SLICE and go_type.element is not UINT8
    is_struct = go_type.kind is Kind.STRUCT and isinstance(value, Struct)
    if options.time and not isinstance(value, Time) and _known(value):
        raise _structural("explicit time type given to non-time member")
    if options.string and go_type.kind is not Kind.STRING and _known(value):
        raise _structural("explicit string type given to non-string member")
    if options.as_set and not (is_list or is_struct) and _known(value):
        raise _structural("non sequence tagged as set")
    if is_list:
        parts = [marshal(item, _Options(), meter, depth + 1) for item in value]
    elif is_struct:
        fields = [value.field(field.name) for field in go_type.fields]
        parts = [marshal(item, _Options(), meter, depth + 1) for item in fields]
    else:
        return (*_primitive(value, options), False)
    sort = options.as_set and is_list
    return (0x11 if options.as_set else 0x10), b"".join(sorted(parts) if sort else parts), True


def _known(value: Any) -> bool:
    kind = type_of(value).kind
    return kind in SIGNED or kind in {Kind.BOOL, Kind.STRING, Kind.SLICE, Kind.STRUCT}


def _primitive(value: Any, options: _Options) -> tuple[int, bytes]:
    kind = type_of(value).kind
    if kind is Kind.BOOL:
        return der.BOOLEAN, b"\xff" if value else b"\0"
    if kind in SIGNED:
        return der.INTEGER, der.read(der.integer(int(value))).value
    if kind is Kind.STRING:
        return _string(value, options.string)
    if kind is Kind.SLICE:
        return der.OCTET_STRING, bytes(value)
    if isinstance(value, Time):
        return _time(value, options.time)
    raise _structural(f"unknown Go type: {type_of(value)}")


def _string(value: str, wanted: int) -> tuple[int, bytes]:
    if wanted == 0:
        wanted = der.PRINTABLE_STRING if _PRINTABLE.fullmatch(value) else der.UTF8_STRING
        if any("\ud800" <= char <= "\udfff" for char in value):
            raise FunctionError("asn1: string not valid UTF-8")
    if wanted in _ALLOWED:
        allowed, name = _ALLOWED[wanted]
        if not allowed.fullmatch(value):
            raise _structural(f"{name} contains invalid character")
    return wanted, octets(value)


def _time(value: Time, wanted: int) -> tuple[int, bytes]:
    offset = time_civil.offset_at(value.zone, value.seconds)[1]
    days, _ = divmod(value.seconds + offset, time_civil.DAY)
    year = time_civil.date_of(days)[0]
    general = wanted == der.GENERALIZED_TIME or not 1950 <= year < 2050
    if not 0 <= year <= 9999:
        raise _structural("cannot represent time as GeneralizedTime")
    layout = ("2006" if general else "06") + "0102150405"
    shown = time_layout.format_time(value.seconds, 0, value.zone, layout)
    minutes = abs(offset) // 60
    if minutes == 0:
        shown += "Z"
    else:
        shown += f"{'+' if offset > 0 else '-'}{minutes // 60:02}{minutes % 60:02}"
    return (der.GENERALIZED_TIME if general else der.UTC_TIME), shown.encode()


def _read_time(text: str, kind: str) -> Time:
    try:
        moment = time_parsing.parse_time(time_layout.PLAIN, text)
    except FunctionError as error:
        try:
            moment = time_parsing.parse_time(time_layout.RFC_3339, text)
        except FunctionError:
            raise FunctionError(f"invalid {kind} value: {error}") from None
    return Time(seconds=moment[0], nanoseconds=moment[1], zone=moment[2])


def encode_text(value: str, parameters: str, meter: Meter) -> bytes:
    """Encode what a text says, as one of step's types with options. Raises FunctionError."""
    parts = [part for part in parameters.split(",") if part]
    kinds = [part for part in parts if part in _UNTAGGED or part in _STRINGS or part in _TIMES]
    kind = kinds[-1] if kinds else ""
    options = _options(",".join(part for part in parts if part not in _UNTAGGED))
    match kind:
        case "raw":
            return from_base64(value)
        case "oid":
            return _tagged_oid(value, options)
        case "int":
            number = conversion.parse_int(value, 10)
            if number is None:
                large = conversion.parse_int(value, 10, clamp=True) is not None
                why = "value out of range" if large else "invalid syntax"
                raise FunctionError(
                    f"invalid int value: strconv.Atoi: parsing {quoting.quote(value)}: {why}"
                )
            return marshal(number, options, meter)
        case "bool" | "boolean":
            if value not in _TRUE | _FALSE:
                shown = quoting.quote(value)
                raise FunctionError(
                    f"invalid bool value: strconv.ParseBool: parsing {shown}: invalid syntax"
                )
            return marshal(value in _TRUE, options, meter)
        case "utc" | "generalized":
            return marshal(_read_time(value, kind), options, meter)
        case _:
            _check_string(value, kind)
            return marshal(value, options, meter)


def _check_string(value: str, kind: str) -> None:
    invalid = any("\ud800" <= char <= "\udfff" for char in value)
    if kind == "utf8":
        sound = not invalid
    elif kind == "ia5":
        sound = value.isascii()
    elif kind == "numeric":
        sound = _NUMERIC.fullmatch(value) is not None
    else:
        sound, kind = _PRINTABLE_LAX.fullmatch(value) is not None, "printable"
    if not sound:
        raise FunctionError(f"invalid {kind} value")


def _tagged_oid(text: str, options: _Options) -> bytes:
    arcs = [conversion.parse_int(arc, 10) for arc in text.split(".")] if text else []
    if None in arcs:
        raise FunctionError(
            f"invalid oid value: error unmarshaling json: {text} is not an ASN1 object identifier"
        )
    for asked, problem in (
        (options.time, "explicit time type given to non-time member"),
        (options.string, "explicit string type given to non-string member"),
        (options.as_set, "non sequence tagged as set"),
    ):
        if asked:
            raise _structural(problem)
    if options.omit_empty and not arcs:
        return b""
    try:
        body = der.read(der.oid(".".join(map(str, arcs)))).value
    except FormatError:
        raise _structural("invalid object identifier") from None
    whole = _header(0, der.OBJECT_IDENTIFIER, len(body), compound=False) + body
    if options.tag is None:
        return whole
    kind = 0x40 if options.application else 0xC0 if options.private else 0x80
    if options.explicit:
        return _header(kind, options.tag, len(whole), compound=True) + whole
    return _header(kind, options.tag, len(body), compound=False) + body


def _encode(meter: Meter, text: str) -> str:
    kind, colon, value = text.partition(":")
    parameters, value = (kind, value) if colon else ("printable", text)
    return to_base64(encode_text(value, parameters, meter))


def _marshal(meter: Meter, value: object, *parameters: str) -> str:
    return to_base64(marshal(value, _options(",".join(parameters)), meter))


def _sequence(*parts: str) -> str:
    return to_base64(der.sequence(*map(from_base64, parts)))


def _set(*parts: str) -> str:
    return to_base64(der.tlv(der.SET, *map(from_base64, parts)))


FUNCTIONS: Final[Mapping[str, Function]] = {
    "asn1Enc": metered(_encode, STRING),
    "asn1Marshal": metered(_marshal, INTERFACE, variadic=STRING),
    "asn1Seq": plain(_sequence, variadic=STRING),
    "asn1Set": plain(_set, variadic=STRING),
}
