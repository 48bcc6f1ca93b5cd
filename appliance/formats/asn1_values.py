"""Values of ASN.1 written as text, `TYPE[,OPTION…]` saying which: step's form for other names.

What has no form of its own here can be given in base64, encoded already (`raw`).
"""

import base64
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

from appliance.formats import der
from appliance.model.errors import FormatError

DEFAULT: Final = "printable"
_NUMERIC_STRING: Final = 18
_INT64: Final = 1 << 63
_PRINTABLE: Final = re.compile(r"[A-Za-z0-9 '()+,\-./:=?]*")  # X.680 section 41.4
_NUMERIC: Final = re.compile(r"[0-9 ]*")
_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,19}")
_TRUE: Final = ("1", "t", "T", "TRUE", "true", "True")
_FALSE: Final = ("0", "f", "F", "FALSE", "false", "False")
_FALSE_OCTETS: Final = b"\x01\x01\0"
_TIME: Final = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:[.,]\d+)?"
    r"(?:(?P<utc>Z)|(?P<offset>[+-]\d\d:\d\d)| (?P<zone>[+-]\d{4}) [A-Z][A-Za-z0-9+-]{2,5})",
    re.ASCII,
)


def split(text: str) -> tuple[str, str]:
    """Take `TYPE:value` apart; without a colon it is a PrintableString. Gives type and value."""
    kind, colon, value = text.partition(":")
    return (kind, value) if colon else (DEFAULT, text)


def encode(value: str, parameters: str, *, explicit: int | None = None) -> bytes:
    """Encode what the text says, inside the tag `[explicit]` where that is given.

    A `raw` value is taken as it is, without that tag; a type that nobody knows is a string.
    Raises FormatError for a value that is not of the type.
    """
    known = [part for part in parameters.split(",") if part in _ENCODERS]
    kind = known[-1] if known else ""
    if kind == "raw":
        return _raw(value)
    encoded = _ENCODERS.get(kind, _unnamed)(value)
    return encoded if explicit is None else der.context(explicit, encoded)


def string(text: str) -> bytes:
    """Write a PrintableString where the text allows it, else a UTF8String, as Go does."""
    return printable(text) if _PRINTABLE.fullmatch(text) else _utf8(text)


def printable(text: str) -> bytes:
    """Write a PrintableString; an asterisk passes, since wildcards are written so."""
    if not _PRINTABLE.fullmatch(text.replace("*", "")):
        raise _wrong(text, "PrintableString")
    return der.tlv(der.PRINTABLE_STRING, text.encode())


def ia5(text: str) -> bytes:
    """Write an IA5String, which is ASCII."""
    if not text.isascii():
        raise _wrong(text, "IA5String")
    return der.tlv(der.IA5_STRING, text.encode())


def integer(text: str) -> int:
    """Read a decimal integer of 64 bits."""
    if not _INTEGER.fullmatch(text) or not -_INT64 <= int(text) < _INT64:
        raise _wrong(text, "integer of 64 bits")
    return int(text)


def _unnamed(text: str) -> bytes:
    if not _PRINTABLE.fullmatch(text.replace("*", "").replace("&", "")):
        raise _wrong(text, "PrintableString")
    return string(text)


def _utf8(text: str) -> bytes:
    try:
        return der.utf8_string(text)
    except UnicodeEncodeError:
        raise _wrong(text, "UTF8String") from None


def _numeric(text: str) -> bytes:
    if not _NUMERIC.fullmatch(text):
        raise _wrong(text, "NumericString")
    return der.tlv(_NUMERIC_STRING, text.encode())


def _identifier(text: str) -> bytes:
    arcs = text.split(".")
    if not all(_INTEGER.fullmatch(arc) for arc in arcs):
        raise _wrong(text, "object identifier")
    return der.oid(".".join(str(int(arc)) for arc in arcs))


def _boolean(text: str) -> bytes:
    if text not in (*_TRUE, *_FALSE):
        raise _wrong(text, "boolean")
    return der.TRUE if text in _TRUE else _FALSE_OCTETS


def _utc_time(text: str) -> bytes:
    moment = _moment(text)
    if not 1950 <= moment.year < 2050:
        return _generalized_time(text)  # as RFC 5280 4.1.2.5 goes on where UTCTime ends
    return der.tlv(der.UTC_TIME, f"{moment:%y%m%d%H%M%S}{_offset(moment)}".encode())


def _generalized_time(text: str) -> bytes:
    moment = _moment(text)
    shown = f"{moment.year:04}{moment:%m%d%H%M%S}{_offset(moment)}"
    return der.tlv(der.GENERALIZED_TIME, shown.encode())


def _moment(text: str) -> datetime:
    """Read RFC 3339, or the form in which Go prints a time; the offset stays as it is written."""
    match = _TIME.fullmatch(text)
    if match is None:
        raise _wrong(text, "time such as 2030-01-31T12:00:00Z")
    offset = (match["offset"] or match["zone"] or "+0000").replace(":", "")
    span = timedelta(hours=int(offset[1:3]), minutes=int(offset[3:]))
    try:
        zone = timezone(-span if offset[0] == "-" else span) if span else UTC
        year, month, day, hour, minute, second = (int(match[group]) for group in range(1, 7))
        return datetime(year, month, day, hour, minute, second, tzinfo=zone)
    except ValueError:
        raise _wrong(text, "time of the calendar") from None


def _offset(moment: datetime) -> str:
    shown = f"{moment:%z}"
    return "Z" if shown == "+0000" else shown


def _raw(text: str) -> bytes:
    packed = text.replace("\r", "").replace("\n", "")
    try:
        if len(packed) % 4 == 0:
            return base64.b64decode(packed, validate=True)
    except ValueError:
        pass
    raise _wrong(text, "base64")


_ENCODERS: Final[Mapping[str, Callable[[str], bytes]]] = {
    "printable": printable,
    "utf8": _utf8,
    "ia5": ia5,
    "numeric": _numeric,
    "int": lambda text: der.integer(integer(text)),
    "oid": _identifier,
    "utc": _utc_time,
    "generalized": _generalized_time,
    "bool": _boolean,
    "boolean": _boolean,
    "raw": _raw,
}


def _wrong(text: str, wanted: str) -> FormatError:
    return FormatError(f"{text[:80]!r} is no {wanted}")
