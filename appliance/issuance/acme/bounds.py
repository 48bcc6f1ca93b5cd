"""Names that an ACME account may order, where the key that let it in was given out for some."""

from collections.abc import Sequence
from dataclasses import dataclass

from appliance.issuance.acme import identifiers
from appliance.issuance.name_patterns import address
from appliance.issuance.policy import BadPattern, NamePolicy
from appliance.model.acme import Identifier
from appliance.model.errors import Forbidden, FormatError

PLACE = "the key of this account"


@dataclass(frozen=True, slots=True)
class Bounds:
    """Rules, written as those of a policy: names, `*.domain`, addresses, ranges of addresses.

    `*.domain` is what has one label before it, and the wildcard itself.
    """

    policy: NamePolicy

    @classmethod
    def of(cls, written: Sequence[str]) -> "Bounds":
        """Read rules. Raises FormatError naming the one that cannot be read."""
        names: dict[str, list[str]] = {"dns": [], "ip": []}
        for each in written:
            names["ip" if _is_address(each) else "dns"].append(each)
        try:
            return cls(NamePolicy.compile(names, {}, wildcards=True, place=PLACE))
        except BadPattern as error:
            raise FormatError(
                f"{error.public}: allow names such as nas.home.arpa, *.home.arpa, 10.0.0.7 or "
                "10.0.0.0/8"
            ) from error

    def check(self, identifier: Identifier) -> None:
        """Let an identifier pass. Raises Forbidden."""
        san = identifiers.san(identifier)
        if san is None:
            raise Forbidden(
                f"{identifier.type} {identifier.value} not allowed by {PLACE}: it is for names "
                "and addresses"
            )
        self.policy.check("", (san,))


def _is_address(written: str) -> bool:
    try:
        address(written)
    except FormatError:
        # What is nearly a range is told as one; a name has no slash.
        return "/" in written
    return True
