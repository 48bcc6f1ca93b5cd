"""Who is told of alerts: a webhook, a phone, a mailbox, a program."""

from typing import Protocol

from appliance.model.alerts import Notice


class NoticeTarget(Protocol):
    """Takes notices, one at a time."""

    async def deliver(self, notice: Notice) -> None:
        """Hand it over, and return when it was taken; the caller limits how long that lasts.

        Raises Unavailable when it may be taken later, Forbidden when this notice is refused.
        """
        ...
