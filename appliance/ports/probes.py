"""What the world shows of a name: how ACME's challenges are looked at (RFC 8555 8, RFC 8737).

A probe looks once, never twice, and always ends within its own time. Whatever it found or not, it
tells what was tried, for people: they have to find out why a challenge failed.
"""

import enum
from dataclasses import dataclass
from typing import Protocol

from msgspec import Struct

from appliance.model.caa import CaaRecord
from appliance.model.errors import Unavailable


class Trial(Struct, frozen=True, kw_only=True):
    """One thing that was tried, and what came of it, in words: `192.0.2.7 port 80`, `refused`."""

    what: str
    outcome: str


class Fault(enum.StrEnum):
    """Where looking failed; each is an error type of ACME (RFC 8555 6.7)."""

    DNS = "dns"  # the name could not be looked up
    CONNECTION = "connection"  # nothing answered, or not as the protocol has it
    TLS = "tls"  # the handshake failed


class ProbeFailed(Unavailable):
    """There was nothing to look at. Nothing is known of the identifier; later there may be."""

    is_absence = False
    """Whether the DNS says that there is no such name, which is an answer, too."""

    def __init__(
        self, public: str, *, fault: Fault, tried: tuple[Trial, ...] = (), alert: str = ""
    ) -> None:
        super().__init__(public)
        self.fault = fault
        self.tried = tried
        self.alert = alert  # of TLS, by its name in RFC 8446 6: `no_application_protocol`


class Page(Struct, frozen=True, kw_only=True):
    """What an HTTP server answered. `body` is cut where no challenge's answer is that long."""

    url: str  # that was asked last, after redirects
    status: int
    body: bytes
    tried: tuple[Trial, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Presented:
    """What a TLS server showed: the protocol that it agreed to, its certificate (DER)."""

    protocol: str
    certificate: bytes
    tried: tuple[Trial, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """The TXT records of a name, their strings joined, and where aliases led."""

    values: tuple[str, ...]
    tried: tuple[Trial, ...]


class HttpProbe(Protocol):
    """Asks web servers as http-01 does."""

    async def page(self, host: str, path: str) -> Page:
        """GET a path of a host name or address, following redirects; give the last answer.

        Raises ProbeFailed when there is none. A status of 400 and more is an answer.
        """
        ...


class TlsProbe(Protocol):
    """Shakes hands as tls-alpn-01 does."""

    async def presented(self, host: str, server_name: str, protocol: str) -> Presented:
        """Offer one ALPN protocol and a server name to a host name or address.

        Raises ProbeFailed when the handshake does not come to its end.
        """
        ...


class DnsProbe(Protocol):
    """Asks for records as dns-01 does."""

    async def texts(self, name: str) -> Texts:
        """Give the TXT records of a name, following aliases; none is an answer, too.

        Raises ProbeFailed when there is no answer, or no such name.
        """
        ...

    async def authorizations(self, name: str) -> tuple[CaaRecord, ...]:
        """Give the CAA records of a name itself, following aliases; none when there are none.

        Raises ProbeFailed when there is no answer. That the name does not exist is one.
        """
        ...
