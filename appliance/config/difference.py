"""What differs between two states of a ca.json, for a person to look at: secrets are nowhere."""

import difflib
import json
import re
from collections.abc import Mapping
from typing import Any, Final

_SECRET: Final = re.compile(
    r'("(?:encryptedKey|clientSecret|challenge|decrypterKey\w*|password|secret|bearerToken|pin'
    r'|managementKey)": )".*"', re.IGNORECASE
)  # fmt: skip


def difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[str, ...]:
    """Give the lines that are gone (`-`) and new (`+`) among those around them (blank, `@@`).

    Both are written in one way, whatever the file's is.
    """
    lines = difflib.unified_diff(_lines(before), _lines(after), n=3, lineterm="")
    return tuple(_SECRET.sub(r'\1"…"', line) for line in list(lines)[2:])


def _lines(members: Mapping[str, Any]) -> list[str]:
    return json.dumps(dict(members), indent=2, ensure_ascii=False).splitlines()
