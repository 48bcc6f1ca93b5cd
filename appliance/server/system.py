"""The real clock, the real chance, and what the process asks of its surroundings."""

import contextlib
import ctypes
import gc
import os
import resource
from datetime import UTC, datetime
from functools import _lru_cache_wrapper
from typing import Any, Final, final

import trio

from appliance.ports.store import CachingStore, Store

_SETTLING: Final = 1.0  # seconds in which those who waited for the start are answered
_EASE: Final = 60.0  # seconds
_MANY: Final = 64  # values that a cache has room for
_HEAPS: Final = 2
_ARENA_MAX: Final = -8  # M_ARENA_MAX of glibc's malloc.h


@final
class SystemClock:
    """The time of this machine."""

    def now(self) -> datetime:
        """Give the time as an aware datetime in UTC."""
        return datetime.now(UTC)  # noqa: TID251 - here is where it comes from


@final
class SystemChance:
    """The kernel's random numbers."""

    def octets(self, count: int) -> bytes:
        """Give so many octets."""
        return os.urandom(count)


def settle_collector() -> None:
    """Let the collector leave alone what stays: full collections cost requests their time.

    Called when everything is built, after the start and a reload, whose leavings it clears away.
    It takes tens of milliseconds.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)
    _give_back()


async def keep_small(store: Store) -> None:
    """Settle after the start, then give back what a load has left unused, until cancelled.

    glibc keeps it otherwise: some 10 MB after a few thousand certificates. What is remembered of
    requests goes as well: it is little, but each of its objects may keep a MB of the interpreter's
    from being given back. It takes milliseconds.
    """
    await trio.sleep(_SETTLING)
    caches = _caches_of_requests()
    settle_collector()
    while True:
        await trio.sleep(_EASE)
        for each in caches:
            each.cache_clear()
        if isinstance(store, CachingStore):
            store.age()
        _give_back()


def _caches_of_requests() -> "list[_lru_cache_wrapper[Any]]":
    """Find what functions remember, but those that have few values to give."""
    gc.unfreeze()
    caches = [each for each in gc.get_objects() if isinstance(each, _lru_cache_wrapper)]
    return [each for each in caches if (each.cache_parameters()["maxsize"] or 0) >= _MANY]


def _give_back() -> None:
    if trim := getattr(ctypes.CDLL(None), "malloc_trim", None):
        trim(0)


def share_heaps() -> None:
    """Have the threads share few heaps; each of them has holes that no other can fill.

    By itself glibc makes up to eight for each processor. Called before there are threads.
    """
    if tune := getattr(ctypes.CDLL(None), "mallopt", None):
        tune(_ARENA_MAX, _HEAPS)


def allow_many_files() -> None:
    """Take as many file descriptors as the system grants: each connection is one.

    The usual soft limit, 1024, is for programs that use select().
    """
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
