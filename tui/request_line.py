"""A request's line of the log, as a person reads it: what was asked, and how it ended."""

import re
from collections.abc import Mapping
from typing import Final

_FIELD: Final = re.compile(
    r'(?:"(?P<name>[a-z-]+)":|\b(?P<key>[a-z-]+)=)(?:"(?P<text>(?:[^"\\]|\\.)*)"|(?P<bare>[^\s,}]+))'
)
_SHOWN: Final = ("status", "method", "path", "remote-address", "error")


def brief(line: str) -> str:
    """Give status, method, path, client and error of a line in text or JSON; others as they are."""
    fields = _fields(line)
    if not {"status", "method", "path"} <= fields.keys():
        return line
    return "  ".join(fields[name] for name in _SHOWN if fields.get(name))


def _fields(line: str) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for match in _FIELD.finditer(line):
        name = match["name"] or match["key"]
        found.setdefault(name, match["text"] if match["text"] is not None else match["bare"])
    return found
