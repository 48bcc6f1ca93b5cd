"""JSON as Go decodes it into an interface {}: numbers are float64, texts are Unicode."""

import json
from collections.abc import Mapping
from typing import Any

from appliance.model.errors import FormatError


def from_json(document: str | bytes) -> Any:
    """Read JSON as Go reads it into an interface {}. Raises FormatError."""
    try:
        decoded = json.loads(document, parse_int=_float, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"invalid JSON: {error}") from None
    return from_decoded(decoded)


def from_decoded(value: object) -> Any:
    """Make decoded JSON what Go would have decoded: numbers are float64, texts are Unicode.

    Raises FormatError for numbers beyond a float64 and for nesting beyond measure.
    """
    try:
        return _decoded(value)
    except (OverflowError, RecursionError):
        raise FormatError("invalid JSON: a number is too large, or it is nested too deep") from None


def _decoded(value: object) -> Any:
    if isinstance(value, str):
        return (
            value
            if value.isascii()
            else value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        )
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int | float):
        number = float(value)
        if number in (float("inf"), float("-inf")):
            raise OverflowError
        return number
    if isinstance(value, Mapping):
        return {_decoded(str(key)): _decoded(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_decoded(each) for each in value]
    raise TypeError(f"{type(value).__name__} does not come from JSON")


def _float(digits: str) -> float:
    return float(digits)


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is no number in JSON")
