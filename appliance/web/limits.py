"""What one client may cost us."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Times are in seconds, sizes in octets. step-ca has 15 s for each of its times."""

    connections: int = 1000
    handshake: float = 10
    header: float = 15  # from accept, or the first octet of a later request, to the end of its head
    body: float = 15  # from the end of the head to the end of the body
    response: float = 30  # what an endpoint may take
    send: float = 15  # until a client that takes nothing of an answer is given up
    keep_alive: float = 15  # between requests
    header_octets: int = 32 * 1024  # a renewal token carries a certificate chain in a header
    body_octets: int = 256 * 1024
    drain: float = 60  # at stop, until the last request is cut
    slowest: int = 64 * 1024  # octets a second at which a client must take a large answer

    def sending(self, octets: int) -> float:
        """Give how long a client may take for an answer of this size."""
        return self.send + octets / self.slowest
