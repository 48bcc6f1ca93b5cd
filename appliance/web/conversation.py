"""What the requests of one connection share, in both lanes."""

import enum
from time import monotonic

import trio

from appliance.web.http import PeerCertificate
from appliance.web.limits import Limits


class Phase(enum.Enum):
    """What a connection waits for."""

    HANDSHAKE = enum.auto()
    HEAD = enum.auto()
    BODY = enum.auto()
    RESPONSE = enum.auto()


class Conversation:
    """What the requests of one connection share.

    `scope` is around all that it does, and is cancelled soon after `due` (web.connection.watch):
    to move that moment with each phase costs nothing, as it would to move a scope's deadline.
    `version` is that of TLS, empty without; `ending` says that the next answer is the last.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.scope = trio.CancelScope()
        self.phase = Phase.HANDSHAKE
        self.due = monotonic() + limits.handshake
        self.ending = False
        self.version = ""
        self.peer: PeerCertificate | None = None

    def enter(self, phase: Phase, seconds: float) -> None:
        """Wait for something else, for so long."""
        self.phase = phase
        self.due = monotonic() + seconds

    def allow_for_sending(self, octets: int) -> None:
        """Move the deadline: an answer of this size takes its time."""
        self.due = max(self.due, monotonic() + self.limits.sending(octets))
