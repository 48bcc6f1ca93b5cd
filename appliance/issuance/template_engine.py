"""The template engine as certificates use it: sprig's functions, and the clock and chance of each.

Importing it takes as long as a tenth of the program, so `templates` does it at the first template
that is no default one.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

from appliance.formats.gotemplate import functions, template
from appliance.formats.gotemplate.library.context import FunctionContext

Rendering: TypeAlias = Callable[[Mapping[str, Any], FunctionContext], str]
"""Gives what a template makes of data. Raises TemplateError, TemplateFailure."""

_WORD: Final = re.compile(r"\w+")
_NEVER: Final = FunctionContext(now=datetime(1970, 1, 1, tzinfo=UTC), entropy=bytes)
_TIMELESS: Final = functions.standard(_NEVER)
_BOUND: Final = frozenset(
    name for name, each in functions.standard(_NEVER).items() if each is not _TIMELESS[name]
)
"""The functions that are made anew for each rendering."""


def read(text: str) -> Rendering:
    """Read a template. Raises TemplateError."""
    parsed = template.parse(text, _TIMELESS)
    if _BOUND.isdisjoint(_WORD.findall(text)):
        return lambda data, _: parsed.render(data)
    # What looks at the clock or draws lots is bound to one rendering; few templates do.
    return lambda data, context: template.parse(text, functions.standard(context)).render(data)
