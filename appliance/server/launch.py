"""What an appliance is started with, how it is told to stop or reload, and what it tells of itself.

headless:  server.run.run_headless(launch, ring)              trio.run here, signals here
console:   trio.run in a thread of its own, where
               controls = Controls()
               running = await nursery.start(
                   partial(serve_appliance, launch, ring=ring, controls=controls)
               )
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

import trio

from appliance.model.events import Event, EventKind, NumberedEvent
from appliance.model.secret import Password
from appliance.model.ssh import CertificateType
from appliance.operator.tally import HourlyTally

if TYPE_CHECKING:
    from appliance.operator.interface import Issuance, Operator


class EventRing(Protocol):
    """Where events go and are remembered: a sink that can be asked."""

    @property
    def totals(self) -> Mapping[EventKind, int]:
        """How many there were of each kind since the start."""
        ...

    @property
    def tally(self) -> HourlyTally:
        """How many there were in each of the last hours."""
        ...

    def record(self, event: Event) -> None:
        """Take the event, never wait, never raise; callable from any thread."""
        ...

    def events(self, after: int = 0) -> Sequence[NumberedEvent]:
        """Give the next remembered events with a number above `after`, oldest first; or none."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """How the targets of ACME's challenges are found and asked.

    `resolver` (address, port) is asked instead of the system's; `fully_qualified` names are looked
    up as they are, without the system's list of domains to search.
    """

    resolver: tuple[str, int] | None = None
    http_port: int = 80
    tls_port: int = 443
    fully_qualified: bool = False


USUAL_NETWORK: Final = Network()


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """Everything that the command line decides; ca.json is read again at each reload.

    `password` opens the intermediate's key where it is encrypted; ca.json's own is the second
    choice. `ssh_passwords` open SSH keys that have another one. `address` replaces that of ca.json
    (`127.0.0.1:0` takes a free port).
    """

    file: Path
    context: str = ""  # the name of step's context, when contexts are used
    password: Password | None = field(default=None)
    ssh_passwords: Mapping[CertificateType, Password] = field(default_factory=dict)
    address: str = ""
    quiet: bool = False
    pid_file: Path | None = None
    network: Network = USUAL_NETWORK
    pins: Mapping[str, Password] = field(default_factory=dict)  # of tokens, by their URIs


class Controls:
    """How a running appliance is told something; only from within its Trio thread."""

    def __init__(self) -> None:
        self.stop = trio.Event()
        self._reload, self.reloads = trio.open_memory_channel[None](1)

    def reload(self) -> None:
        """Ask for the configuration to be read again; asking twice before it begins is once."""
        try:
            self._reload.send_nowait(None)
        except trio.WouldBlock:
            return


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A serving appliance. `addresses` are host and port of each listener, the real port of 0."""

    operator: "Operator"
    issuance: "Issuance"
    addresses: tuple[tuple[str, int], ...]
    url: str
