"""Where events go."""

from typing import Protocol

from appliance.model.events import Event
from appliance.model.webhooks import WebhookKind


class EventSink(Protocol):
    """Takes note of what happened."""

    def record(self, event: Event) -> None:
        """Take the event, never wait, never raise; callable from any thread."""
        ...


class CountingSink(EventSink, Protocol):
    """Takes note, too, of what is counted and is no event; on the same terms."""

    def key_used(self, *, succeeded: bool, seconds: float = 0.0) -> None:
        """Count a signature, or that there was none."""
        ...

    def webhook_called(self, kind: WebhookKind, provisioner: str, *, succeeded: bool) -> None:
        """Count a webhook that was asked for a provisioner, and whether it said yes."""
        ...
