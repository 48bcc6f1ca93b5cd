"""Which `aud` claims mean this CA: one URL for each of its names and of the paths of an operation.

Ports do not matter, so that a CA behind a forwarded port needs no configuration of its own.
"""

import ipaddress
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import quote

from appliance.formats import gourl
from appliance.model.errors import FormatError, Unauthorized

_OPERATIONS = (
    "sign", "renew", "revoke", "ssh/sign", "ssh/renew", "ssh/revoke", "ssh/rekey",
)  # fmt: skip
_IN_FRAGMENT = "!$&()*+,/:;=?@"  # what Go leaves as it is
_LEGACY = "step-certificate-authority"  # what early clients sent instead of a URL
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(?:([^@/?#]*)@)?([^/?#]*)(.*)", re.DOTALL)
_HOST = re.compile(r"(?:\[([^\]]*)\]|([^:\[\]]*))(?::[0-9]*)?")


class Audience:
    """The accepted values for one operation."""

    __slots__ = ("_accepted", "_fragment")

    def __init__(self, accepted: Iterable[str], fragment: str = "") -> None:
        """Take the accepted values, each of which must end in the fragment where there is one."""
        self._accepted = frozenset(map(without_port, accepted))
        self._fragment = fragment

    def check(self, claimed: Sequence[str]) -> None:
        """Let a claim pass of which one value is accepted. Raises Unauthorized."""
        if not self.matches(claimed, self._fragment):
            given = ", ".join(claimed) or "nobody"
            raise Unauthorized("the token is meant for another server", detail=f"aud: {given}")

    def matches(self, claimed: Sequence[str], fragment: str = "") -> bool:
        """Say whether one value of a claim is accepted, with the fragment if one is given."""
        accepted = self._accepted
        if fragment:
            claimed = _without_fragment(claimed, fragment)
        return not (
            accepted.isdisjoint(claimed) and accepted.isdisjoint(map(without_port, claimed))
        )

    def with_fragment(self, fragment: str) -> "Audience":
        """Give the same for URLs that name a provisioner in their fragment."""
        return Audience(self._accepted, fragment)


@dataclass(frozen=True, slots=True, kw_only=True)
class Audiences:
    """All that the operations accept; `every`: of any of them."""

    sign: Audience
    renew: Audience
    revoke: Audience
    ssh_sign: Audience
    ssh_renew: Audience
    ssh_rekey: Audience
    ssh_revoke: Audience
    every: Audience

    def with_fragment(self, fragment: str) -> "Audiences":
        """Give the same for tokens that name a provisioner in the fragment of their audience."""
        return Audiences(
            sign=self.sign.with_fragment(fragment),
            renew=self.renew.with_fragment(fragment),
            revoke=self.revoke.with_fragment(fragment),
            ssh_sign=self.ssh_sign.with_fragment(fragment),
            ssh_renew=self.ssh_renew.with_fragment(fragment),
            ssh_rekey=self.ssh_rekey.with_fragment(fragment),
            ssh_revoke=self.ssh_revoke.with_fragment(fragment),
            every=self.every.with_fragment(fragment),
        )


def audiences(names: Iterable[str]) -> Audiences:
    """Give what a CA of these `dnsNames` accepts."""
    hosts = [_host(name) for name in names]

    def of(*operations: str) -> list[str]:
        return [
            f"https://{host}{prefix}/{operation}"
            for host in hosts
            for operation in operations
            for prefix in ("/1.0", "")
        ]

    return Audiences(
        sign=Audience([_LEGACY, *of("sign", "ssh/sign")]),
        renew=Audience(of("renew")),
        revoke=Audience([_LEGACY, *of("revoke")]),
        ssh_sign=Audience(of("ssh/sign", "sign")),
        ssh_renew=Audience(of("ssh/renew")),
        ssh_rekey=Audience(of("ssh/rekey")),
        ssh_revoke=Audience(of("ssh/revoke")),
        every=Audience([_LEGACY, *of(*_OPERATIONS)]),
    )


def fragment(claimed: Iterable[str]) -> str:
    """Find the first URL fragment: how other types than JWK name their provisioner."""
    for each in claimed:
        if "#" not in each:
            continue
        with suppress(FormatError):
            if found := gourl.parse(each).fragment:
                return found
    return ""


def _without_fragment(claimed: Iterable[str], fragment: str) -> list[str]:
    """Give the URLs with that fragment, written as Go writes it, without it."""
    wanted = quote(fragment, safe=_IN_FRAGMENT)
    found = []
    for each in claimed:
        url, _, written = each.partition("#")
        with suppress(FormatError):
            if url != _LEGACY and gourl.parse(f"#{written}").text == f"#{wanted}":
                found.append(url)
    return found


def without_port(url: str) -> str:
    """Take the port, and an IPv6 address's brackets, out of a URL; other text stays as it is."""
    match = _URL.fullmatch(url)
    host = _HOST.fullmatch(match[3]) if match else None
    if match is None or host is None:
        return url
    user = f"{match[2]}@" if match[2] is not None else ""
    return f"{match[1].lower()}://{user}{host[1] or host[2] or ''}{match[4]}"


def _host(name: str) -> str:
    """Put an IPv6 address into brackets, as URLs have it."""
    try:
        return f"[{name}]" if ipaddress.ip_address(name).version == 6 else name
    except ValueError:
        return name
