"""Nonces (RFC 8555 6.5): given out for nothing, taken back once.

A nonce carries its own date and a mark of ours, so that giving one out writes nothing: whoever asks
for many costs no more than the answers. What is written is that it was used, once, in the store
that all instances share; two requests with one nonce meet there, and one of them is refused. It
reaches the disk with what its request changes; of those that only read, a crash may forget the
last. What is too old to be taken is forgotten.
"""

import hashlib
import hmac
from datetime import datetime, timedelta
from typing import Final

from appliance.formats import base64url
from appliance.model.acme import AcmeError, ProblemType, malformed
from appliance.model.errors import Conflict, FormatError
from appliance.ports.chance import Chance
from appliance.ports.clock import Clock
from appliance.ports.store import Delete, Operation, PutIfAbsent, Store

USED: Final = "hearth_acme_used_nonces"  # the nonce → 1
SETTINGS: Final = "hearth_acme_settings"
_KEY: Final = b"nonce_key"
_KEY_OCTETS: Final = 32

LIFETIME: Final = timedelta(hours=1)
_OLDEST: Final = LIFETIME // timedelta(milliseconds=1)
_AHEAD: Final = 5 * 60 * 1000  # milliseconds that the clock of another instance may be ahead
_TIME, _RANDOM, _MARK = 6, 10, 16  # octets; milliseconds come first, so that rows sort by age
_BATCH: Final = 1000


class Nonces:
    """Those of one store."""

    def __init__(self, store: Store, clock: Clock, chance: Chance) -> None:
        self._store, self._clock, self._chance = store, clock, chance
        self._key: bytes | None = None

    async def give(self) -> str:
        """Make a nonce. Raises Broken."""
        key = self._key or await self._secret()
        said = _octets(_milliseconds(self._clock.now())) + self._chance.octets(_RANDOM)
        return base64url.encode(said + _mark(key, said))

    async def check(self, nonce: str) -> bytes:
        """See that a nonce is ours and not too old, and give its octets. Raises AcmeError."""
        try:
            octets = base64url.decode(nonce)
        except FormatError:
            raise malformed("the nonce is not base64url") from None  # RFC 8555 6.5.2
        said, mark = octets[: _TIME + _RANDOM], octets[_TIME + _RANDOM :]
        key = self._key or await self._secret()
        if not hmac.compare_digest(mark, _mark(key, said)):
            raise _bad("the nonce is none of this server's")
        age = _milliseconds(self._clock.now()) - int.from_bytes(said[:_TIME])
        if not -_AHEAD <= age <= _OLDEST:
            raise _bad("the nonce is too old: use a new one")
        return octets

    async def spend(self, octets: bytes) -> None:
        """Take a nonce that was checked; whoever else has it is refused. Raises AcmeError."""
        try:
            await self._store.note([PutIfAbsent(USED, octets, b"1")])
        except Conflict as error:
            raise _bad("the nonce was used before") from error

    async def _secret(self) -> bytes:
        """Read the key, which the first instance on a store makes."""
        found = await self._store.get(SETTINGS, _KEY)
        if found is None:
            found = self._chance.octets(_KEY_OCTETS)
            try:
                await self._store.commit([PutIfAbsent(SETTINGS, _KEY, found)])
            except Conflict:  # another instance was first
                return await self._secret()
        self._key = found
        return found


def disown_all() -> list[Operation]:
    """Take no nonce any more that was given out before; no server may run on the store."""
    return [Delete(SETTINGS, _KEY)]


async def forget(store: Store, now: datetime) -> int:
    """Remove the used ones that are too old to be taken, and give how many. Raises Broken."""
    removed = 0
    stop = _octets(_milliseconds(now) - _OLDEST - _AHEAD)
    while rows := await store.scan(USED, stop=stop, limit=_BATCH):
        await store.commit([Delete(USED, key) for key, _ in rows])
        removed += len(rows)
    return removed


def _milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def _octets(milliseconds: int) -> bytes:
    return max(0, milliseconds).to_bytes(_TIME)


def _mark(key: bytes, said: bytes) -> bytes:
    return hashlib.blake2b(said, key=key, digest_size=_MARK).digest()


def _bad(why: str) -> AcmeError:
    return AcmeError(ProblemType.BAD_NONCE, why)
