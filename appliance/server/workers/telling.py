"""What a worker tells without waiting: events, what is counted, lines of the log."""

from collections.abc import Sequence
from typing import final

from appliance.formats.prometheus import Family
from appliance.model.events import Event
from appliance.model.webhooks import WebhookKind
from appliance.server.workers.link import Link
from appliance.server.workers.messages import (
    FromMain,
    Happened,
    KeyUsed,
    Line,
    WebhookCalled,
    event_octets,
)


@final
class RemoteEvents:
    """A CountingSink (ports.events) at the other end of a link."""

    def __init__(self, link: Link[FromMain]) -> None:
        self._link = link

    def record(self, event: Event) -> None:
        """Tell of an event."""
        self._link.mention(Happened(event_octets(event)))

    def key_used(self, *, succeeded: bool, seconds: float = 0.0) -> None:
        """Tell of a signature."""
        self._link.mention(KeyUsed(succeeded, seconds))

    def webhook_called(self, kind: WebhookKind, provisioner: str, *, succeeded: bool) -> None:
        """Tell of a webhook that was asked."""
        self._link.mention(WebhookCalled(kind, provisioner, succeeded))


@final
class RemoteOutput:
    """An Output (server.output) at the other end of a link: so lines of processes never mix."""

    def __init__(self, link: Link[FromMain]) -> None:
        self._link = link

    def write(self, line: str) -> None:
        """Send a line."""
        self._link.mention(Line(line))

    def flush(self) -> None:
        """Have them sent in a moment, as they are anyhow."""


async def no_numbers() -> Sequence[Family]:
    """Give no metrics: the main process has them all."""
    return ()
