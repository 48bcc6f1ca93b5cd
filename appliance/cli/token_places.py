"""Which token, and which key on it, `--kms` and a key's name mean together, as in step.

--kms 'pkcs11:module-path=…;token=ca?pin-source=…'   --key 'pkcs11:id=7331;object=root-ca'
--kms 'yubikey:serial=112233'                        --key 82
(none)                                               --key 'yubikey:slot-id=82?pin-source=…'
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from appliance.config.key_schemes import ELSEWHERE, OF_TOKEN, OPENING, SCHEMES, refusal
from appliance.formats import keyuri
from appliance.formats.keyuri import KeyUri
from appliance.model.errors import BadRequest, FormatError, NotSupported
from appliance.model.secret import Password

FILES: Final = "softkms"
_CERTIFICATE: Final = "serial"  # of a token in one URI, of a certificate in another


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A key on a token; neither URI has a secret."""

    token: KeyUri
    key: KeyUri
    pin: Password | None = field(repr=False)
    management_key: Password | None = field(repr=False)


def on_token(name: str, kms: str | None) -> bool:
    """Say whether a name is that of a key on a token (or in a cloud) and not of a file.

    A file of that name counts more, as in step.
    """
    if Path(name).exists():
        return False
    scheme = keyuri.scheme_of(name)
    if scheme in (*SCHEMES, *ELSEWHERE):
        return True
    return not scheme and bool(kms) and _scheme(kms or "") != FILES


def file_of(name: str) -> str:
    """Give the path in a `softkms:` URI, or the path itself."""
    scheme, _, rest = name.partition(":")
    if scheme.lower() != FILES:
        return name
    return KeyUri.get(keyuri.parse(name), "path") if "path=" in rest else rest


def place(name: str, kms: str | None) -> Place:
    """Read both. Raises BadRequest, FormatError, NotSupported."""
    around = _parsed(_with_colon(kms)) if kms else None
    if around is not None and around.scheme == "yubikey" and not keyuri.scheme_of(name):
        name = f"yubikey:slot-id={name}"
    if not keyuri.scheme_of(name):
        raise BadRequest(f"'{name}' names no file, and no key on a token")
    key = _parsed(name)
    if around is not None and around.scheme != key.scheme:
        raise BadRequest(
            f"'--kms' is of type '{around.scheme}', and the key's name of type '{key.scheme}'"
        )
    token = key if around is None else _joined(key, around)
    own = OF_TOKEN[key.scheme]
    return Place(
        token=_only(token, own),
        key=key.without(*OPENING, *(own if around is None else _of_token_alone(key, around))),
        pin=token.pin or _content(token.pin_source, "pin-source"),
        management_key=_secret(token.get("management-key"))
        or _content(token.get("management-key-source"), "management-key-source"),
    )


def token_alone(kms: str) -> Place:
    """Read a URI that names a token, and perhaps no key. Raises as `place`."""
    return place(_with_colon(kms), None)


def _joined(key: KeyUri, around: KeyUri) -> KeyUri:
    """Add to the key's URI what only --kms says; there a serial number is the token's."""
    if key.scheme == "pkcs11" and any(name in around for name in ("token", "serial", "slot-id")):
        key = key.without("token", "serial", "slot-id")
    return key.with_defaults(around, (*OF_TOKEN[key.scheme], *OPENING))


def _of_token_alone(key: KeyUri, around: KeyUri) -> tuple[str, ...]:
    own = OF_TOKEN[key.scheme]
    if key.scheme == "pkcs11" and key.get(_CERTIFICATE) != around.get(_CERTIFICATE):
        return tuple(name for name in own if name != _CERTIFICATE)
    return own


def _parsed(text: str) -> KeyUri:
    scheme = _scheme(text)
    if scheme in ELSEWHERE:
        raise NotSupported(refusal(scheme))
    if scheme not in SCHEMES:
        known = ", ".join((*SCHEMES, FILES))
        raise BadRequest(f"'{scheme}:' is no type of key manager: use one of {known}")
    try:
        return keyuri.parse(text)
    except FormatError as error:
        raise BadRequest(error.public) from None


def _scheme(text: str) -> str:
    return keyuri.scheme_of(_with_colon(text))


def _with_colon(kms: str) -> str:
    """step's plugin takes `yubikey` for `yubikey:`."""
    return kms if ":" in kms else f"{kms}:"


def _only(uri: KeyUri, names: tuple[str, ...]) -> KeyUri:
    attributes = tuple((name, uri.get(name)) for name in names if name in uri)
    return KeyUri(scheme=uri.scheme, attributes=attributes)


def _secret(written: str) -> Password | None:
    return Password(written.encode("utf-8", "surrogateescape")) if written else None


def _content(file: str, attribute: str) -> Password | None:
    if not file:
        return None
    try:
        return Password.from_file_content(Path(file).read_bytes())
    except OSError as error:
        reason = (error.strerror or "").lower()
        raise BadRequest(f"'{attribute}' of the key's URI: open {file} failed: {reason}") from error
