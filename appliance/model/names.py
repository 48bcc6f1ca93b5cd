"""Subject alternative names as values."""

import enum
from dataclasses import dataclass


class SanKind(enum.StrEnum):
    """The kinds of name that a request or a token can ask for."""

    DNS = "dns"
    IP = "ip"
    EMAIL = "email"
    URI = "uri"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class San:
    """One name. `value` is in the form that goes into the certificate: IPs in canonical text."""

    kind: SanKind
    value: str
