"""Subject alternative names as values."""

import enum

from msgspec import Struct


class SanKind(enum.StrEnum):
    """The kinds of name that a request or a token can ask for."""

    DNS = "dns"
    IP = "ip"
    EMAIL = "email"
    URI = "uri"


class San(Struct, frozen=True, kw_only=True, order=True):
    """One name. `value` is in the form that goes into the certificate: IPs in canonical text."""

    kind: SanKind
    value: str
