"""What no certificate may leave us with: extensions and names that clients could not read.

A template can write extensions and a subject octet by octet. What Go's crypto/x509 could not read
back step-ca does not hand out, and neither do we: only extensions of these kinds are looked into.
Every check raises FormatError.
"""

import ipaddress
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from appliance.formats import der, gourl, mailbox
from appliance.formats.der import Element
from appliance.issuance.extensions import Extension
from appliance.model.errors import FormatError

_LARGEST_ARC: Final = (1 << 31) - 1  # what Go reads of an object identifier
_BMP_STRING, _NUMERIC_STRING, _T61_STRING = 30, 18, 20
_NEVER_CRITICAL: Final = ("2.5.29.14", "2.5.29.35", "1.3.6.1.5.5.7.1.1")  # RFC 5280 4.2
_PRINTABLE: Final = frozenset(
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 '()+,-./:=?*&"
)


def check(subject: bytes, extensions: Iterable[Extension]) -> None:
    """Look at a certificate's subject (DER) and its extensions."""
    check_name(der.read(subject))
    seen = set()
    for each in extensions:
        if each.oid in seen:
            raise FormatError(f"there are two extensions {each.oid}")
        seen.add(each.oid)
        _check_arcs(each.oid)
        if each.critical and each.oid in _NEVER_CRITICAL:
            raise FormatError(f"the extension {each.oid} must not be critical")
        try:
            _CHECKS.get(each.oid, _anything)(each.value)
        except FormatError as error:
            raise FormatError(f"the extension {each.oid}: {error.public}") from None


def check_name(name: Element) -> None:
    """Look at a distinguished name: its values are strings, of the letters that each may have."""
    for relative in der.children(der.expect(name, der.SEQUENCE)):
        for attribute in der.children(der.expect(relative, der.SET)):
            parts = der.children(der.expect(attribute, der.SEQUENCE))
            if len(parts) < 2:
                raise FormatError("an attribute of a name has no value")
            _check_arcs(der.read_oid(parts[0]))
            _check_string(parts[1])


def _check_string(element: Element) -> None:
    octets = element.value
    match element.tag:
        case der.PRINTABLE_STRING:
            good = _PRINTABLE.issuperset(octets)
        case der.UTF8_STRING:
            good = _decodes(octets, "utf-8")
        case der.IA5_STRING:
            good = octets.isascii()
        case tag if tag == _BMP_STRING:
            good = len(octets) % 2 == 0 and _decodes(octets, "utf-16-be")
        case tag if tag == _NUMERIC_STRING:
            good = not octets.strip(b"0123456789 ")
        case tag:
            good = tag == _T61_STRING
    if not good:
        raise FormatError("a value of a name is not a string that can be read")


def _decodes(octets: bytes, encoding: str) -> bool:
    try:
        octets.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _check_arcs(oid: str) -> None:
    top, second, *rest = map(int, oid.split("."))
    if max(top * 40 + second, *rest, 0) > _LARGEST_ARC:
        raise FormatError(f"the object identifier {oid} is too large")


def _anything(value: bytes) -> None:
    """Let pass what is not looked into."""


def _sequence(value: bytes) -> None:
    der.items(value)


def _key_usage(value: bytes) -> None:
    octets = der.expect(der.read(value), der.BIT_STRING).value
    if not octets or octets[0] > 7 or (len(octets) == 1 and octets[0]):
        raise FormatError("a BIT STRING that is broken")
    if len(octets) > 1 and octets[-1] & ((1 << octets[0]) - 1):
        raise FormatError("a BIT STRING whose unused bits are set")


def _basic_constraints(value: bytes) -> None:
    for element in der.items(value):
        if element.tag == der.INTEGER and der.read_integer(element) < 0:
            raise FormatError("a negative path length")
        if element.tag == der.BOOLEAN and element.value not in (b"\0", b"\xff"):
            raise FormatError("a boolean that is neither")


def _names(value: bytes) -> None:
    for element in der.items(value):
        match element.tag:
            case 0x81 | 0x82:
                _text(element)
            case 0x86:
                _check_uri(_text(element))
            case 0x87:
                if len(element.value) not in (4, 16):
                    raise FormatError("an IP address that is neither of 4 nor of 16 octets")
            case _:
                pass


def _check_uri(text: str) -> None:
    host = gourl.parse(text).host
    if not _is_domain(host):
        raise FormatError(f"{text[:80]!r} names a host that is no domain")


def _text(element: Element) -> str:
    if not element.value.isascii():
        raise FormatError("a name with characters beyond ASCII")
    return element.value.decode("ascii")


def _is_domain(text: str, *, of_constraint: bool = False) -> bool:
    """Say whether Go would read it as a domain name; the empty one is."""
    if not text:
        return True
    labels = (text[1:] if of_constraint and text.startswith(".") else text).split(".")
    return all(labels) and all("!" <= character <= "~" for character in text)


def _name_constraints(value: bytes) -> None:
    sides = der.items(value)
    if not any(side.value for side in sides) or any(s.tag not in (0xA0, 0xA1) for s in sides):
        raise FormatError("name constraints that constrain nothing")
    for side in sides:
        for subtree in der.children(side):
            _check_base(der.first(der.expect(subtree, der.SEQUENCE)))


def _check_base(base: Element) -> None:
    if base.tag == 0x87:
        _check_range(base.value)
    elif base.tag in (0x81, 0x82, 0x86):
        text = _text(base)
        if base.tag == 0x81 and "@" in text:
            mailbox.parse(text)
        elif not _is_domain(text, of_constraint=True) or (base.tag == 0x86 and _is_address(text)):
            raise FormatError(f"{text[:80]!r} cannot be a name constraint")


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _check_range(octets: bytes) -> None:
    if len(octets) not in (8, 32):
        raise FormatError("an IP range that is neither of 8 nor of 32 octets")
    mask = octets[len(octets) // 2 :]
    if "01" in f"{int.from_bytes(mask):0{len(mask) * 8}b}":
        raise FormatError("an IP range whose mask has gaps")


def _distribution_points(value: bytes) -> None:
    for point in der.items(value):
        der.children(der.expect(point, der.SEQUENCE))


def _usages(value: bytes) -> None:
    for each in der.items(value):
        _check_arcs(der.read_oid(each))


def _octets(value: bytes) -> None:
    der.expect(der.read(value), der.OCTET_STRING)


def _policies(value: bytes) -> None:
    seen = set()
    for each in der.items(value):
        oid = der.read_oid(der.first(der.expect(each, der.SEQUENCE)))
        if oid in seen:
            raise FormatError(f"the policy {oid} is listed twice")
        seen.add(oid)


def _access(value: bytes) -> None:
    for each in der.items(value):
        _check_arcs(der.read_oid(der.first(der.expect(each, der.SEQUENCE))))


def _integer(value: bytes) -> None:
    der.read_integer(der.read(value))


_CHECKS: Final[Mapping[str, Callable[[bytes], None]]] = {
    "2.5.29.14": _octets,
    "2.5.29.15": _key_usage,
    "2.5.29.17": _names,
    "2.5.29.19": _basic_constraints,
    "2.5.29.30": _name_constraints,
    "2.5.29.31": _distribution_points,
    "2.5.29.32": _policies,
    "2.5.29.33": _sequence,
    "2.5.29.35": _sequence,
    "2.5.29.36": _sequence,
    "2.5.29.37": _usages,
    "2.5.29.54": _integer,
    "1.3.6.1.5.5.7.1.1": _access,
}
