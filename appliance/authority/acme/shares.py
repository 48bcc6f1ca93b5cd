"""So many at a time of each of many things: looks at one target, requests for one order."""

import trio


class Shares:
    """So many at a time of each of many things; a thing that nobody has costs nothing."""

    def __init__(self, of_each: int) -> None:
        self._of_each = of_each
        self._of: dict[str, _Share] = {}

    def are_held_of(self, name: str) -> bool:
        """Say whether somebody has a share of a thing, or waits for one."""
        return name in self._of

    def one_of(self, name: str) -> "_Share":
        """Give what waits for a share of a thing, and has it, as a context manager."""
        share = self._of.get(name)
        if share is None:
            share = self._of[name] = _Share(self._of, name, self._of_each)
        return share


class _Share:
    """One thing, of which so many may have a share at a time."""

    def __init__(self, others: "dict[str, _Share]", name: str, most: int) -> None:
        self._others, self._name = others, name
        self._semaphore = trio.Semaphore(most)
        self._users = 0

    async def __aenter__(self) -> None:
        self._users += 1
        try:
            self._semaphore.acquire_nowait()
        except trio.WouldBlock:
            try:
                await self._semaphore.acquire()
            except BaseException:
                self._leave()
                raise

    async def __aexit__(self, *_: object) -> None:
        self._semaphore.release()
        self._leave()

    def _leave(self) -> None:
        self._users -= 1
        if not self._users:
            del self._others[self._name]
