"""How strictly a provisioner of type ACME looks, and how patiently."""

import enum
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

PATIENCE: Final = timedelta(minutes=1)
"""How long challenges are looked at: less than clients such as certbot wait (90 s)."""


class CaaMode(enum.StrEnum):
    """What CAA records (RFC 8659) that do not let us issue lead to."""

    OFF = "off"
    WARN = "warn"
    STRICT = "strict"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checks:
    """`options.acme` of a provisioner. A challenge is given up when `patience` is over."""

    caa: CaaMode = CaaMode.WARN
    patience: timedelta = PATIENCE
    subdomains: bool = False  # whether who has proven a domain may have names below it (RFC 9444)


USUAL: Final = Checks()
