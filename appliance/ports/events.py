"""Where events go."""

from typing import Protocol

from appliance.model.events import Event


class EventSink(Protocol):
    """Takes note of what happened."""

    def record(self, event: Event) -> None:
        """Take the event, never wait, never raise; callable from any thread."""
        ...
