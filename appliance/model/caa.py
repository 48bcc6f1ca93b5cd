"""CAA records as values (RFC 8659)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class CaaRecord:
    """One CAA record (RFC 8659 4.1). The tag is lower case."""

    critical: bool
    tag: str
    value: str
