"""What drawing keeps for the next time: let go of when nobody looks any more.

It is little, but it lies here and there among what a console took up, and keeps the interpreter
from giving that back.
"""

import sys
from collections.abc import Iterator
from functools import _lru_cache_wrapper
from types import ModuleType
from typing import Final

_DRAWING: Final = ("rich", "textual", "tui")


def clear_caches() -> None:
    """Empty what functions of the libraries that draw, and our own, remember. From any thread."""
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] in _DRAWING:
            for each in _functions(module):
                if isinstance(each, _lru_cache_wrapper):
                    each.cache_clear()


def _functions(place: ModuleType | type) -> Iterator[object]:
    """Give what a module has, or a class: of methods and properties the functions behind them."""
    for each in list(vars(place).values()):
        if isinstance(each, type) and isinstance(place, ModuleType):
            yield from _functions(each)
        elif isinstance(each, classmethod | staticmethod):
            yield each.__func__
        else:
            yield each.fget if isinstance(each, property) else each
