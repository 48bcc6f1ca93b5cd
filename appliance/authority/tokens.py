"""One-time tokens are used once, however many ask at the same time.

A token is held here from the moment that it is verified, so that a race is lost before a key is
used. It is marked as used in the transaction that records what it was used for; or alone, when the
request is refused after all. Where nothing was decided (key or store out of reach), it stays
unused, and the client may come again with it.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from appliance.authority import records
from appliance.model.errors import (
    BadRequest,
    Conflict,
    Forbidden,
    HearthError,
    NotFound,
    NotSupported,
    Unauthorized,
)
from appliance.model.grants import TokenUse
from appliance.ports.store import Store

_REFUSALS = (BadRequest, Forbidden, NotFound, NotSupported, Unauthorized)


class OneTimeTokens:
    """What is in flight in this process, and what the store knows as used."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._in_flight: set[str] = set()

    @asynccontextmanager
    async def spending(self, use: TokenUse | None) -> AsyncIterator[None]:
        """Hold a verified token while it is put to use. Raises Unauthorized when it was before.

        None stands for a token that may come again.
        """
        if use is None:
            yield
            return
        if use.reuse_key in self._in_flight:
            raise already_used()
        self._in_flight.add(use.reuse_key)
        try:
            if await self.is_used(use):
                raise already_used()
            try:
                yield
            except _REFUSALS:
                await self._consume(use)
                raise
        finally:
            self._in_flight.discard(use.reuse_key)

    async def is_used(self, use: TokenUse) -> bool:
        """Say whether the store knows it as used."""
        mark = records.token_used(use)
        return await self._store.get(mark.bucket, mark.key) is not None

    async def _consume(self, use: TokenUse) -> None:
        try:
            await self._store.commit([records.token_used(use)])
        except Conflict:
            return  # another server on the same database was first: used it is


def already_used() -> HearthError:
    """Make the error for a token that comes again."""
    return Unauthorized("the token was used before")
