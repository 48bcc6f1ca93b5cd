"""Requests that are at work at the same time go through each step of theirs together.

A processor that takes the same step for many requests in a row has its code in the caches, and so
have OpenSSL its tables and the interpreter its guesses. One that takes each request through all
steps finds them gone each time: a step then costs up to twice as much. So between two steps each
request lets all others that are ready come as far; where there are none, that takes microseconds.
"""

from collections.abc import Awaitable, Callable
from typing import Final

import trio

abreast: Final[Callable[[], Awaitable[None]]] = trio.lowlevel.cancel_shielded_checkpoint
"""Wait until every other request that is ready has come as far. Nobody is cancelled here."""
