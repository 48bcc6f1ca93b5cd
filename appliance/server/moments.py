"""What an answer need not wait for, done a moment later, many in a row."""

import logging
from collections.abc import Callable, Iterable
from typing import Final

import trio

log = logging.getLogger(__name__)

_MOMENT: Final = 0.05  # seconds


async def every_moment(*deeds: Callable[[], None]) -> None:
    """Do all of them again and again, until cancelled, and once more then.

    One that fails is told to the log, and keeps no other from being done.
    """
    try:
        while True:
            await trio.sleep(_MOMENT)
            _do(deeds)
    finally:
        _do(deeds)


def _do(deeds: Iterable[Callable[[], None]]) -> None:
    for deed in deeds:
        try:
            deed()
        except Exception:
            log.exception("what was left for later failed")
