"""The clocks of this machine, and whether its kernel is told the time by anybody."""

import ctypes
import time
from typing import Final, final

from appliance.ports.timekeeping import Reading
from appliance.server.system import SystemClock

_UNSYNCHRONIZED: Final = 0x40  # STA_UNSYNC of struct timex
_ERROR: Final = 5  # TIME_ERROR


class _Timex(ctypes.Structure):
    """struct timex (adjtimex(2)): as far as it is read, and room for the rest."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 256),
    )


@final
class SystemTimekeeper:
    """This machine's (ports.timekeeping)."""

    def __init__(self) -> None:
        self._clock = SystemClock()

    def read(self) -> Reading:
        """Read wall clock, time since the boot, and the kernel's opinion."""
        return Reading(
            wall=self._clock.now(),
            elapsed=time.clock_gettime(time.CLOCK_BOOTTIME),
            synchronized=synchronized(),
        )


def synchronized() -> bool | None:
    """Ask the kernel whether its clock is disciplined; None where it does not answer."""
    try:
        adjtimex = ctypes.CDLL(None, use_errno=True).adjtimex
    except (OSError, AttributeError):
        return None
    asked = _Timex()  # modes 0: nothing is changed, and no privilege is needed
    state: int = adjtimex(ctypes.byref(asked))
    if state < 0:
        return None
    return state != _ERROR and not asked.status & _UNSYNCHRONIZED
