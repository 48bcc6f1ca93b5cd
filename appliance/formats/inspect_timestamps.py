"""Signed certificate timestamps (RFC 6962 section 3.3): who has seen a certificate, and when."""

import base64
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from appliance.formats import der
from appliance.formats.inspect_names import day
from appliance.model.errors import FormatError

_DIGESTS = ("None", "MD5", "SHA1", "SHA224", "SHA256", "SHA384", "SHA512")
_KEYS = ("Anonymous", "RSA", "DSA", "ECDSA")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedTimestamp:
    """One log's promise. `milliseconds` count from 1970; `signed` is algorithm and signature."""

    version: int
    log_id: bytes
    milliseconds: int
    signed: bytes


def read(value: bytes) -> list[SignedTimestamp]:
    """Read the list out of its extension. Raises FormatError."""
    listed, rest = _vector(der.expect(der.read(value), der.OCTET_STRING).value)
    found = []
    while listed and not rest:
        one, listed = _vector(listed)
        _, signed = _vector(one[41:])  # no extensions are defined
        if len(one) < 43 or len(signed) < 4:
            raise FormatError("a certificate timestamp that is cut off")
        found.append(
            SignedTimestamp(
                version=one[0],
                log_id=one[1:33],
                milliseconds=int.from_bytes(one[33:41]),
                signed=signed,
            )
        )
    return found


def timestamps(value: bytes) -> list[str]:
    """Write the list as lines. Raises FormatError."""
    lines = []
    for number, each in enumerate(read(value)):
        digest, key = each.signed[0], each.signed[1]
        signature, _ = _vector(each.signed[2:])
        name = f"{_named(_DIGESTS, digest)}-{_named(_KEYS, key)}"
        octets = signature.hex(":")
        lines += [
            f"SCT [{number}]:",
            f"    Version: V{each.version + 1} ({each.version:#x})",
            f"    LogID: {base64.b64encode(each.log_id).decode()}",
            f"    Timestamp: {_moment(each.milliseconds)}",
            f"    Signature Algorithm: {name}",
            *(f"      {octets[i : i + 54]}" for i in range(0, len(octets), 54)),
        ]
    return lines


def _vector(octets: bytes) -> tuple[bytes, bytes]:
    """Take what a length of two octets says, and give the rest as well."""
    size = int.from_bytes(octets[:2])
    if len(octets) < size + 2:
        raise FormatError("a list of certificate timestamps that is cut off")
    return octets[2 : size + 2], octets[size + 2 :]


def _named(names: tuple[str, ...], number: int) -> str:
    return names[number] if number < len(names) else f"UNKNOWN({number})"


def _moment(milliseconds: int) -> str:
    try:
        moment = _EPOCH + timedelta(milliseconds=milliseconds)
    except OverflowError:
        raise FormatError("a certificate timestamp out of the calendar") from None
    return f"{day(moment)} {moment:%H:%M:%S}.{milliseconds % 1000:03} {moment.year} UTC"
