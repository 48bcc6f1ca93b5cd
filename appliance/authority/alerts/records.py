"""The rows of alerts, all of them ours, in JSON.

hearth_alerts          hash of the name        → open Alert
hearth_alerts_ended    time, hash, 8 octets each → Alert that is over
hearth_alerts_outbox   notice's id / target    → Pending
hearth_alerts_mutes    hash of the name        → Mute
hearth_alerts_lines    key of the line         → Line (authority.alerts.habits)
hearth_alerts_state    `seen`                  → until when issuances were looked at
"""

import hashlib
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Final, TypeVar

import msgspec

from appliance.authority.alerts.habits import Line
from appliance.model.alerts import Alert, Mute, Pending
from appliance.ports.store import Delete, Operation, Put, Store

OPEN: Final = "hearth_alerts"
ENDED: Final = "hearth_alerts_ended"
OUTBOX: Final = "hearth_alerts_outbox"
MUTES: Final = "hearth_alerts_mutes"
LINES: Final = "hearth_alerts_lines"
STATE: Final = "hearth_alerts_state"
KEPT: Final = 1000  # alerts that are over
_SEEN: Final = b"seen"
_BATCH: Final = 1000

T = TypeVar("T")


def opened(alert: Alert) -> Operation:
    """Write an open alert, or what became of it."""
    return Put(OPEN, _hash(alert.name), msgspec.json.encode(alert))


def ended(alert: Alert, at: datetime) -> list[Operation]:
    """Put an open alert among those that are over."""
    return [Delete(OPEN, _hash(alert.name)), noted(alert, at)]


def noted(alert: Alert, at: datetime) -> Operation:
    """Put one among those that are over. There may be several of a name at once."""
    key = _micros(at).to_bytes(8) + _hash(f"{alert.name}\n{alert.text}")[:8]
    return Put(ENDED, key, msgspec.json.encode(alert))


def pending(row: Pending) -> Operation:
    """Write a notice that waits for its target."""
    return Put(OUTBOX, place(row), msgspec.json.encode(row))


def delivered(row: Pending) -> Operation:
    """Remove a notice that its target took, or that there is no target for any more."""
    return Delete(OUTBOX, place(row))


def muted(mute: Mute) -> Operation:
    """Write a mute."""
    return Put(MUTES, _hash(mute.name), msgspec.json.encode(mute))


def unmuted(name: str) -> Operation:
    """Take a mute back."""
    return Delete(MUTES, _hash(name))


def line(row: Line) -> Operation:
    """Write what is known of a line of certificates."""
    return Put(LINES, row.key, msgspec.json.encode(row))


def forgotten(key: bytes) -> Operation:
    """Remove a line."""
    return Delete(LINES, key)


def seen(at: datetime) -> Operation:
    """Write until when issuances were looked at."""
    return Put(STATE, _SEEN, msgspec.json.encode(at))


async def read_seen(store: Store) -> datetime | None:
    """Give until when issuances were looked at; None: never. Raises Broken."""
    row = await store.get(STATE, _SEEN)
    try:
        return msgspec.json.decode(row, type=datetime) if row else None
    except msgspec.DecodeError:
        return None


async def rows(store: Store, bucket: str, kind: type[T]) -> AsyncIterator[T]:
    """Give all rows of a bucket that can be read. Raises Broken."""
    start = b""
    while batch := await store.scan(bucket, start=start, limit=_BATCH):
        for _, value in batch:
            try:
                yield msgspec.json.decode(value, type=kind)
            except msgspec.DecodeError:
                continue
        start = batch[-1][0] + b"\0"


async def last_ended(store: Store, limit: int) -> list[Alert]:
    """Give the alerts that ended last, newest first. Raises Broken."""
    found = await store.scan(ENDED, reverse=True, limit=limit)
    return [msgspec.json.decode(value, type=Alert) for _, value in found]


async def too_old(store: Store) -> list[Operation]:
    """Remove all but the newest of the alerts that are over. Raises Broken."""
    newest = await store.scan(ENDED, reverse=True, limit=KEPT)
    if len(newest) < KEPT:
        return []
    old = await store.scan(ENDED, stop=newest[-1][0], limit=_BATCH)
    return [Delete(ENDED, key) for key, _ in old]


def place(row: Pending) -> bytes:
    """Give the key of a notice that waits."""
    return f"{row.notice.id}/{row.target}".encode()


def _hash(name: str) -> bytes:
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()


def _micros(at: datetime) -> int:
    return int(at.timestamp() * 1_000_000)
