"""What may be forgotten: used one-time tokens that nobody could use again anyway."""

from datetime import datetime, timedelta
from typing import Final

import trio

from appliance.authority import records
from appliance.formats import jwt
from appliance.model.errors import FormatError
from appliance.ports.store import Delete, Operation, Store

_BATCH: Final = 500  # rows read, and at most removed, in one step


async def prune_tokens(store: Store, now: datetime, *, leeway: timedelta) -> int:
    """Remove used tokens whose expiry is more than `leeway` ago, and give how many.

    One that says no expiry stays: it is only its row that keeps it from being used again. Goes
    through all used tokens, in steps between which others have their turn. Raises Broken.
    """
    latest = (now - leeway).timestamp()
    removed = 0
    start = b""
    while rows := await store.scan(records.USED_TOKENS, start=start, limit=_BATCH):
        old: list[Operation] = []
        for key, raw in rows:
            await trio.lowlevel.checkpoint()
            if _expired_before(raw, latest):
                old.append(Delete(records.USED_TOKENS, key))
        if old:
            await store.commit(old)
            removed += len(old)
        if len(rows) < _BATCH:
            break
        start = rows[-1][0] + b"\0"
    return removed


def _expired_before(raw: bytes, moment: float) -> bool:
    """Read a token's expiry; what cannot be read has none."""
    try:
        expiry = jwt.split(raw.decode()).claims.get("exp")
    except (FormatError, UnicodeDecodeError):
        return False
    return isinstance(expiry, int | float) and not isinstance(expiry, bool) and expiry < moment
