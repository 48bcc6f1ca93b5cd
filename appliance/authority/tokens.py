"""One-time tokens are used once, however many ask at the same time.

A token is held here from the moment that it is verified, so that a race is lost before a key is
used. It is marked as used in the transaction that records what it was used for; or alone, when the
request is refused after all. Where nothing was decided (key or store out of reach), it stays
unused, and the client may come again with it.
"""

from types import TracebackType
from typing import final

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

    def spending(self, use: TokenUse | None) -> "Spending":
        """Hold a verified token while it is put to use. Raises Unauthorized when it was before.

        None stands for a token that may come again.
        """
        return Spending(self, use)

    async def hold(self, use: TokenUse) -> None:
        """Take a token, until it is let go. Raises Unauthorized when it was used before."""
        if use.reuse_key in self._in_flight:
            raise already_used()
        self._in_flight.add(use.reuse_key)
        try:
            used = await self.is_used(use)
        except BaseException:
            self.let_go(use)
            raise
        if used:
            self.let_go(use)
            raise already_used()

    def let_go(self, use: TokenUse) -> None:
        """End the holding of a token."""
        self._in_flight.discard(use.reuse_key)

    async def is_used(self, use: TokenUse) -> bool:
        """Say whether the store knows it as used."""
        return await self._store.get(records.USED_TOKENS, records.token_key(use)) is not None

    async def consume(self, use: TokenUse) -> None:
        """Mark a token as used, for nothing."""
        try:
            await self._store.commit([records.token_used(use)])
        except Conflict:
            return  # another server on the same database was first: used it is


@final
class Spending:
    """The context in which a token is held; one that a request is refused in consumes it."""

    __slots__ = ("_tokens", "_use")

    def __init__(self, tokens: OneTimeTokens, use: TokenUse | None) -> None:
        self._tokens, self._use = tokens, use

    async def __aenter__(self) -> None:
        """Hold it. Raises Unauthorized."""
        if self._use is not None:
            await self._tokens.hold(self._use)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Let it go."""
        if self._use is None:
            return
        try:
            if isinstance(error, _REFUSALS):
                await self._tokens.consume(self._use)
        finally:
            self._tokens.let_go(self._use)


def already_used() -> HearthError:
    """Make the error for a token that comes again."""
    return Unauthorized("the token was used before")
