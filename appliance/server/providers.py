"""Identity providers at start, and those that were down then.

The CA does not wait long for a provider, and does without it as long as it has to.
"""

from collections.abc import Callable
from typing import Final

import trio

from appliance.provisioners.registry import Registry

_LOOK: Final = 30.0  # seconds between two questions to a provider that does not answer


async def introduce(registry: Registry) -> None:
    """Ask every provider who it is, all at once. Each answer, or its absence, takes seconds."""
    async with trio.open_nursery() as nursery:
        for each in registry.unprepared:
            nursery.start_soon(each.prepare)


async def keep_known(current: Callable[[], Registry], say: Callable[[str], None]) -> None:
    """Ask those that did not answer again, until cancelled."""
    while True:
        await trio.sleep(_LOOK)
        registry = current()
        silent = registry.unprepared
        await introduce(registry)
        for each in silent:
            if each not in registry.unprepared:
                say(f'the identity provider of "{each.ref.name}" answers now')
