"""What GET /provisioners shows of an entry: byte for byte what step-ca shows."""

import base64
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from appliance.config.claims import shown
from appliance.config.document import Document, is_off
from appliance.config.entries import (
    ALWAYS,
    ALWAYS_IN_OPTIONS,
    Entry,
    Jwk,
    Scep,
    ShownOptions,
    SshPop,
)
from appliance.config.schema import Claims
from appliance.formats import jwk
from appliance.model.errors import FormatError

_REDACTED: Final = "*** REDACTED ***"
_DEFAULT_RSA_BITS: Final = 2048
# As go-jose writes a key, without what only its owner may know.
_PUBLIC_MEMBERS: Final = (
    "use", "kty", "kid", "crv", "alg", "x", "y", "n", "e", "x5c", "x5t", "x5t#S256",
)  # fmt: skip
_SECRET_MEMBERS: Final = ("d", "p", "q", "dp", "dq", "qi", "k")


def entry(written: Entry, document: Document, place: str) -> Mapping[str, object]:
    """Give the JSON of an entry. Raises ConfigError for a key or claims that are none."""
    found: dict[str, object] = {}
    always = ALWAYS.get(type(written), frozenset())
    for name, value in _members(_without_secrets(written)).items():
        if name == "options":
            if not isinstance(written, SshPop) and written.options is not None:
                found[name] = _options(written.options, document, f"{place}.options")
        elif name == "claims" and isinstance(value, Claims):
            found[name] = shown(value, document, f"{place}.claims")
        elif name in always or name in ("type", "name") or not is_off(value):
            found[name] = value
    if isinstance(written, Jwk):
        found["key"] = _public(written.key, document, f"{place}.key")
    return found


def _without_secrets(written: Entry) -> Entry:
    """Fill in the one default, and black out what only the CA and its devices may know."""
    if not isinstance(written, Scep):
        return written
    return msgspec.structs.replace(
        written,
        challenge=_REDACTED,
        minimum_public_key_length=written.minimum_public_key_length or _DEFAULT_RSA_BITS,
        decrypter_certificate=_REDACTED.encode(),
        decrypter_key_pem=_REDACTED.encode(),
        decrypter_key=_REDACTED,
        decrypter_key_password=_REDACTED,
    )


def _members(struct: msgspec.Struct) -> dict[str, Any]:
    """Give a shape's members by their names in JSON, octets as text."""
    found = {}
    for each in msgspec.structs.fields(type(struct)):
        value = getattr(struct, each.name)
        found[each.encode_name] = (
            base64.b64encode(value).decode() if isinstance(value, bytes) else value
        )
    return found


def _options(given: Any, document: Document, place: str) -> Mapping[str, object]:
    """Give options without what step-ca does not know of; that is told by whoever reads them."""
    silent = Document(file=document.file, members={})
    options = silent.read(ShownOptions, given, place)
    for webhook in options.webhooks or ():
        webhook.kind = webhook.kind.upper()
    return _shown(options)


def _shown(struct: msgspec.Struct) -> dict[str, object]:
    always = ALWAYS_IN_OPTIONS.get(type(struct), frozenset())
    found: dict[str, object] = {}
    for name, value in _members(struct).items():
        if isinstance(value, msgspec.Struct):
            found[name] = _shown(value)
        elif isinstance(value, list) and value and isinstance(value[0], msgspec.Struct):
            found[name] = [_shown(each) for each in value]
        elif name == "templateData":
            if value is not None:
                found[name] = value
        elif value or name in always:
            found[name] = value
    return found


def _public(
    key: Mapping[str, Any] | None, document: Document, place: str
) -> Mapping[str, object] | None:
    """Give the public part of a key. Raises ConfigError when it is none."""
    if key is None:
        return None
    if any(key.get(member) for member in _SECRET_MEMBERS):
        raise document.wrong(
            "holds a private key, which everybody could read: leave only its public part, "
            "and put the private one into encryptedKey, encrypted",
            place,
        )
    try:
        jwk.public_key(key)
    except FormatError as error:
        raise document.wrong(error.public, place) from None
    return {member: key[member] for member in _PUBLIC_MEMBERS if not is_off(key.get(member))}
