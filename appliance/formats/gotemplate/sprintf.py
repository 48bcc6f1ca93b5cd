"""Go's fmt.Sprintf: reads the format and hands each argument to the Printer."""

import re
from collections.abc import Sequence
from typing import Any, Final

from appliance.formats.gotemplate.formatting import Flags
from appliance.formats.gotemplate.printing import Printer
from appliance.formats.gotemplate.quoting import REPLACEMENT
from appliance.formats.gotemplate.signatures import INTEGERS, Meter
from appliance.formats.gotemplate.values import type_of

_LARGEST: Final = 1_000_000
_PLAIN: Final = re.compile(r"[^%]*")
_DIGITS: Final = re.compile(r"[0-9]*")
_FLAG_NAMES: Final = {"#": "sharp", "0": "zero", "+": "plus", "-": "minus", " ": "space"}


def sprintf(template: str, values: Sequence[Any], meter: Meter) -> str:
    """Write the values by the format, with fmt's own marks where they do not fit."""
    return _Formatter(template, values, meter).run()


class _Formatter:
    """One call: where it is in the format, and which argument is next."""

    __slots__ = (
        "_after_index",
        "_good_index",
        "_next",
        "_position",
        "_printer",
        "_reordered",
        "_template",
        "_values",
    )

    def __init__(self, template: str, values: Sequence[Any], meter: Meter) -> None:
        self._template = template
        self._values = values
        self._printer = Printer(meter)
        self._position = self._next = 0
        self._reordered = self._after_index = False
        self._good_index = True

    def run(self) -> str:
        template = self._template
        while self._position < len(template):
            plain = _PLAIN.match(template, self._position)
            if plain is not None and plain[0]:
                self._printer.write(plain[0])
                self._position = plain.end()
            if self._position < len(template):
                self._position += 1
                self._directive()
        self._show_extra()
        return self._printer.result()

    def _directive(self) -> None:
        """Read what follows a percent sign, and write the argument."""
        flags = self._printer.flags = Flags()
        self._good_index = True
        while (name := _FLAG_NAMES.get(self._here())) is not None:
            setattr(flags, name, True)
            self._position += 1
        self._read_index()
        self._read_width(flags)
        if self._here() == "." and self._position + 1 < len(self._template):
            self._read_precision(flags)
        if not self._after_index:
            self._read_index()
        if self._position >= len(self._template):
            self._printer.write("%!(NOVERB)")
            return
        verb = self._here()
        self._position += 1
        self._verb(REPLACEMENT if "\ud800" <= verb <= "\udfff" else verb, flags)

    def _verb(self, verb: str, flags: Flags) -> None:
        if verb == "%":
            self._printer.write("%")
        elif not self._good_index:
            self._printer.write(f"%!{verb}(BADINDEX)")
        elif self._next >= len(self._values):
            self._printer.write(f"%!{verb}(MISSING)")
        else:
            if verb in "vw":
                flags.sharp_v, flags.sharp = flags.sharp, False
                flags.plus_v, flags.plus = flags.plus, False
            self._printer.argument(self._values[self._next], verb)
            self._next += 1

    def _here(self) -> str:
        return self._template[self._position : self._position + 1]

    def _read_width(self, flags: Flags) -> None:
        if self._here() != "*":
            flags.width = self._number()
            if self._after_index and flags.width is not None:
                self._good_index = False
            return
        self._position += 1
        width = self._integer_argument()
        if width is None:
            self._printer.write("%!(BADWIDTH)")
        elif width < 0:
            flags.minus, flags.zero = True, False
            width = -width
        flags.width = width
        self._after_index = False

    def _read_precision(self, flags: Flags) -> None:
        self._position += 1
        if self._after_index:
            self._good_index = False
        self._read_index()
        if self._here() != "*":
            flags.precision = self._number() or 0
            return
        self._position += 1
        precision = self._integer_argument()
        if precision is not None and precision < 0:
            precision = None
        if precision is None:
            self._printer.write("%!(BADPREC)")
        flags.precision = precision
        self._after_index = False

    def _number(self) -> int | None:
        """Read digits; too many of them end the format, as in Go."""
        match = _DIGITS.match(self._template, self._position)
        digits = match[0] if match is not None else ""
        number = _small(digits)
        self._position = len(self._template) if number is None else self._position + len(digits)
        return number if digits else None

    def _read_index(self) -> None:
        """Read an explicit argument number, such as [2]."""
        self._after_index = False
        if self._here() != "[":
            return
        self._reordered = True
        rest = self._template[self._position :]
        end = rest.find("]", 1) if len(rest) >= 3 else -1
        if end < 0:
            self._position += 1
            self._good_index = False
            return
        self._position += end + 1
        digits = rest[1:end]
        number = _small(digits) if digits.isascii() and digits.isdigit() else None
        self._after_index = number is not None
        if number is not None and 1 <= number <= len(self._values):
            self._next = number - 1
        else:
            self._good_index = False

    def _integer_argument(self) -> int | None:
        """Take an argument for `*`; None if it is no integer or too large."""
        if self._next >= len(self._values):
            return None
        value = self._values[self._next]
        self._next += 1
        if value is None or type_of(value).kind not in INTEGERS:
            return None
        return None if abs(value) > _LARGEST else int(value)

    def _show_extra(self) -> None:
        """Tell of arguments that no verb took."""
        if self._reordered or self._next >= len(self._values):
            return
        printer = self._printer
        printer.flags = Flags()
        printer.write("%!(EXTRA ")
        for place, value in enumerate(self._values[self._next :]):
            if place:
                printer.write(", ")
            if value is None:
                printer.write("<nil>")
            else:
                printer.write(f"{type_of(value).name}=")
                printer.argument(value, "v")
        printer.write(")")


def _small(digits: str) -> int | None:
    """Read a number as fmt does, which gives up on a digit behind more than a million."""
    number = 0
    for digit in digits:
        if number > _LARGEST:
            return None
        number = number * 10 + int(digit)
    return number
