"""Distinguished names, in the order and string types in which step-ca writes them."""

import re
from collections.abc import Mapping
from functools import lru_cache

from appliance.formats import der
from appliance.model.errors import BadRequest

_BEFORE_COMMON_NAME = {
    "country": "2.5.4.6",
    "province": "2.5.4.8",
    "locality": "2.5.4.7",
    "streetAddress": "2.5.4.9",
    "organization": "2.5.4.10",
    "organizationalUnit": "2.5.4.11",
}
_SERIAL_NUMBER = "2.5.4.5"
COMMON_NAME = "2.5.4.3"
_BMP_STRING = 30
_PRINTABLE = re.compile(r"[A-Za-z0-9 '()+,\-./:=?]*")  # X.680 section 41.4


def relative_name(oid: str, text: str) -> bytes:
    """Write one RDN: a PrintableString where the text allows it, else UTF8String."""
    tag = der.PRINTABLE_STRING if _PRINTABLE.fullmatch(text) else der.UTF8_STRING
    try:
        octets = text.encode()
    except UnicodeEncodeError:
        raise BadRequest("a name has characters that are not Unicode text") from None
    return der.tlv(der.SET, der.sequence(der.oid(oid), der.tlv(tag, octets)))


class SubjectDefaults:
    """`authority.template`: what a subject says where the request says nothing.

    Keys are step's: country, organization, organizationalUnit, locality, province, streetAddress,
    serialNumber, commonName.
    """

    __slots__ = ("_after", "_before", "_common_name", "attributes")

    def __init__(self, attributes: Mapping[str, str]) -> None:
        present = {key: text for key, text in attributes.items() if text}
        self.attributes: Mapping[str, str] = present
        self._before = b"".join(
            relative_name(oid, present[key])
            for key, oid in _BEFORE_COMMON_NAME.items()
            if key in present
        )
        serial = present.get("serialNumber", "")
        self._after = relative_name(_SERIAL_NUMBER, serial) if serial else b""
        self._common_name = present.get("commonName", "")

    def subject(self, common_name: str) -> bytes:
        """Give the Name with this common name, or with the default one when it is empty."""
        chosen = common_name or self._common_name
        middle = relative_name(COMMON_NAME, chosen) if chosen else b""
        return der.sequence(self._before, middle, self._after)


def authority_name(organization: str, common_name: str) -> bytes:
    """Give the Name of a CA: its organization and what it is called."""
    return SubjectDefaults({"organization": organization}).subject(common_name)


EMPTY = der.sequence()
"""A Name of nothing; names then stand in a critical extension (RFC 5280 4.1.2.6)."""


@lru_cache(maxsize=256)  # several ask for that of one certificate
def common_name(name: bytes) -> str:
    """Find the last common name in a Name; empty when there is none. Raises FormatError."""
    return _attribute(name, COMMON_NAME)


def organization(name: bytes) -> str:
    """Find the last organization in a Name; empty when there is none. Raises FormatError."""
    return _attribute(name, _BEFORE_COMMON_NAME["organization"])


def _attribute(name: bytes, kind: str) -> str:
    wanted, found = der.oid(kind), ""
    for relative in der.items(name):
        for attribute in der.children(relative):
            oid, *value = der.children(attribute) or [attribute]
            if oid.raw == wanted and value:
                encoding = "utf-16-be" if value[0].tag == _BMP_STRING else "utf-8"
                found = value[0].value.decode(encoding, "replace")
    return found
