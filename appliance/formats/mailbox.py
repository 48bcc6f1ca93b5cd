"""Email addresses as certificates carry them: the Mailbox of RFC 2821 4.1.2 (RFC 5280 4.2.1.6)."""

import re
from dataclasses import dataclass
from typing import Final

from appliance.model.errors import FormatError

# Quoted pairs outside of quotes and spaces in them are in the examples of RFC 3696 3.
_ATOMS: Final = re.compile(r"(?:\\[\x00-\x7f]|[0-9A-Za-z!#$%&'*+\-/=?^_`{|}~.])+")
_QUOTED: Final = re.compile(
    r'"((?:\\[\x01-\x09\x0b\x0c\x0e-\x7f]|[\x01-\x08\x0b\x0c\x0e-\x21\x23-\x5b\x5d-\x7f])*)"'
)
_PAIR: Final = re.compile(r"\\(.)", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailbox:
    """An address; `local` is without quotes."""

    local: str
    domain: tuple[str, ...]  # labels in lower case


def parse(address: str) -> Mailbox:
    """Take an address apart. Raises FormatError."""
    found = _QUOTED.match(address)
    if found is not None:
        local = _PAIR.sub(r"\1", found[1])
    else:
        found = _ATOMS.match(address)
        local = _PAIR.sub(r"\1", found[0]) if found else ""
        if not local or local.startswith(".") or local.endswith(".") or ".." in local:
            found = None
    domain = None if found is None else _domain(address[found.end() :])
    if domain is None:
        raise FormatError(f"{address[:80]!r} is not an email address")
    return Mailbox(local=local, domain=domain)


def labels(domain: str) -> tuple[str, ...] | None:
    """Split a domain at its periods, in lower case; None when it has no such form.

    Labels are of printable ASCII; the first may be empty, no other.
    """
    parts = tuple(domain.lower().split("."))
    if not all(parts[1:]) or (len(parts) == 1 and not parts[0]):
        return None
    if any(not "!" <= character <= "~" for part in parts for character in part):
        return None
    return parts


def _domain(rest: str) -> tuple[str, ...] | None:
    return labels(rest[1:]) if rest.startswith("@") else None
