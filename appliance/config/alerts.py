"""`alerts`, which is ours: who is told of what.

Without it the box is watched as well, and `hearth alerts list` and the log tell of it. Credentials
stand in files that ca.json names; systemd's `${CREDENTIALS_DIRECTORY}` may be in their paths.
"""

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from appliance.config import claims, webhooks
from appliance.config.addresses import split_address
from appliance.config.alert_settings import (
    AddresseeSettings,
    AlertSettings,
    CommandTarget,
    MailSecurity,
    MailTarget,
    NtfyTarget,
    Target,
    WebhookTarget,
)
from appliance.config.document import Document
from appliance.config.schema import (
    AlertRefusals,
    AlertRule,
    Alerts,
    AlertTarget,
    AlertWatch,
)
from appliance.formats import gourl, laxjson
from appliance.model.alerts import Burst, Watch
from appliance.model.conditions import Severity
from appliance.model.errors import FormatError
from appliance.model.inventory import CertificateKind
from appliance.model.secret import Password

RULES: Final = (
    "renewal-late",
    "host-quiet",
    "watched",
    "refusals",
    "root",
    "intermediate",
    "own-certificate",
    "ocsp-responder",
    "crl",
    "token",
    "token-pin",
    "clock",
    "clock-leap",
    "clock-sync",
    "disk",
    "store",
    "database",
    "backup",
    "workers",
)
_PORTS: Final = {"starttls": 587, "tls": 465, "none": 25}
_SEVERITIES: Final = {each.value: each for each in Severity}
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", re.ASCII)
_ADDRESS: Final = re.compile(r"[^\s<>@,;]+@[^\s<>@,;]+")
_LONGEST: Final = timedelta(days=366)


def read(written: Alerts | None, document: Document) -> AlertSettings:
    """Check `alerts`. Raises ConfigError."""
    if written is None:
        return AlertSettings()
    rules = _known(written.rules or {}, document)
    addressees: dict[str, AddresseeSettings] = {}
    for index, each in enumerate(written.targets or ()):
        place = f"alerts.targets[{index}]"
        found = _addressee(each, document, place)
        if found.name in addressees:
            raise document.wrong(f"there are two of the name '{found.name}'", f"{place}.name")
        addressees[found.name] = found
    return AlertSettings(
        addressees=tuple(addressees.values()),
        watches=tuple(
            _watch(each, document, f"alerts.watch[{index}]")
            for index, each in enumerate(written.watch or ())
        ),
        burst=_burst(written.refusals or AlertRefusals(), document),
        disabled=frozenset(name for name, rule in rules.items() if rule.disabled),
        holds={
            name: _span(rule.hold, document, f"alerts.rules.{name}.hold")
            for name, rule in rules.items()
            if rule.hold is not None
        },
    )


def _known(rules: Mapping[str, AlertRule], document: Document) -> Mapping[str, AlertRule]:
    for name in rules:
        if name not in RULES:
            raise document.wrong(
                f"there is no such rule; they are {', '.join(RULES)}", f"alerts.rules.{name}"
            )
    return rules


def _addressee(written: AlertTarget, document: Document, place: str) -> AddresseeSettings:
    readers: dict[str, Callable[[AlertTarget, Document, str], Target]] = {
        "webhook": _webhook,
        "ntfy": _ntfy,
        "email": _mail,
        "command": _command,
    }
    reader = readers.get(written.type)
    if reader is None:
        raise document.wrong(
            f"'{written.type}' must be one of {', '.join(readers)}", f"{place}.type"
        )
    name = written.name or written.type
    if not _NAME.fullmatch(name):
        raise document.wrong(
            "must be of letters, digits, dots, hyphens and underscores", f"{place}.name"
        )
    least = _SEVERITIES.get(written.severity or Severity.NOTICE.value)
    if least is None:
        raise document.wrong(
            f"'{written.severity}' must be one of {', '.join(_SEVERITIES)}", f"{place}.severity"
        )
    for rule in written.rules or ():
        if rule not in RULES:
            raise document.wrong(
                f"'{rule}' is no rule; they are {', '.join(RULES)}", f"{place}.rules"
            )
    return AddresseeSettings(
        name=name,
        target=reader(written, document, place),
        least=least,
        rules=frozenset(written.rules or ()),
    )


def _webhook(written: AlertTarget, document: Document, place: str) -> WebhookTarget:
    _url(written.url, document, place)
    secret = webhooks.read_secret("", written.secret_file, document, f"{place}.secret")
    key = None
    if secret is not None:
        try:
            key = Password(laxjson.base64_of(secret.reveal().decode("latin-1"), "secret"))
        except FormatError:
            raise document.wrong("must hold base64", f"{place}.secretFile") from None
    return WebhookTarget(
        url=written.url,
        id=written.id or written.name or written.type,
        secret=key,
        token=_token(written, document, place),
    )


def _ntfy(written: AlertTarget, document: Document, place: str) -> NtfyTarget:
    _url(written.url, document, place)
    server, _, topic = written.url.rstrip("/").rpartition("/")
    if "://" not in server or not topic or "?" in topic:
        raise document.wrong("must end with the topic: https://ntfy.sh/my-topic", f"{place}.url")
    return NtfyTarget(
        server=server,
        topic=topic,
        token=_token(written, document, place),
        username=written.username,
        password=_password(written, document, place),
    )


def _mail(written: AlertTarget, document: Document, place: str) -> MailTarget:
    try:
        security = MailSecurity(written.security or MailSecurity.STARTTLS)
    except ValueError:
        raise document.wrong(
            f"'{written.security}' must be one of {', '.join(MailSecurity)}", f"{place}.security"
        ) from None
    address = written.server
    if not address:
        raise document.wrong("must be a host, or host:port", f"{place}.server")
    if not re.search(r":\d+$", address):
        address = f"{address}:{_PORTS[security]}"
    try:
        host, port = split_address(address)
    except FormatError as error:
        raise document.wrong(error.public, f"{place}.server") from None
    if not host:
        raise document.wrong("must be a host, or host:port", f"{place}.server")
    for name, addresses in (("from", [written.sender]), ("to", written.to or [""])):
        for each in addresses:
            if not _ADDRESS.fullmatch(each):
                raise document.wrong(f"'{each}' is no e-mail address", f"{place}.{name}")
    password = _password(written, document, place)
    if password is not None and security is MailSecurity.NONE:
        raise document.wrong("a password is not sent without TLS", f"{place}.security")
    return MailTarget(
        host=host,
        port=port,
        security=security,
        username=written.username,
        password=password,
        sender=written.sender,
        to=tuple(written.to or ()),
    )


def _command(written: AlertTarget, document: Document, place: str) -> CommandTarget:
    if not written.command or not Path(written.command[0]).is_absolute():
        raise document.wrong("must begin with the full path of a program", f"{place}.command")
    return CommandTarget(command=tuple(written.command))


def _url(text: str, document: Document, place: str) -> None:
    try:
        gourl.parse(text)
        parts = urlsplit(text)
    except (FormatError, ValueError):
        raise document.wrong("is not a URL", f"{place}.url") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise document.wrong("must be an http or https URL", f"{place}.url")
    if parts.username is not None:
        raise document.wrong("may not contain username or password", f"{place}.url")


def _token(written: AlertTarget, document: Document, place: str) -> Password | None:
    token = webhooks.read_secret("", written.token_file, document, f"{place}.token")
    if token is not None and any(not 0x20 <= octet < 0x7F for octet in token.reveal()):
        raise document.wrong("must hold printable ASCII characters", f"{place}.tokenFile")
    return token


def _password(written: AlertTarget, document: Document, place: str) -> Password | None:
    password = webhooks.read_secret("", written.password_file, document, f"{place}.password")
    if bool(written.username) is not (password is not None):
        raise document.wrong("goes with `passwordFile`, and that with it", f"{place}.username")
    return password


def _watch(written: AlertWatch, document: Document, place: str) -> Watch:
    kinds = {each.value: each for each in CertificateKind}
    if written.kind and written.kind not in kinds:
        raise document.wrong(f"'{written.kind}' must be x509 or ssh", f"{place}.kind")
    if not (written.name or written.provisioner or written.kind or written.client):
        raise document.wrong("must say which issuances are meant", place)
    title = written.title or written.name or written.provisioner or written.client or written.kind
    return Watch(
        title=title,
        name=written.name,
        provisioner=written.provisioner,
        kind=kinds.get(written.kind),
        client=written.client,
        first_only=written.first_only,
    )


def _burst(written: AlertRefusals, document: Document) -> Burst:
    if written.count < 1:
        raise document.wrong("must be 1 or more", "alerts.refusals.count")
    within = _span(written.within, document, "alerts.refusals.within")
    if within <= timedelta():
        raise document.wrong("must be longer than nothing", "alerts.refusals.within")
    return Burst(count=written.count, within=within)


def _span(text: str, document: Document, place: str) -> timedelta:
    span = claims.duration(text, document, place)
    if not timedelta() <= span <= _LONGEST:
        raise document.wrong("must be from 0s to 8784h", place)
    return span
