"""Values as JSON octet by octet as Go's encoding/json writes them, and JSON as values."""

import base64
import json
import math
import re
from collections.abc import Mapping
from typing import Any, Final, NoReturn

from appliance.formats.gotemplate import floats
from appliance.formats.gotemplate.decoding import from_decoded, from_json
from appliance.formats.gotemplate.errors import BudgetError
from appliance.formats.gotemplate.library import reflection
from appliance.formats.gotemplate.library.declaring import metered
from appliance.formats.gotemplate.signatures import (
    FLOATS,
    INTEGERS,
    INTERFACE,
    STRING,
    UINT8,
    Function,
    FunctionError,
    Kind,
    Meter,
    Type,
)
from appliance.formats.gotemplate.values import (
    Pointer,
    Struct,
    Uint8,
    is_nil,
    octets,
    sorted_keys,
    type_of,
)
from appliance.model.errors import FormatError

_DEEPEST: Final = 100
_ALWAYS: Final = re.compile('[\x00-\x1f"\\\\\u2028\u2029\ud800-\udfff]')
_HTML: Final = re.compile('[\x00-\x1f"\\\\<>&\u2028\u2029\ud800-\udfff]')
_EXPONENT: Final = re.compile(r"[0-9][eE]|[0-9]{308}")  # a number may be too large
_NAMED: Final = {
    '"': '\\"',
    "\\": "\\\\",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
}


def encode(value: Any, meter: Meter, *, html: bool = True, indent: str = "") -> str:
    """Write JSON; with `html` safe inside of HTML, with `indent` over several lines.

    Raises FunctionError for what JSON cannot hold.
    """
    writer = _Writer(meter, html=html, indent=indent)
    writer.write(value, 0)
    return "".join(writer.parts)


class _Writer:
    def __init__(self, meter: Meter, *, html: bool, indent: str) -> None:
        self.parts: list[str] = []
        self._meter = meter
        self._special = _HTML if html else _ALWAYS
        self._indent = indent

    def _put(self, piece: str) -> None:
        self._meter.spend(1 + (len(piece) >> 6))
        self.parts.append(piece)

    def write(self, value: Any, depth: int) -> None:
        """Write a value; `depth` is how many others it is in."""
        if depth > _DEEPEST:
            raise BudgetError("the data is nested too deep for JSON")
        if value is None:
            self._put("null")
            return
        go_type = type_of(value)
        if go_type.json is not None and not is_nil(value):
            self.write(go_type.json(value), depth + 1)
        elif go_type.kind is Kind.STRING:
            self._put(self._text(value))
        elif go_type.kind is Kind.BOOL:
            self._put("true" if value else "false")
        elif go_type.kind in INTEGERS:
            self._put(str(int(value)))
        elif go_type.kind in FLOATS:
            self._put(_number(value, go_type))
        else:
            self._compound(value, go_type, depth)

    def _compound(self, value: Any, go_type: Type, depth: int) -> None:
        match go_type.kind:
            case Kind.SLICE | Kind.ARRAY:
                self._list(value, go_type, depth)
            case Kind.MAP if is_nil(value):
                self._put("null")
            case Kind.MAP:
                self._object([(_key(key), value[key]) for key in sorted_keys(value)], depth)
            case Kind.STRUCT if isinstance(value, Struct):
                self._object(_fields(value), depth)
            case Kind.POINTER:
                self.write(value.target if isinstance(value, Pointer) else None, depth + 1)
            case _:
                raise FunctionError(f"json: unsupported type: {go_type}")

    def _list(self, value: Any, go_type: Type, depth: int) -> None:
        if is_nil(value):
            self._put("null")
        elif isinstance(value, bytes) and go_type.kind is Kind.SLICE and go_type.element is UINT8:
            self._meter.reserve(len(value) * 4 // 3 + 4)
            self._put(f'"{base64.b64encode(value).decode()}"')
        else:
            items = map(Uint8, value) if isinstance(value, bytes) else value
            self._between("[", "]", [("", item) for item in items], depth)

    def _object(self, members: list[tuple[str, Any]], depth: int) -> None:
        colon = ": " if self._indent else ":"
        self._between("{", "}", [(self._text(key) + colon, item) for key, item in members], depth)

    def _between(
        self, opening: str, closing: str, members: list[tuple[str, Any]], depth: int
    ) -> None:
        line = "\n" + self._indent * (depth + 1) if self._indent else ""
        self._put(opening)
        for place, (lead, item) in enumerate(members):
            self._put(("," if place else "") + line + lead)
            self.write(item, depth + 1)
        self._put((line[: -len(self._indent)] if members and line else "") + closing)

    def _text(self, string: str) -> str:
        self._meter.reserve(len(string))
        return '"' + self._special.sub(_escape, string) + '"'


def _escape(match: re.Match[str]) -> str:
    char = match[0]
    if char >= "\ud800" and char <= "\udfff":
        return "\\ufffd"
    return _NAMED.get(char) or f"\\u{ord(char):04x}"


def _number(number: float, go_type: Type) -> str:
    if not math.isfinite(number):
        raise FunctionError(f"json: unsupported value: {floats.format_float(number, 'g', -1)}")
    bits = 32 if go_type.kind is Kind.FLOAT32 else 64
    size = abs(number)
    if size == 0 or 1e-6 <= size < 1e21:
        return floats.format_float(number, "f", -1, bits=bits)
    digits = floats.format_float(number, "e", -1, bits=bits)
    return digits[:-2] + digits[-1] if digits[-4:-1] == "e-0" else digits


def _key(key: Any) -> str:
    go_type = type_of(key)
    if go_type.kind is Kind.STRING:
        return str(key)
    if go_type.kind in INTEGERS:
        return str(int(key))
    raise FunctionError(f"json: unsupported type: map[{go_type}]")


def _fields(value: Struct) -> list[tuple[str, Any]]:
    found = [(field, value.field(field.name)) for field in value.go_type.fields if field.json]
    return [
        (field.json, item)
        for field, item in found
        if not (field.omit_empty and reflection.is_empty(item))
    ]


def decode(document: str, *, strict: bool = True) -> Any:
    """Read JSON; unless `strict`, a number beyond a float64 is nil. Raises FunctionError."""
    text = octets(document).decode("utf-8", "replace")
    try:
        if strict or not _EXPONENT.search(text):
            return from_json(text)
        decoded = json.loads(text, parse_int=_float, parse_float=_float, parse_constant=_refuse)
        return from_decoded(decoded)
    except FormatError as error:
        raise FunctionError(error.public) from None
    except (ValueError, RecursionError) as error:
        raise FunctionError(f"invalid JSON: {error}") from None


def _float(digits: str) -> float | None:
    number = float(digits)
    return None if math.isinf(number) else number


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number in JSON")


def _from_json(meter: Meter, document: str) -> Any:
    meter.spend(len(document) >> 4)
    try:
        return decode(document, strict=False)
    except FunctionError:
        return None


def _must_from_json(meter: Meter, document: str) -> Any:
    meter.spend(len(document) >> 4)
    return decode(document)


def _quietly(meter: Meter, value: object, *, indent: str = "") -> str:
    try:
        return encode(value, meter, indent=indent)
    except FunctionError:
        return ""


_RAW: Final = metered(lambda meter, value: encode(value, meter, html=False), INTERFACE)

FUNCTIONS: Final[Mapping[str, Function]] = {
    "fromJson": metered(_from_json, STRING),
    "mustFromJson": metered(_must_from_json, STRING),
    "toJson": metered(_quietly, INTERFACE),
    "mustToJson": metered(lambda meter, value: encode(value, meter), INTERFACE),
    "toPrettyJson": metered(lambda meter, value: _quietly(meter, value, indent="  "), INTERFACE),
    "mustToPrettyJson": metered(lambda meter, value: encode(value, meter, indent="  "), INTERFACE),
    "toRawJson": _RAW,
    "mustToRawJson": _RAW,
}
