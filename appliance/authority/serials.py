"""Serial numbers as a person types them to find a certificate: the whole of one, or its beginning.

Decimal digits are a decimal number. What follows `0x`, has colons or has a letter in it is
hexadecimal, as openssl and browsers show it.
"""

import re
from dataclasses import dataclass
from typing import Final

from appliance.model.errors import BadRequest

_DECIMAL: Final = re.compile(r"[0-9]{1,60}")
_HEXADECIMAL: Final = re.compile(r"(?:0[xX])?([0-9a-fA-F]{1,42})")
_COLONS: Final = re.compile(r"(?:[0-9a-fA-F]{1,2}:){1,20}(?:[0-9a-fA-F]{1,2})?")


@dataclass(frozen=True, slots=True)
class SerialBeginning:
    """Digits that a serial number begins with. Hexadecimal ones are lower-case."""

    digits: str
    decimal: bool

    def matches(self, serial: int) -> bool:
        """Say whether a serial number begins so."""
        return any(form.startswith(self.digits) for form in self._forms(serial))

    def is_whole(self, serial: int) -> bool:
        """Say whether it is the whole serial number."""
        return self.digits in self._forms(serial)

    @property
    def ranges(self) -> list[tuple[bytes, bytes]]:
        """Give from where to where the keys are: decimal ASCII, or big-endian octets."""
        if self.decimal:
            start = self.digits.encode()
            return [(start, start[:-1] + bytes((start[-1] + 1,)))]
        forms = {self.digits, "0" + self.digits}  # a leading zero may have been left out
        return [_octets_range(form) for form in sorted(forms)]

    def _forms(self, serial: int) -> tuple[str, ...]:
        if self.decimal:
            return (str(serial),)
        text = f"{serial:x}"
        return (text, "0" + text) if len(text) % 2 else (text,)


def read(text: str) -> SerialBeginning:
    """Read what a person typed. Raises BadRequest."""
    typed = text.strip()
    if _DECIMAL.fullmatch(typed):
        return SerialBeginning(typed.lstrip("0") or "0", decimal=True)
    if match := _HEXADECIMAL.fullmatch(typed):
        return SerialBeginning(match[1].lower(), decimal=False)
    if _COLONS.fullmatch(typed):
        *whole, last = typed.lower().split(":")
        return SerialBeginning("".join(each.zfill(2) for each in whole) + last, decimal=False)
    raise BadRequest(
        f"'{typed[:80]}' is not a serial number: write decimal digits, or hexadecimal ones "
        "after 0x or with colons"
    )


def _octets_range(digits: str) -> tuple[bytes, bytes]:
    """Give the octets that begin with these hexadecimal digits, one of which may be half of one."""
    first = bytes.fromhex(digits if len(digits) % 2 == 0 else digits + "0")
    last = bytes.fromhex(digits if len(digits) % 2 == 0 else digits + "f")
    return first, last + b"\xff" * 21
