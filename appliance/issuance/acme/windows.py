"""When a certificate should be renewed (RFC 9773 4.2): a window in which clients choose a moment.

    issued ─────────────────────────────────[ usual ]──────────────────── end
    issued ──── issuer goes ──[ early ]────────────────────────────────── end
    issued [ revoked ] now ────────────────────────────────────────────── end

Where a window lies within what there is follows from the certificate alone: it stays where it is
whenever and by whichever instance it is told, and the windows of many certificates that were issued
together lie side by side.
"""

import enum
import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from appliance.model.validity import Validity

_SECOND: Final = timedelta(seconds=1)
_USUAL: Final = 2 / 3  # of the life: where the windows lie on average
_WIDTH: Final = 1 / 24  # of the life: that of a window
_SPREAD: Final = 1 / 8  # of the life: that of all windows
_EARLY: Final = timedelta(days=1)  # by when all have renewed, after an issuer began to go
_PAST: Final = timedelta(hours=1)  # the window of a revoked certificate
_SOONEST, _LATEST = timedelta(minutes=1), timedelta(hours=6)  # between two looks of a client


class Reason(enum.Enum):
    """Why a window is where it is."""

    USUAL = enum.auto()
    ISSUER = enum.auto()  # its issuer issues no more
    REVOKED = enum.auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """From the first moment to the last, in whole seconds; the last is later than the first."""

    start: datetime
    end: datetime
    reason: Reason = Reason.USUAL


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """A certificate as far as its renewal goes. `name` tells it from others.

    It begins when it could be used first; `end` is that of the certificate, or of an issuer of it
    that ends sooner.
    """

    name: bytes
    begin: datetime
    end: datetime

    @property
    def length(self) -> timedelta:
        """From begin to end."""
        return max(self.end - self.begin, timedelta())


def life(name: bytes, validity: Validity, issued: datetime | None, above: datetime | None) -> Life:
    """Make a life of what is known: when it was issued, and when its issuer ends."""
    begin = max(validity.not_before, issued or validity.not_before)
    return Life(
        name=name,
        begin=_whole(begin + _SECOND - timedelta(microseconds=1)),
        end=min(validity.not_after, above or validity.not_after),
    )


def window(
    life: Life, *, revoked: datetime | None = None, issuer_goes: datetime | None = None
) -> Window:
    """Give when a certificate should be renewed.

    `revoked` is when it was, `issuer_goes` when its issuer was first seen to issue no more.
    """
    if revoked is not None:
        end = max(_whole(revoked), life.begin + _SECOND)
        return Window(start=max(life.begin, end - _PAST), end=end, reason=Reason.REVOKED)
    usual = _within(life, life.begin + life.length * (_USUAL - _SPREAD / 2), life.length * _SPREAD)
    if issuer_goes is None:
        return usual
    begin = max(issuer_goes, life.begin)
    spread = max(min(_EARLY, usual.start - begin), timedelta())
    early = _within(life, begin, spread, Reason.ISSUER)
    return early if early.start < usual.start else usual


def look_again(life: Life) -> timedelta:
    """Say how long a client may go by what it was told: a day of a short life is long."""
    return _whole_seconds(min(max(life.length / 24, _SOONEST), _LATEST))


def _within(
    life: Life, begin: datetime, spread: timedelta, reason: Reason = Reason.USUAL
) -> Window:
    """Choose a window within a stretch of time by the certificate's name, and within its life."""
    width = min(life.length * _WIDTH, spread / 2)
    start = _whole(begin + (spread - width) * _share(life.name))
    start = max(life.begin, min(start, life.end - _SECOND))
    return Window(start=start, end=max(start + _SECOND, _whole(start + width)), reason=reason)


def _share(name: bytes) -> float:
    """Give a number from [0, 1) that is a certificate's own."""
    return int.from_bytes(hashlib.sha256(name).digest()[:6]) / (1 << 48)


def _whole(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)


def _whole_seconds(length: timedelta) -> timedelta:
    return timedelta(seconds=int(length.total_seconds()))
