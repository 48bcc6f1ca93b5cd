"""`options.webhooks` of a provisioner.

A webhook's credentials may stand in ca.json, or better in files of their own that it names
(`secretFile`, `bearerTokenFile`, `basicAuth.passwordFile`); systemd's `${CREDENTIALS_DIRECTORY}`
may be in their paths. They never leave the values made here.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from msgspec import Struct, field

from appliance.config.document import Document
from appliance.formats import gourl, laxjson
from appliance.issuance import templates
from appliance.model.errors import FormatError
from appliance.model.secret import Password
from appliance.model.webhooks import BasicAuth, Webhook, WebhookKind, WebhookScope

_KINDS: Final = {each.value: each for each in WebhookKind}
_SCOPES: Final = {each.value: each for each in WebhookScope} | {"": WebhookScope.ALL}
_CREDENTIALS: Final = "CREDENTIALS_DIRECTORY"


class Basic(Struct, rename="camel", kw_only=True):
    """`basicAuth` of a webhook; ours."""

    username: str = ""
    password: str = ""
    password_file: str = ""


class Written(Struct, rename="camel", kw_only=True):
    """One of `options.webhooks`. The keys from `secret` on are ours."""

    id: str = ""
    name: str = ""
    url: str = ""
    kind: str = ""
    disable_client_auth: bool = field(name="disableTLSClientAuth", default=False)
    cert_type: str = ""
    secret: str = ""
    secret_file: str = ""
    bearer_token: str = ""
    bearer_token_file: str = ""
    basic_auth: Basic | None = None


def read(given: Sequence[Any] | None, document: Document, place: str) -> tuple[Webhook, ...]:
    """Read all webhooks.

    Raises ConfigError for wrong types and credentials, and FormatError for what keeps step-ca from
    using the provisioner, though not from starting.
    """
    found = []
    for index, each in enumerate(given or ()):
        where = f"{place}[{index}]"
        found.append(_webhook(document.read(Written, each, where), document, where))
    return tuple(found)


def _webhook(written: Written, document: Document, place: str) -> Webhook:
    kind = _checked(written)
    if "{{" in written.url:
        templates.load_engine()
    scope = _SCOPES.get(written.cert_type)
    if scope is None:
        raise document.wrong(f"'{written.cert_type}' must be X509, SSH or ALL", f"{place}.certType")
    secret = read_secret(written.secret, written.secret_file, document, f"{place}.secret")
    token = read_secret(
        written.bearer_token, written.bearer_token_file, document, f"{place}.bearerToken"
    )
    return Webhook(
        id=written.id,
        name=written.name,
        url=written.url,
        kind=kind,
        scope=scope,
        secret=_key(secret, document, f"{place}.secret"),
        bearer_token=_printable(token, document, f"{place}.bearerToken"),
        basic_auth=_basic(written.basic_auth, document, f"{place}.basicAuth"),
        client_certificate=not written.disable_client_auth,
    )


def _checked(written: Written) -> WebhookKind:
    """Judge what step-ca judges, in its order. Raises FormatError."""
    if not written.name:
        raise FormatError("webhook name is required")
    try:
        scheme, host = _scheme_and_host(written.url)
    except FormatError as error:
        raise FormatError(f"webhook '{written.name}': its url is invalid") from error
    if not host:
        raise FormatError(f"webhook '{written.name}': its url is invalid")
    if scheme != "https":
        raise FormatError(f"webhook '{written.name}': its url must use https")
    if "@" in written.url.partition("://")[2].partition("/")[0]:
        raise FormatError(f"webhook '{written.name}': its url may not contain username or password")
    kind = _KINDS.get(written.kind.upper())
    if kind is None:
        raise FormatError(f"webhook '{written.name}': its kind must be one of {', '.join(_KINDS)}")
    return kind


def _scheme_and_host(url: str) -> tuple[str, str]:
    read = gourl.parse(url)
    return read.scheme, read.host


def read_secret(text: str, file: str, document: Document, place: str) -> Password | None:
    """Take what is written, or what is in the file. Raises ConfigError."""
    if text and file:
        raise document.wrong(f"is set twice: remove it, or {place.rpartition('.')[2]}File", place)
    if not file:
        return Password(text.encode()) if text else None
    path = file.replace(f"${{{_CREDENTIALS}}}", os.environ.get(_CREDENTIALS, ""))
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise document.wrong(f"{path} cannot be read: {reason}", f"{place}File") from error
    found = Password.from_file_content(content)
    if not found:
        raise document.wrong(f"{path} is empty", f"{place}File")
    return found


def _key(secret: Password | None, document: Document, place: str) -> Password | None:
    """Decode the key of the HMAC, which is in base64 as step's admin API gives it out."""
    if secret is None:
        return None
    try:
        return Password(laxjson.base64_of(secret.reveal().decode("latin-1"), "secret"))
    except FormatError:
        raise document.wrong("must be base64", place) from None


def _printable(token: Password | None, document: Document, place: str) -> Password | None:
    """Look that it can stand in a header."""
    if token is not None and any(not 0x20 <= octet < 0x7F for octet in token.reveal()):
        raise document.wrong("must be of printable ASCII characters", place)
    return token


def _basic(written: Basic | None, document: Document, place: str) -> BasicAuth | None:
    if written is None:
        return None
    password = read_secret(written.password, written.password_file, document, f"{place}.password")
    if not written.username and password is None:
        return None
    return BasicAuth(username=written.username, password=password or Password(b""))
