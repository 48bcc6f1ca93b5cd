"""What Go's fmt makes of any value: Sprint, Sprintln, and each verb of Sprintf.

Addresses (%p, and pointers inside of other values) are no two times the same in Go, and always
0xc000000000 here.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC
from typing import Any, ClassVar, Final

from appliance.formats.gotemplate import formatting
from appliance.formats.gotemplate.errors import BudgetError
from appliance.formats.gotemplate.formatting import Flags
from appliance.formats.gotemplate.methods import call_plain, find
from appliance.formats.gotemplate.signatures import (
    INT64,
    INTERFACE,
    SIGNED,
    UINT8,
    UINT64,
    FunctionError,
    Kind,
    Meter,
    Type,
    pointer_to,
)
from appliance.formats.gotemplate.values import (
    Int64,
    Pointer,
    Struct,
    Time,
    Uint8,
    Uint64,
    is_nil,
    joined,
    sorted_keys,
    type_of,
)

_ADDRESS: Final = 0xC000000000
_DEEPEST: Final = 100  # data within data
_YEAR_ONE: Final = 62_135_596_800  # seconds before 1970
_LOCATION: Final = pointer_to(Type(name="time.Location", kind=Kind.STRUCT, defined=True))
_BASES: Final = {"d": 10, "v": 10, "b": 2, "o": 8, "O": 8, "x": 16, "X": 16}
_FLOAT_PRECISION: Final = {"b": -1, "g": -1, "G": -1, "x": -1, "X": -1, "f": 6, "e": 6, "E": 6}
_BY_TEXT: Final = "vsxXq"
_CHARACTERS: Final[dict[str, Callable[[int, Flags, Meter], str]]] = {
    "c": formatting.show_character,
    "q": formatting.show_quoted_character,
    "U": formatting.show_code_point,
}
_SHOWN_BEHIND: Final = frozenset({Kind.SLICE, Kind.ARRAY, Kind.STRUCT, Kind.MAP})
_REFERENCES: Final = frozenset({Kind.MAP, Kind.SLICE, Kind.POINTER, Kind.FUNC})


def sprint(values: Iterable[Any], meter: Meter) -> str:
    """Write them one after another, with a space between two that are no strings."""
    printer = Printer(meter)
    after_string = True
    for value in values:
        is_string = isinstance(value, str)
        if not is_string and not after_string:
            printer.write(" ")
        printer.argument(value, "v")
        after_string = is_string
    return printer.result()


def sprintln(values: Iterable[Any], meter: Meter) -> str:
    """Write them with spaces between, and a line's end."""
    printer = Printer(meter)
    for place, value in enumerate(values):
        if place:
            printer.write(" ")
        printer.argument(value, "v")
    printer.write("\n")
    return printer.result()


class Printer:
    """Writes values by verbs; `flags` are the present verb's."""

    __slots__ = ("_erroring", "_meter", "_parts", "flags")

    def __init__(self, meter: Meter) -> None:
        self.flags = Flags()
        self._meter = meter
        self._parts: list[str] = []
        self._erroring = False

    def write(self, piece: str) -> None:
        """Put a piece of the result down."""
        self._meter.spend(1 + (len(piece) >> 8))
        self._parts.append(piece)

    def result(self) -> str:
        """Give all that was written."""
        return self._parts[0] if len(self._parts) == 1 else joined(self._parts)

    def argument(self, value: Any, verb: str) -> None:
        """Write an argument of the call."""
        if value is None:
            if verb in "Tv":
                self.write(formatting.pad("<nil>", self.flags, self._meter))
            else:
                self._bad_verb(verb, None)
        elif verb == "T":
            self.write(formatting.show_string(type_of(value).name, self.flags, self._meter))
        elif verb == "p":
            self._pointer(value, verb)
        elif type(value) is str:
            self._string(value, verb)
        elif type(value) is bytes:
            self._octets(value, verb, "[]byte" if verb in "vd" else "[]uint8", 0)
        elif not self._by_method(value, verb):
            self._value(value, verb, 0)

    def _nested(self, value: Any, verb: str, depth: int, static: Type | None) -> None:
        """Write a part of another value."""
        if depth > _DEEPEST:
            raise BudgetError("the data is nested too deep to be printed")
        if value is None:
            self.write(f"{static}(nil)" if self.flags.sharp_v else "<nil>")
        elif type(value) is str:
            self._string(value, verb)
        elif not self._by_method(value, verb):
            self._value(value, verb, depth)

    def _value(self, value: Any, verb: str, depth: int) -> None:
        """Write a value by its kind."""
        write: Callable[..., None] = self._writers.get(type_of(value).kind, Printer._integer)
        write(self, value, verb, depth)

    def _by_method(self, value: Any, verb: str) -> bool:
        """Let its Error, String or GoString method say how it is written, if it has one."""
        if self._erroring:
            return False
        if verb == "w":
            self._bad_verb(verb, value)
            return True
        if verb not in _BY_TEXT:
            return False
        names = ("GoString",) if self.flags.sharp_v else ("Error", "String")
        for name in names:
            if find(value, name) is not None:
                self._by_result(value, verb, name)
                return True
        return False

    def _by_result(self, value: Any, verb: str, name: str) -> None:
        """Write what the method says, or that it failed."""
        if isinstance(value, Pointer) and value.target is None:
            self.write("<nil>")
            return
        try:
            shown = str(call_plain(value, name, self._meter))
        except FunctionError as error:
            self.write(f"%!{verb}(PANIC={name} method: {error})")
            return
        if self.flags.sharp_v:
            self.write(formatting.show_string(shown, self.flags, self._meter))
        else:
            self._string(shown, verb)

    def _bad_verb(self, verb: str, value: Any) -> None:
        """Write `%!d(string=text)`: the verb does not go with the value."""
        self._erroring = True
        if value is None:
            self.write(f"%!{verb}(<nil>)")
        else:
            self.write(f"%!{verb}({type_of(value).name}=")
            self._value(value, "v", 0)
            self.write(")")
        self._erroring = False

    def _boolean(self, value: Any, verb: str, _depth: int = 0) -> None:
        if verb in "tv":
            self.write(formatting.show_boolean(bool(value), self.flags, self._meter))
        else:
            self._bad_verb(verb, value)

    def _string(self, value: Any, verb: str, _depth: int = 0) -> None:
        if verb == "s" or (verb == "v" and not self.flags.sharp_v):
            self.write(formatting.show_string(value, self.flags, self._meter))
        elif verb in ("q", "v"):
            self.write(formatting.show_quoted(value, self.flags, self._meter))
        elif verb in ("x", "X"):
            data = formatting.octets_of(value)
            self.write(
                formatting.show_hexadecimal(data, self.flags, self._meter, upper=verb == "X")
            )
        else:
            self._bad_verb(verb, value)

    def _integer(self, value: Any, verb: str, _depth: int = 0) -> None:
        number = int(value)
        if verb == "v" and self.flags.sharp_v and type_of(value).kind not in SIGNED:
            self._word(number, prefixed=True)
        elif verb in _BASES:
            self.write(formatting.show_integer(number, _BASES[verb], verb, self.flags, self._meter))
        elif verb in _CHARACTERS:
            self.write(_CHARACTERS[verb](number, self.flags, self._meter))
        else:
            self._bad_verb(verb, value)

    def _word(self, number: int, *, prefixed: bool) -> None:
        """Write a number as 0x…, or without its prefix."""
        sharp, self.flags.sharp = self.flags.sharp, prefixed
        self.write(formatting.show_integer(number, 16, "v", self.flags, self._meter))
        self.flags.sharp = sharp

    def _float(self, value: Any, verb: str, _depth: int = 0) -> None:
        chosen = {"v": "g", "F": "f"}.get(verb, verb)
        if chosen not in _FLOAT_PRECISION:
            self._bad_verb(verb, value)
            return
        bits = 32 if type_of(value).kind is Kind.FLOAT32 else 64
        precision = _FLOAT_PRECISION[chosen]
        self.write(
            formatting.show_float(value, chosen, precision, self.flags, self._meter, bits=bits)
        )

    def _complex(self, value: Any, verb: str, _depth: int = 0) -> None:
        if verb != "v" and verb not in _FLOAT_PRECISION and verb != "F":
            self._bad_verb(verb, value)
            return
        plus = self.flags.plus
        self.write("(")
        self._float(value.real, verb)
        self.flags.plus = True
        self._float(value.imag, verb)
        self.write("i)")
        self.flags.plus = plus

    def _octets(self, value: Any, verb: str, name: str, depth: int) -> None:
        if verb in ("s", "q"):
            show = formatting.show_string if verb == "s" else formatting.show_quoted
            self.write(show(formatting.string_of(value), self.flags, self._meter))
        elif verb in ("x", "X"):
            self.write(
                formatting.show_hexadecimal(
                    bytes(value), self.flags, self._meter, upper=verb == "X"
                )
            )
        else:
            self._items(
                [Uint8(each) for each in value], verb, depth, name, UINT8, nil=is_nil(value)
            )

    def _list(self, value: Any, verb: str, depth: int) -> None:
        go_type = type_of(value)
        if isinstance(value, bytes):
            self._octets(value, verb, go_type.name, depth)
        elif go_type.element is UINT8 and verb in ("s", "q", "x", "X"):
            self._octets(bytes(value), verb, go_type.name, depth)
        else:
            self._items(value, verb, depth, go_type.name, go_type.element, nil=is_nil(value))

    def _items(
        self,
        items: Iterable[Any],
        verb: str,
        depth: int,
        name: str,
        element: Type | None,
        *,
        nil: bool,
    ) -> None:
        """Write a list: `[1 2]`, or `[]int{1, 2}`."""
        sharp = self.flags.sharp_v
        if sharp and nil:
            self.write(f"{name}(nil)")
            return
        self.write(f"{name}{{" if sharp else "[")
        for place, item in enumerate(items):
            if place:
                self.write(", " if sharp else " ")
            self._nested(item, verb, depth + 1, element)
        self.write("}" if sharp else "]")

    def _map(self, value: Any, verb: str, depth: int) -> None:
        go_type, sharp = type_of(value), self.flags.sharp_v
        if sharp and is_nil(value):
            self.write(f"{go_type.name}(nil)")
            return
        self.write(f"{go_type.name}{{" if sharp else "map[")
        for place, key in enumerate(sorted_keys(value)):
            if place:
                self.write(", " if sharp else " ")
            self._nested(key, verb, depth + 1, go_type.key)
            self.write(":")
            self._nested(value[key], verb, depth + 1, go_type.element)
        self.write("}" if sharp else "]")

    def _struct(self, value: Any, verb: str, depth: int) -> None:
        go_type, sharp = type_of(value), self.flags.sharp_v
        self.write(f"{go_type.name}{{" if sharp else "{")
        for place, (name, static, part) in enumerate(_parts(value, go_type)):
            if place:
                self.write(", " if sharp else " ")
            if sharp or self.flags.plus_v:
                self.write(f"{name}:")
            self._nested(part, verb, depth + 1, static)
        self.write("}")

    def _pointer(self, value: Any, verb: str, depth: int = 1) -> None:
        go_type = type_of(value)
        target = value.target if isinstance(value, Pointer) else None
        if depth == 0 and target is not None and type_of(target).kind in _SHOWN_BEHIND:
            self.write("&")
            self._nested(target, verb, depth + 1, INTERFACE)
        elif go_type.kind not in _REFERENCES:
            self._bad_verb(verb, value)
        elif verb == "v":
            self._address(value, go_type)
        elif verb == "p":
            self._word(0 if is_nil(value) else _ADDRESS, prefixed=not self.flags.sharp)
        elif verb in "bodxX":
            number = 0 if is_nil(value) else _ADDRESS
            self.write(formatting.show_integer(number, _BASES[verb], verb, self.flags, self._meter))
        else:
            self._bad_verb(verb, value)

    def _address(self, value: Any, go_type: Type) -> None:
        nil = is_nil(value)
        if self.flags.sharp_v:
            self.write(f"({go_type.name})(")
            if nil:
                self.write("nil")
            else:
                self._word(_ADDRESS, prefixed=True)
            self.write(")")
        elif nil:
            self.write(formatting.pad("<nil>", self.flags, self._meter))
        else:
            self._word(_ADDRESS, prefixed=not self.flags.sharp)

    _writers: ClassVar[Mapping[Kind, Callable[..., None]]] = {
        Kind.BOOL: _boolean,
        Kind.STRING: _string,
        Kind.COMPLEX128: _complex,
        Kind.FLOAT32: _float,
        Kind.FLOAT64: _float,
        Kind.SLICE: _list,
        Kind.ARRAY: _list,
        Kind.MAP: _map,
        Kind.STRUCT: _struct,
        Kind.POINTER: _pointer,
        Kind.FUNC: _pointer,
    }


def _parts(value: Any, go_type: Type) -> list[tuple[str, Type, Any]]:
    """Give the fields of a struct: name, type and what they hold."""
    if isinstance(value, Time):  # the fields that Go's has, under a verb that no text goes by
        since_year_one = value.seconds + _YEAR_ONE
        return [
            ("wall", UINT64, Uint64(value.nanoseconds)),
            ("ext", INT64, Int64(since_year_one)),
            ("loc", _LOCATION, Pointer(_LOCATION, None if value.zone is UTC else value.zone)),
        ]
    if not isinstance(value, Struct):
        return []
    return [(field.name, field.type, value.field(field.name)) for field in go_type.fields]
