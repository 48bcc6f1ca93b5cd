"""Is the clock right? What the kernel says of it, and what must have been before now.

A box without a battery boots in the past, until it has asked the network. What it signs then ends
before its time, or began before its CA did.
"""

import ctypes
import sys
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from appliance.model.errors import Forbidden
from appliance.model.founding import ClockSeen

_TIMEX: Final = 512  # octets: struct timex is shorter everywhere
_ERROR: Final = 5  # TIME_ERROR (adjtimex(2)): the clock is not synchronised
# Written when the time was known: by systemd-timesyncd, fake-hwclock, and at shutdown.
_WITNESSES: Final = (
    Path("/var/lib/systemd/timesync/clock"),
    Path("/etc/fake-hwclock.data"),
    Path("/var/lib/systemd/random-seed"),
    Path("/etc/machine-id"),
)


def is_synchronised() -> bool:
    """Ask the kernel whether somebody keeps its clock right."""
    try:
        library = ctypes.CDLL(None, use_errno=True)
        state = int(library.adjtimex(ctypes.create_string_buffer(_TIMEX)))
    except (OSError, AttributeError):
        return False
    return 0 <= state < _ERROR


def floor(witnesses: Iterable[Path] = _WITNESSES) -> datetime:
    """Give the latest time at which something here was certainly made."""
    return max(_made(each) for each in (Path(sys.executable), *witnesses))


def seen(
    now: datetime,
    *,
    synchronised: Callable[[], bool] = is_synchronised,
    earliest: Callable[[], datetime] = floor,
) -> ClockSeen:
    """Look at the clock."""
    return ClockSeen(now=now, floor=earliest(), is_synchronised=synchronised())


def set_to(at: datetime) -> None:
    """Set the machine's clock. Raises Forbidden."""
    try:
        time.clock_settime(time.CLOCK_REALTIME, at.timestamp())
    except PermissionError as error:
        raise Forbidden(
            "this user may not set the clock; as root: "
            f"date -u -s '{at.astimezone(UTC):%Y-%m-%d %H:%M}'"
        ) from error


def _made(file: Path) -> datetime:
    try:
        return datetime.fromtimestamp(int(file.stat().st_mtime), UTC)
    except OSError:
        return datetime.fromtimestamp(0, UTC)
