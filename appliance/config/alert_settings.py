"""`alerts`, as checked: who is told of what. (config.alerts reads it.)"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeAlias

from appliance.model.alerts import Burst, Watch
from appliance.model.conditions import Severity
from appliance.model.secret import Password


class MailSecurity(enum.StrEnum):
    """How a mail server is spoken to."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookTarget:
    """A POST, signed as step-ca's webhooks are."""

    url: str
    id: str
    secret: Password | None
    token: Password | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NtfyTarget:
    """A topic of an ntfy server: `https://ntfy.sh/my-topic`."""

    server: str
    topic: str
    token: Password | None
    username: str
    password: Password | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MailTarget:
    """A mail server that takes letters for some people."""

    host: str
    port: int
    security: MailSecurity
    username: str
    password: Password | None
    sender: str
    to: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandTarget:
    """A program and its arguments; it gets the notice in JSON on standard input."""

    command: tuple[str, ...]


Target: TypeAlias = WebhookTarget | NtfyTarget | MailTarget | CommandTarget


@dataclass(frozen=True, slots=True, kw_only=True)
class AddresseeSettings:
    """Who is told, and of what."""

    name: str
    target: Target
    least: Severity = Severity.NOTICE
    rules: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertSettings:
    """A checked `alerts`."""

    addressees: tuple[AddresseeSettings, ...] = ()
    watches: tuple[Watch, ...] = ()
    burst: Burst = field(default_factory=Burst)
    disabled: frozenset[str] = frozenset()
    holds: Mapping[str, timedelta] = field(default_factory=dict)
