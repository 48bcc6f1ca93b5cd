"""The first run as the console sees it, before there is an appliance to operate, and just after."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Protocol, final

from appliance.model.founding import (
    Check,
    ClockSeen,
    Device,
    Draft,
    FirstCertificate,
    Founded,
    Passwords,
    Progress,
    Topic,
    Utterance,
)
from appliance.model.secret import Password
from appliance.operator.bridge import Bridge


class Founding(Protocol):
    """A CA in the making. What is answered is on disk between two steps, but for what is secret."""

    async def begin(self) -> Progress:
        """Say where it is: at the beginning, or where it was left. Raises ConfigError."""
        ...

    async def judge(self, topic: Topic, draft: Draft) -> Sequence[Check]:
        """Look at the answers of one step; changes nothing."""
        ...

    async def keep(self, draft: Draft, topic: Topic) -> None:
        """Write the answers down, and that this step is the next. Raises ConfigError."""
        ...

    async def clock(self) -> ClockSeen:
        """Look at the clock."""
        ...

    async def set_clock(self, at: datetime) -> None:
        """Set the clock. Raises Forbidden where this user may not."""
        ...

    async def devices(self) -> Sequence[Device]:
        """Find the tokens that are plugged in; takes a moment."""
        ...

    async def make(self, draft: Draft, passwords: Passwords) -> Founded:
        """Make the CA, or go on with what was interrupted; asks by `hear`.

        Cancelled or failed, it can be called again. Raises HearthError.
        """
        ...

    async def hear(self) -> Utterance:
        """Wait for what `make` says next."""
        ...

    async def answer(self, given: bool | str | Password) -> None:  # noqa: FBT001 - an answer
        """Answer the last question."""
        ...

    async def undo(self) -> Sequence[str]:
        """Remove what was made; give what could not be, in words."""
        ...


class FirstCertificates(Protocol):
    """The first certificate of a new CA, by its first provisioner."""

    async def suggest(self) -> str:
        """Give a name for it: that of this machine."""
        ...

    async def issue(self, name: str) -> FirstCertificate:
        """Have it issued, and write it and its key. Raises HearthError."""
        ...


@final
class BridgedFounding:
    """The Founding of the Trio thread as the console's thread sees it."""

    def __init__(self, bridge: Bridge, founding: Founding) -> None:
        self._bridge = bridge
        self._founding = founding

    async def begin(self) -> Progress:
        """Say where it is."""
        return await self._bridge.call(self._founding.begin)

    async def judge(self, topic: Topic, draft: Draft) -> Sequence[Check]:
        """Look at the answers of one step."""
        return await self._bridge.call(self._founding.judge, topic, draft)

    async def keep(self, draft: Draft, topic: Topic) -> None:
        """Write the answers down."""
        await self._bridge.call(self._founding.keep, draft, topic)

    async def clock(self) -> ClockSeen:
        """Look at the clock."""
        return await self._bridge.call(self._founding.clock)

    async def set_clock(self, at: datetime) -> None:
        """Set the clock."""
        await self._bridge.call(self._founding.set_clock, at)

    async def devices(self) -> Sequence[Device]:
        """Find the tokens that are plugged in."""
        return await self._bridge.call(self._founding.devices)

    async def make(self, draft: Draft, passwords: Passwords) -> Founded:
        """Make the CA."""
        return await self._bridge.call(self._founding.make, draft, passwords)

    async def hear(self) -> Utterance:
        """Wait for what `make` says next."""
        return await self._bridge.call(self._founding.hear)

    async def answer(self, given: bool | str | Password) -> None:  # noqa: FBT001 - an answer
        """Answer the last question."""
        await self._bridge.call(self._founding.answer, given)

    async def undo(self) -> Sequence[str]:
        """Remove what was made."""
        return await self._bridge.call(self._founding.undo)


@final
class BridgedFirstCertificates:
    """The FirstCertificates of the server as the console's thread sees them."""

    def __init__(self, bridge: Bridge, certificates: FirstCertificates) -> None:
        self._bridge = bridge
        self._certificates = certificates

    async def suggest(self) -> str:
        """Give a name for it."""
        return await self._bridge.call(self._certificates.suggest)

    async def issue(self, name: str) -> FirstCertificate:
        """Have it issued."""
        return await self._bridge.call(partial(self._certificates.issue, name))
