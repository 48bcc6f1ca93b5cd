"""Keys on tokens: `kms`, and the URIs that `key`, `ssh.hostKey` and the like may be.

`kms.uri` says which token is meant and how it is opened; a key's URI names the key, and may name
another token, with a PIN of its own. PINs are taken out of the URIs here, so that these can be
shown.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from appliance.config.document import Document
from appliance.config.key_files import key_file
from appliance.config.key_schemes import ELSEWHERE, OF_TOKEN, OPENING, SCHEMES, refusal
from appliance.config.schema import Kms
from appliance.config.settings import KeyPlace, TokenKey, TokenSettings
from appliance.formats import keyuri
from appliance.formats.keyuri import KeyUri
from appliance.model.errors import FormatError
from appliance.model.secret import Password

_FILES: Final = ("", "softkms")
_CHOOSING: Final = {"pkcs11": ("token", "serial", "slot-id"), "yubikey": ("serial",)}


@dataclass(frozen=True, slots=True)
class Keys:
    """How this ca.json names keys."""

    kms: KeyUri | None
    pin: Password | None  # kms.pin
    management_key: Password | None  # kms.managementKey
    document: Document

    def place(self, written: str, where: str) -> KeyPlace:
        """Say where a key is. Raises ConfigError."""
        scheme = keyuri.scheme_of(written)
        if scheme in ELSEWHERE:
            raise self.document.wrong(refusal(scheme), where)
        if scheme not in SCHEMES:
            return Path(key_file(written)).absolute()
        uri = _parsed(written, self.document, where)
        token = self._token(uri, where)
        return TokenKey(token=token, uri=uri.without(*OPENING, *OF_TOKEN[scheme]))

    def optional(self, written: str, where: str) -> KeyPlace | None:
        """Say where a key is that need not be there. Raises ConfigError."""
        return self.place(written, where) if written else None

    def _token(self, uri: KeyUri, where: str) -> TokenSettings:
        kms = self.kms
        same = kms is not None and kms.scheme == uri.scheme and _is_same_token(uri, kms)
        if kms is not None and same:
            uri = uri.with_defaults(kms, (*OF_TOKEN[uri.scheme], *OPENING))
        elif kms is not None and kms.scheme == uri.scheme:
            uri = uri.with_defaults(kms, ("module-path",))
        if uri.scheme == "pkcs11" and not any(name in uri for name in _CHOOSING["pkcs11"]):
            raise self.document.wrong(
                "must say which token is meant, by 'token', 'serial' or 'slot-id', here or in "
                "kms.uri",
                where,
            )
        alone = kms is None or same
        return TokenSettings(
            uri=_only(uri, OF_TOKEN[uri.scheme]),
            pin=uri.pin or (self.pin if alone and not uri.pin_source else None),
            pin_file=Path(uri.pin_source).absolute() if uri.pin_source else None,
            management_key=_secret(uri.get("management-key"))
            or (self.management_key if alone else None),
            management_key_file=_file(uri.get("management-key-source")),
        )


def read(kms: Kms | None, document: Document) -> Keys:
    """Check `kms`. Raises ConfigError."""
    if kms is None:
        return Keys(None, None, None, document)
    kind = kms.type.lower()
    uri = None
    if kms.uri:
        scheme = keyuri.scheme_of(kms.uri)
        if scheme in ELSEWHERE:
            raise document.wrong(refusal(scheme), "kms.uri")
        if scheme in SCHEMES:
            uri = _parsed(kms.uri, document, "kms.uri")
        if scheme not in (*SCHEMES, "softkms") or (kind and scheme != kind):
            raise document.wrong(
                f"must begin with '{kind or 'softkms'}:', as `kms.type` says", "kms.uri"
            )
    if kind in ELSEWHERE:
        raise document.wrong(refusal(kind), "kms.type")
    if kind not in (*_FILES, *SCHEMES):
        known = ", ".join((*SCHEMES, "softkms"))
        raise document.wrong(f"'{kms.type}' must be one of {known}", "kms.type")
    if kind == "pkcs11" and uri is None:
        raise document.wrong("cannot be empty for type pkcs11", "kms.uri")
    if uri is None and kind == "yubikey":
        uri = KeyUri(scheme=kind)
    return Keys(uri, _secret(kms.pin), _secret(kms.management_key), document)


def _is_same_token(uri: KeyUri, kms: KeyUri) -> bool:
    names = _CHOOSING[uri.scheme]
    chosen = [name for name in names if name in uri]
    return all(uri.get(name) == kms.get(name) for name in chosen)


def _only(uri: KeyUri, names: tuple[str, ...]) -> KeyUri:
    attributes = tuple((name, uri.get(name)) for name in names if name in uri)
    return KeyUri(scheme=uri.scheme, attributes=attributes)


def _parsed(written: str, document: Document, where: str) -> KeyUri:
    try:
        return keyuri.parse(written)
    except FormatError as error:
        raise document.wrong(error.public, where) from None


def _secret(written: str) -> Password | None:
    return Password(written.encode("utf-8", "surrogateescape")) if written else None


def _file(written: str) -> Path | None:
    return Path(written).absolute() if written else None
