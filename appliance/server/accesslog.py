"""One line for each request, in step-ca's three forms.

`text` and `json` have the same fields, sorted by name after time and level; `common` is the Common
Log Format with the duration in milliseconds.
"""

import os
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache, partial
from typing import Final

import msgspec

from appliance.ports.clock import Clock
from appliance.server.output import LineMaker
from appliance.web.visits import AccessLog, Fields

_PLAIN: Final = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._/@^+"
_HARMLESS: Final = b" !#$%&'()*,:;<=>?[]`{|}~"
"""What, with those, is all of printable ASCII that stays as it is in quotes."""
_ESCAPES: Final = {"\n": r"\n", "\r": r"\r", "\t": r"\t", "\\": r"\\", '"': r"\""}
_COMMON: Final = (
    "request-id", "remote-address", "name", "user-id", "time", "duration-ns",
)  # fmt: skip
_SHORT: Final = 32  # characters
_SEVERAL: Final = (list, tuple)
_NAMED: Final = (dict, Mapping)  # nearly always the first, which is found sooner
_json = msgspec.json.Encoder(order="sorted")


def access_log(form: str, clock: Clock, later: Callable[[LineMaker], None]) -> AccessLog:
    """Give what takes a finished request and has its line made `later`.

    `form` is text, json, common, or "" for no lines at all.
    """
    if not form:
        return _nothing
    render = {"text": text_line, "json": json_line, "common": common_line}[form]
    health = os.environ.get("STEP_LOGGER_ONLY_TRACE_HEALTH_ENDPOINT", "").lower()
    quiet = health not in ("", "0", "f", "false")

    def line(finished: Callable[[], Fields], now: datetime) -> str | None:
        fields = finished()
        if quiet and fields.get("path") == "/health" and fields.get("status") == 200:
            return None
        return render(fields, now)

    return lambda finished: later(partial(line, finished, clock.now()))


def text_line(fields: Fields, now: datetime) -> str:
    """Write `key=value` pairs."""
    parts = [f'time="{_local(int(now.timestamp()))}" level={_level(fields)}']
    for name, label in _in_order(tuple(fields)):
        value = fields[name]
        if type(value) is int:  # and not bool
            parts.append(f"{label}{value}")
        elif isinstance(value, str) and len(value) <= _SHORT:
            parts.append(label + _quoted_again(value))
        else:
            parts.append(label + _quoted(_shown(value)))
    return "".join(parts)


def json_line(fields: Fields, now: datetime) -> str:
    """Write one JSON object."""
    whole = {
        **fields,
        "level": _level(fields),
        "msg": "",
        "time": _local(int(now.timestamp())),
    }
    return _json.encode(whole).decode()


def common_line(fields: Fields, now: datetime) -> str:
    """Write request id, address, name, user, time, milliseconds, request line, status, size."""
    took = fields.get("duration-ns")
    known = {
        **fields,
        "time": _local(int(now.timestamp())),
        "duration-ns": took // 1_000_000 if isinstance(took, int) else "",
    }
    before = " ".join(_dashed(known, name) for name in _COMMON)
    request = " ".join(_dashed(known, name) for name in ("method", "path", "protocol"))
    return f'{before} "{request}" {_dashed(known, "status")} {_dashed(known, "size")}'


def _nothing(finished: Callable[[], Fields]) -> None:
    """Write no line."""


def _level(fields: Fields) -> str:
    status = fields.get("status")
    if not isinstance(status, int) or status >= 500:
        return "error"
    return "warning" if status >= 400 else "info"


@lru_cache(maxsize=2)
def _local(second: int) -> str:
    """Write a second in the machine's time zone as RFC 3339."""
    text = datetime.fromtimestamp(second).astimezone().isoformat()
    return text.removesuffix("+00:00") + "Z" if text.endswith("+00:00") else text


@lru_cache(maxsize=64)
def _in_order(names: tuple[str, ...]) -> list[tuple[str, str]]:
    """Give names as they come in a line, each with what is written before its value."""
    return [(name, f" {name}=") for name in sorted(names)]


def _shown(value: object) -> str:
    """Write a value as Go's fmt does."""
    if isinstance(value, str):
        return value
    if type(value) is int:  # and not bool
        return str(value)
    if isinstance(value, _SEVERAL):
        return f"[{' '.join(map(_shown, value))}]"
    if isinstance(value, _NAMED):
        inner = " ".join(f"{key}:{_shown(value[key])}" for key in sorted(value))
        return f"map[{inner}]"
    if value is None or isinstance(value, bool):
        return {None: "<nil>", True: "true", False: "false"}[value]
    return str(value)


def _quoted(text: str) -> str:
    """Quote where the text could be taken for something else; a line stays one line."""
    if text.isascii():
        others = text.encode().translate(None, _PLAIN)
        if not others:
            return text
        if not others.translate(None, _HARMLESS):
            return f'"{text}"'
    return f'"{_escaped(text)}"'


_quoted_again: Final = lru_cache(maxsize=1000)(_quoted)
"""For what is mostly as it was in the line before."""


def _escaped(text: str) -> str:
    if text.isprintable() and '"' not in text and "\\" not in text:
        return text
    return "".join(
        _ESCAPES.get(each) or (each if each.isprintable() else _code(ord(each))) for each in text
    )


def _code(point: int) -> str:
    if point < 0x80:
        return f"\\x{point:02x}"
    return f"\\u{point:04x}" if point < 0x10000 else f"\\U{point:08x}"


def _dashed(fields: Fields, name: str) -> str:
    value = fields.get(name)
    return "-" if value in (None, "") else _escaped(str(value))
