"""The builtins html, js and urlquery."""

import re
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import quote_plus

from appliance.formats.gotemplate.printing import sprint
from appliance.formats.gotemplate.quoting import is_printable
from appliance.formats.gotemplate.signatures import Meter
from appliance.formats.gotemplate.values import Pointer, octets

_HTML: Final = {
    "\0": "\ufffd",
    '"': "&#34;",
    "'": "&#39;",
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
}
_HTML_SPECIAL: Final = re.compile("[\0\"'&<>]")
_JAVASCRIPT: Final = {
    "\\": "\\\\",
    "'": "\\'",
    '"': '\\"',
    "<": "\\u003C",
    ">": "\\u003E",
    "&": "\\u0026",
    "=": "\\u003D",
}
_JAVASCRIPT_SPECIAL: Final = re.compile("[\\\\'\"<>&=\0-\x1f\x80-\U0010ffff]")


def html(meter: Meter, *arguments: Any) -> str:
    """Escape for HTML."""
    return _HTML_SPECIAL.sub(lambda match: _HTML[match[0]], _shown(arguments, meter))


def javascript(meter: Meter, *arguments: Any) -> str:
    """Escape for a string of JavaScript."""
    return _JAVASCRIPT_SPECIAL.sub(_escaped, _shown(arguments, meter))


def url_query(meter: Meter, *arguments: Any) -> str:
    """Escape for the query of a URL."""
    return quote_plus(octets(_shown(arguments, meter)))


def _escaped(match: re.Match[str]) -> str:
    character = match[0]
    if character in _JAVASCRIPT:
        return _JAVASCRIPT[character]
    if character >= "\x80" and (is_printable(character) or "\udc80" <= character <= "\udcff"):
        return character
    code = ord(character)
    return f"\\u00{code:02X}" if code < 0x80 else f"\\u{code:04X}"


def _shown(arguments: Sequence[Any], meter: Meter) -> str:
    """Print the arguments as a template would print each."""
    if len(arguments) == 1 and type(arguments[0]) is str:
        meter.reserve(8 * len(arguments[0]))
        return arguments[0]
    shown = sprint([_printable(each) for each in arguments], meter)
    meter.reserve(8 * len(shown))
    return shown


def _printable(value: Any) -> Any:
    """Follow pointers to what they point to; nil is shown as no value."""
    while isinstance(value, Pointer) and value.target is not None:
        value = value.target
    return "<no value>" if value is None else value
