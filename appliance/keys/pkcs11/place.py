"""Which token a URI means, and which object on it."""

import string
from dataclasses import dataclass
from typing import Final

from appliance.formats.keyuri import KeyUri
from appliance.keys.pkcs11.messages import Look, ObjectName
from appliance.model.errors import BadRequest, FormatError

DEFAULT_MODULE: Final = "p11-kit-proxy.so"


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenPlace:
    """A module, and one token in it by label, serial number or slot."""

    uri: KeyUri
    module: str
    look: Look

    @property
    def name(self) -> str:
        """What people call it."""
        look = self.look
        return look.label or look.serial or f"slot {look.slot}"


def token_place(uri: KeyUri) -> TokenPlace:
    """Read the token's part of a URI. Raises FormatError."""
    label, serial, slot = uri.get("token"), uri.get("serial"), uri.integer("slot-id")
    given = [
        name
        for name, there in (("token", label), ("serial", serial), ("slot-id", slot is not None))
        if there
    ]
    if not given:
        raise FormatError(
            "a pkcs11: URI must say which token is meant, by 'token', 'serial' or 'slot-id'"
        )
    if len(given) > 1:
        raise FormatError(f"'{given[0]}' and '{given[1]}' of a pkcs11: URI exclude each other")
    uri.integer("max-sessions")  # one is enough: it is checked, and means nothing
    return TokenPlace(
        uri=uri,
        module=uri.get("module-path") or DEFAULT_MODULE,
        look=Look(label=label, serial=serial, slot=slot),
    )


def object_name(uri: KeyUri) -> ObjectName:
    """Read the object's part of a URI. Raises BadRequest."""
    name = ObjectName(uri.octets("id"), uri.get("object"))
    if not name.identifier and not name.label:
        raise BadRequest(f"'{uri.shown}' names no key: give its 'id' or 'object'")
    return name


def certificate_name(uri: KeyUri) -> ObjectName:
    """Read what a certificate is called; it can be known by `serial` alone. Raises BadRequest."""
    serial = uri.get("serial")
    if not serial or "id" in uri or "object" in uri:
        return object_name(uri)
    if set(serial) - set(string.hexdigits):
        raise BadRequest(f"'{uri.shown}': the serial number of a certificate is hexadecimal")
    return ObjectName()


def whole_name(uri: KeyUri) -> ObjectName:
    """Read the name of an object that is to be made: it gets both parts. Raises BadRequest."""
    name = object_name(uri)
    if not name.identifier or not name.label:
        raise BadRequest(f"'{uri.shown}' must have 'id' and 'object' for a new key or certificate")
    return name


def key_uri(place: TokenPlace, name: ObjectName) -> str:
    """Name an object of a token, without the token: as `key` in ca.json beside `kms`."""
    attributes = []
    if name.identifier:
        attributes.append(("id", name.identifier.hex()))
    if name.label:
        attributes.append(("object", name.label))
    return str(KeyUri(scheme=place.uri.scheme, attributes=tuple(attributes)))
