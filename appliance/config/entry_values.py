"""A value of an entry as a person types and reads it, and as ca.json has it."""

import base64
import json
import re
from collections.abc import Callable, Sequence
from typing import Any, Final

from appliance.config.entry_files import File
from appliance.config.entry_rows import Form, Row
from appliance.formats import goduration, gourl, pem
from appliance.model.errors import BadRequest, FormatError

YES: Final = "yes"
NO: Final = "no"
HIDDEN: Final = "•" * 8
_BETWEEN: Final = re.compile(r"[,\s]+")
_NOTHING: Final = re.compile(r"(?:(?<=h)0m)?(?<=[hm])0s$")
_DIGITS: Final = 9  # of a number
_FILES: Final = (Form.FILE, Form.FILES)


def canonical(row: Row, text: str) -> str:
    """Give a text as ca.json has it. Raises FormatError."""
    if row.choices:
        if text.lower() not in row.choices:
            raise FormatError(f"options are {', '.join(row.choices)}")
        return text.lower()
    match row.form:
        case Form.DURATION:
            return goduration.format_duration(goduration.parse(text))
        case Form.URL:
            return _url(text)
        case _:
            return text


def read(row: Row, text: str) -> Any:
    """Read what was typed; None takes the key away. Raises FormatError.

    Of a file it is the content, not the name.
    """
    text = text if row.form in (*_FILES, Form.TEMPLATE, Form.OBJECT) else text.strip()
    if not text.strip():
        return None
    match row.form:
        case Form.SWITCH:
            return _switch(row, text)
        case Form.NUMBER:
            return _number(text)
        case Form.LIST | Form.WORDS:
            return _listed(row, split(text))
        case _ if row.read is not None:
            return _of_file(row.read, text)
        case _:
            return canonical(row, text)


def shown(row: Row, value: Any) -> str:
    """Write a value of ca.json for a person. Secrets are never written, files are counted."""
    if value is None or value == "" or row.secret:
        return "" if value is None or value == "" else HIDDEN
    match row.form:
        case Form.SWITCH:
            return YES if value is True else NO
        case Form.OBJECT:
            return json.dumps(value, indent=2, ensure_ascii=False)
        case Form.FILE | Form.FILES:
            return _described(value)
        case Form.DURATION:
            return brief(str(value))
        case _:
            return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def brief(duration: str) -> str:
    """Leave the parts of a duration out that are nothing: 24h0m0s is 24h."""
    return _NOTHING.sub("", duration)


def split(text: str) -> list[str]:
    """Take names apart that stand between commas or blanks."""
    return [each for each in _BETWEEN.split(text) if each]


def _switch(row: Row, text: str) -> bool | None:
    if text not in (YES, NO):
        raise FormatError(f"must be {YES} or {NO}")
    if row.is_claim:
        return text == YES
    return True if text == YES else None


def _number(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or len(text) > _DIGITS:
        raise FormatError(f"must be a number of at most {_DIGITS} digits")
    return int(text)


def _listed(row: Row, words: Sequence[str]) -> Any:
    found = list(dict.fromkeys(canonical(row, each) for each in words))
    if row.path != ("challenge",):
        return found
    if len(found) > 1:
        raise FormatError("there can be one only")
    return found[0]


def _of_file(reading: Callable[[Sequence[File]], Any], text: str) -> Any:
    try:
        return reading([("it", text.encode())])
    except BadRequest as error:
        raise FormatError(error.public.removeprefix("error reading it: ")) from error


def _url(text: str) -> str:
    try:
        scheme = gourl.parse(text).scheme
    except FormatError:
        scheme = ""
    if scheme not in ("http", "https"):
        raise FormatError("it must be an https:// URL")
    return text


def _described(value: Any) -> str:
    """Say what PEM in base64 holds."""
    try:
        labels = [block.label.lower() for block in pem.blocks(base64.b64decode(str(value)))]
    except (ValueError, FormatError):
        return "(set)"
    each = labels[0] if labels else "block"
    return f"({len(labels)} {each}{'s' if len(labels) != 1 else ''})"
