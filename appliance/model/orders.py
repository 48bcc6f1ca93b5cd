"""What is asked of a CA: by its clients over the network, and by a person at the box itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class SignOrder:
    """A request for a certificate. Times are RFC 3339 or Go durations, or empty."""

    csr: bytes  # DER
    token: str
    not_before: str = ""
    not_after: str = ""
    template_data: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RevokeOrder:
    """A request for a revocation; without a token, the client certificate has the right to it."""

    serial: int
    token: str = ""
    reason_code: int = 0
    reason: str = ""
