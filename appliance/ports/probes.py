"""Looking at the targets of validations: what was tried is part of every answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempted:
    """What was tried, for people: the name, the addresses it had, the one connected to.

    `failure` is empty when an answer came.
    """

    target: str
    addresses: tuple[str, ...] = ()
    address: str = ""
    failure: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpFound:
    """What a web server answered. `body` is cut off at the probe's limit."""

    attempted: Attempted
    status: int = 0
    body: bytes = b""
    url: str = ""  # after redirects


class HttpProbe(Protocol):
    """GETs a URL of plain HTTP, following redirects, trusting any certificate."""

    async def get(self, host: str, path: str) -> HttpFound:
        """Ask port 80 (or the one configured) of a name or address. Never raises for a target."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsFound:
    """The strings of each TXT record, joined."""

    attempted: Attempted
    texts: tuple[str, ...] = ()


class DnsProbe(Protocol):
    """Asks a resolver."""

    async def texts(self, name: str) -> DnsFound:
        """Give the TXT records of a name, aliases followed. Never raises for a target."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFound:
    """What a TLS server showed. `certificate` is DER; `protocol` what ALPN came to."""

    attempted: Attempted
    protocol: str = ""
    certificate: bytes = b""
    alert: str = ""


class TlsProbe(Protocol):
    """Makes TLS handshakes."""

    async def handshake(self, host: str, server_name: str, protocols: Sequence[str]) -> TlsFound:
        """Connect to port 443 (or the one configured). Never raises for a target."""
        ...
