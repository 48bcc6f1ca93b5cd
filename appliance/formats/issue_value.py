"""Issue values (RFC 8659 4.2), of CAA and dns-persist-01: which CA may issue, on what terms.

ca.example; accounturi=https://ca.example/acme/1; validationmethods=dns-01
"""

import re
from dataclasses import dataclass
from typing import Final

from appliance.model.errors import FormatError

_LABEL: Final = r"[A-Za-z0-9](?:-*[A-Za-z0-9])*"
_ISSUER: Final = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*)?")
_PARAMETER: Final = re.compile(rf"({_LABEL})[ \t]*=[ \t]*([\x21-\x3a\x3c-\x7e]*)")
_SPACE: Final = " \t"


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueValue:
    """One that was read. `issuer` (empty: nobody) and the parameters' tags are lower case."""

    issuer: str
    parameters: tuple[tuple[str, str], ...]

    def all(self, tag: str) -> tuple[str, ...]:
        """Give what is said for a tag; it may be said more than once."""
        return tuple(value for name, value in self.parameters if name == tag)


def parse(text: str) -> IssueValue:
    """Read one. Raises FormatError."""
    issuer, _, rest = text.partition(";")
    name = issuer.strip(_SPACE)
    if not _ISSUER.fullmatch(name):
        raise FormatError(f"{name[:80]!r} is not the domain name of a CA")
    parameters = []
    for part in (each.strip(_SPACE) for each in rest.split(";")):
        if not part:  # behind the last semicolon
            continue
        found = _PARAMETER.fullmatch(part)
        if found is None:
            raise FormatError(f"{part[:80]!r} is not a parameter (tag=value)")
        parameters.append((found[1].lower(), found[2]))
    return IssueValue(issuer=name.lower(), parameters=tuple(parameters))
