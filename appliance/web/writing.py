"""Answers as octets, in both lanes."""

import http
from collections.abc import Iterable
from email.utils import formatdate
from functools import lru_cache
from time import monotonic
from typing import Final, TypeAlias

REASONS: Final = {each.value: each.phrase for each in http.HTTPStatus}

Fields: TypeAlias = Iterable[tuple[str, str]]
"""Headers by name, in order."""


class Dates:
    """The `Date` of answers, written once a second."""

    _second = -1
    _date = ""

    def date(self) -> str:
        """Give it as HTTP has it (RFC 9110 5.6.7)."""
        second = int(monotonic())
        if second != self._second:
            self._second, self._date = second, formatdate(usegmt=True)
        return self._date


def head(status: int, fields: Fields, *, date: str, close: bool) -> bytes:
    """Write all of an answer before its body.

    Raises ValueError when a header would end its line or the head.
    """
    lines = [_status_line(status), *[f"{_title(name)}: {value}" for name, value in fields]]
    lines.append(f"Date: {date}\r\nConnection: close\r\n\r\n" if close else f"Date: {date}\r\n\r\n")
    text = "\r\n".join(lines)
    ends = len(lines) + 2 if close else len(lines) + 1
    if text.count("\n") != ends or text.count("\r") != ends:
        raise ValueError("a response header with a line break in it")
    return text.encode("latin-1")


@lru_cache(maxsize=64)
def _status_line(status: int) -> str:
    return f"HTTP/1.1 {status} {REASONS.get(status, '')}"


@lru_cache(maxsize=64)
def _title(name: str) -> str:
    """Write a header's name as Go does: some scripts look for that."""
    return name.title()
