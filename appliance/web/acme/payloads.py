"""What ACME's requests say: JSON objects, each member of its type; unknown ones are ignored."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeVar

import msgspec

from appliance.authority.acme.orders import NewOrder
from appliance.formats import base64url
from appliance.formats.timeorduration import parse_time
from appliance.issuance.acme import identifiers, subdomains
from appliance.issuance.periods import UNSET
from appliance.model.acme import malformed
from appliance.model.errors import FormatError

T = TypeVar("T")


def members(payload: bytes) -> dict[str, Any]:
    """Read an object. Raises AcmeError."""
    try:
        found = msgspec.json.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise malformed("the payload is not JSON") from None
    if not isinstance(found, dict):
        raise malformed("the payload must be a JSON object")
    return found


def nothing(payload: bytes) -> None:
    """See that it is a POST-as-GET (RFC 8555 6.3). Raises AcmeError."""
    if payload:
        raise malformed("expected POST-as-GET: the payload must be empty")


def flag(found: dict[str, Any], name: str) -> bool:
    """Read a boolean; absent is false."""
    return _of(found, name, bool, "true or false") or False


def text(found: dict[str, Any], name: str) -> str | None:
    """Read a text, if it is there."""
    return _of(found, name, str, "text")


def texts(found: dict[str, Any], name: str) -> Sequence[str] | None:
    """Read a list of texts, if it is there."""
    value = found.get(name)
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise malformed(f"{name} must be a list of texts")
    return value


def integer(found: dict[str, Any], name: str) -> int | None:
    """Read an integer, if it is there."""
    if isinstance(found.get(name), bool):
        raise malformed(f"{name} must be an integer")
    return _of(found, name, int, "an integer")


def octets(found: dict[str, Any], name: str) -> bytes:
    """Read base64url, whose padding some clients leave in."""
    written = text(found, name)
    if not written:
        raise malformed(f"{name} is missing")
    try:
        return base64url.decode(written.rstrip("="))
    except FormatError as error:
        raise malformed(f"{name} is not base64url") from error


def new_order(payload: bytes) -> NewOrder:
    """Read what is ordered. Raises AcmeError."""
    found = members(payload)
    return NewOrder(
        identifiers=identifiers.read_all(found.get("identifiers")),
        not_before=_moment(found, "notBefore"),
        not_after=_moment(found, "notAfter"),
        replaces=text(found, "replaces") or "",
        profile=text(found, "profile") or "",
        ancestors=subdomains.read_ancestors(found.get("identifiers")),
    )


def _moment(found: dict[str, Any], name: str) -> datetime | None:
    """Read a time; step's client sends the year 1 for none."""
    written = text(found, name)
    if not written:
        return None
    try:
        moment = parse_time(written)
    except FormatError as error:
        raise malformed(f"{name}: {error.public}") from error
    return None if moment == UNSET else moment


def _of(found: dict[str, Any], name: str, kind: type[T], called: str) -> T | None:
    value = found.get(name)
    if value is None:
        return None
    if not isinstance(value, kind):
        raise malformed(f"{name} must be {called}")
    return value
