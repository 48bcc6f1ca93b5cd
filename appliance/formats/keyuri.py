"""URIs that name tokens and the keys on them, with step's looseness (RFC 7512 is stricter).

    pkcs11:module-path=/usr/lib/softhsm/libsofthsm2.so;token=ca?pin-value=1234
    pkcs11:id=7331;object=root-ca        pkcs11:id=%73%31        yubikey:slot-id=9c;serial=112233

Attributes may stand before and after the question mark, separated by `;` or `&`; the first with a
name counts, and those before it go first. Values are percent-encoded, `+` is a space.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import quote, unquote_plus

from appliance.model.errors import FormatError
from appliance.model.secret import Password

SECRETS: Final = frozenset({"pin-value", "management-key", "client-secret"})
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*")
_BAD_ESCAPE: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_HEX: Final = re.compile(r"[0-9A-Fa-f]*")
_DECIMAL: Final = re.compile(r"[+-]?[0-9]+")
_PLAIN: Final = "/:@,!$'()*.-_~"  # kept as they are in values
_MASK: Final = "…"

Attributes = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyUri:
    """A key's or token's URI. `str` and `repr` show no secrets; `reveal` gives all of it.

    Octets of values that are no UTF-8 are kept as surrogates, as the standard library does.
    """

    scheme: str  # in small letters
    attributes: Attributes = ()
    query: Attributes = ()

    def __contains__(self, name: str) -> bool:
        return any(name == each for each, _ in (*self.attributes, *self.query))

    def get(self, name: str) -> str:
        """Give the first value that is not empty; "" without one."""
        both = (self.attributes, self.query)
        firsts = (next((v for each, v in part if each == name), "") for part in both)
        return next(filter(None, firsts), "")

    def octets(self, name: str) -> bytes:
        """Give a value that is hexadecimal, with 0x or colons or without, or else is what it is."""
        value = self.get(name)
        digits = _hexadecimal(value)
        return value.encode("utf-8", "surrogateescape") if digits is None else digits

    def integer(self, name: str) -> int | None:
        """Give a decimal value; None without one. Raises FormatError for what is no number."""
        value = self.get(name)
        if not value:
            return None
        if not _DECIMAL.fullmatch(value) or len(value) > 18:
            raise FormatError(f"'{name}' of a key URI must be a number")
        return int(value)

    @property
    def pin(self) -> Password | None:
        """What `pin-value` says, if anything."""
        value = self.get("pin-value")
        return Password(value.encode("utf-8", "surrogateescape")) if value else None

    @property
    def pin_source(self) -> str:
        """The path of the file in `pin-source`, which may be a file: URI; "" without one."""
        source = self.get("pin-source")
        scheme, colon, rest = source.partition(":")
        if not colon or scheme.lower() != "file":
            return source
        if rest.startswith("//"):
            rest = "/" + rest[2:].partition("/")[2]
        return unquote_plus(rest.replace("+", "%2B"))

    def without(self, *names: str) -> "KeyUri":
        """Leave attributes out."""
        return replace(
            self,
            attributes=tuple(each for each in self.attributes if each[0] not in names),
            query=tuple(each for each in self.query if each[0] not in names),
        )

    def with_defaults(self, other: "KeyUri", names: Iterable[str]) -> "KeyUri":
        """Add those of the named attributes that only the other one has."""
        added = tuple((name, other.get(name)) for name in names if name in other)
        return replace(
            self,
            attributes=(
                *self.attributes,
                *(each for each in added if each[0] not in self and not _is_private(each[0])),
            ),
            query=(
                *self.query,
                *(each for each in added if each[0] not in self and _is_private(each[0])),
            ),
        )

    @property
    def shown(self) -> str:
        """The URI without its secrets, for messages and as a name of the key."""
        return str(self.without(*SECRETS))

    def reveal(self) -> str:
        """Write it with its secrets, to the one place that needs them."""
        return self._written(masked=False)

    def __str__(self) -> str:
        return self._written(masked=True)

    def __repr__(self) -> str:
        return f"KeyUri({self})"

    def _written(self, *, masked: bool) -> str:
        query = _joined(self.query, "&", masked=masked)
        mark = "?" if query else ""
        return f"{self.scheme}:{_joined(self.attributes, ';', masked=masked)}{mark}{query}"


def parse(text: str) -> KeyUri:
    """Read a URI. Raises FormatError, whose text has none of the URI's values."""
    text = text.partition("#")[0]
    scheme, colon, rest = text.partition(":")
    if not colon or not _SCHEME.fullmatch(scheme):
        raise FormatError("a key URI must begin with its scheme, such as pkcs11: or yubikey:")
    if _CONTROL.search(rest):
        raise FormatError(f"this {scheme.lower()}: URI has a control character")
    attributes, _, query = rest.partition("?")
    scheme = scheme.lower()
    return KeyUri(scheme=scheme, attributes=_split(attributes, scheme), query=_split(query, scheme))


def scheme_of(text: str) -> str:
    """Give the scheme in small letters, or "" for what is no URI (a path)."""
    scheme, colon, _ = text.partition(":")
    return scheme.lower() if colon and _SCHEME.fullmatch(scheme) else ""


def _split(text: str, scheme: str) -> Attributes:
    found = []
    for pair in re.split("[;&]", text):
        if not pair:
            continue
        name, _, value = pair.partition("=")
        if _BAD_ESCAPE.search(pair):
            raise FormatError(
                f"this {scheme}: URI has a percent sign that begins no escape: write it as %25"
            )
        found.append((_decoded(name), _decoded(value)))
    return tuple(found)


def _decoded(text: str) -> str:
    return unquote_plus(text, errors="surrogateescape")


def _joined(attributes: Attributes, separator: str, *, masked: bool) -> str:
    return separator.join(
        f"{_encoded(name)}={_MASK if masked and name in SECRETS and value else _encoded(value)}"
        for name, value in attributes
    )


def _encoded(text: str) -> str:
    return quote(text, safe=_PLAIN, errors="surrogateescape")


def _hexadecimal(value: str) -> bytes | None:
    digits = value.removeprefix("0x").removeprefix("0X").replace(":", "")
    if not _HEX.fullmatch(digits):
        return None
    return bytes.fromhex("0" * (len(digits) % 2) + digits)


def _is_private(name: str) -> bool:
    return name in SECRETS or name in ("pin-source", "management-key-source")
