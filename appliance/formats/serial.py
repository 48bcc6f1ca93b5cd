"""Serial numbers as people type them."""

import re

from appliance.model.errors import FormatError

_BASES = {"0x": 16, "0b": 2, "0o": 8}
_FORM = re.compile(
    r"[+-]?(?:0[xX](?:_?[0-9a-fA-F])+|0[bB](?:_?[01])+|0[oO]?(?:_?[0-7])+|0|[1-9](?:_?[0-9])*)"
)


def parse(text: str) -> int:
    """Read decimal, `0x…`, `0b…`, `0o…` or `0…` (octal), with `_` between digits as Go allows.

    Raises FormatError.
    """
    if len(text) > 600 or not _FORM.fullmatch(text):
        raise FormatError(
            f"'{text[:80]}' is not a valid serial number: use a base 10 or 0x… number"
        )
    digits = text.lstrip("+-")
    base = _BASES.get(digits[:2].lower())
    if base is None:
        base = 8 if digits[0] == "0" and len(digits) > 1 else 10
    else:
        digits = digits[2:].lstrip("_")
    number = int(digits, base)
    return -number if text[0] == "-" else number
