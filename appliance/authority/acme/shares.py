"""So many at a time of each of many things: looks at one target, requests for one order."""

from trio.lowlevel import ParkingLot


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
        self._others, self._name, self._most = others, name, most
        self._taken = 0
        self._queue: ParkingLot | None = None  # of those who wait; few ever have to

    async def __aenter__(self) -> None:
        if self._taken < self._most:
            self._taken += 1
            return
        if self._queue is None:
            self._queue = ParkingLot()
        await self._queue.park()  # and has the share of who left

    async def __aexit__(self, *_: object) -> None:
        if self._queue:
            self._queue.unpark()
            return
        self._taken -= 1
        if not self._taken:
            del self._others[self._name]
