"""What keeps the CA from issuing for a while, though it serves everything else."""

import enum
from collections.abc import Callable
from typing import final

from appliance.model.errors import Unavailable

_RETRY_AFTER = 60  # seconds


class Bar(enum.StrEnum):
    """Why nothing is issued."""

    DISK = "disk"  # nearly full
    STORE = "store"  # a write failed
    CLOCK = "clock"  # the time is not to be trusted


@final
class IssuanceGate:
    """Is asked before anything else is done for a request, so that one refused here costs nothing.

    A one-time token is not used up then: its holder may come again with it. Revocations pass.
    """

    def __init__(self) -> None:
        self._bars: dict[Bar, str] = {}
        self._told: list[Callable[[], None]] = []

    def tell(self, listener: Callable[[], None]) -> None:
        """Have someone told whenever `bars` have changed."""
        self._told.append(listener)

    @property
    def bars(self) -> dict[Bar, str]:
        """What bars the way now, and in which words."""
        return dict(self._bars)

    def close(self, bar: Bar, sentence: str) -> None:
        """Let nothing pass; whoever asks is told the sentence."""
        if self._bars.get(bar) != sentence:
            self._bars[bar] = sentence
            self._tell()

    def open(self, bar: Bar) -> None:
        """Take a bar away."""
        if self._bars.pop(bar, None) is not None:
            self._tell()

    def check(self) -> None:
        """Let an issuance pass. Raises Unavailable."""
        for sentence in self._bars.values():
            raise Unavailable(sentence, retry_after=_RETRY_AFTER)

    def check_time(self) -> None:
        """Let pass what is dated, and needs little of the disk: lists. Raises Unavailable."""
        if sentence := self._bars.get(Bar.CLOCK):
            raise Unavailable(sentence, retry_after=_RETRY_AFTER)

    def _tell(self) -> None:
        for told in self._told:
            told()
