"""`retention`, `clock` and `disk`: how the box looks after its database and its time."""

from datetime import timedelta
from typing import Final

from appliance.config import claims
from appliance.config.document import Document
from appliance.config.schema import Clock, Disk
from appliance.config.schema import Retention as WrittenRetention
from appliance.model.upkeep import ClockSettings, DiskSettings, Retention

FOREVER: Final = "forever"
MOST_WORKERS: Final = 64
_MEGABYTE: Final = 2**20


def read_retention(written: WrittenRetention | None, document: Document) -> Retention:
    """Read `retention`. Raises ConfigError."""
    usual = Retention()
    if written is None:
        return usual
    return Retention(
        certificates=_or_ever(written.certificates, usual.certificates, "certificates", document),
        events=_or_ever(written.events, usual.events, "events", document),
        tokens=_span(written.tokens, usual.tokens, "retention.tokens", document),
        acme=_span(written.acme, usual.acme, "retention.acme", document),
    )


def read_clock(written: Clock | None, document: Document) -> ClockSettings:
    """Read `clock`. Raises ConfigError."""
    usual = ClockSettings()
    if written is None:
        return usual
    return ClockSettings(
        require_synchronized=written.require_synchronized,
        grace=_span(written.grace, usual.grace, "clock.grace", document),
    )


def read_disk(written: Disk | None, document: Document) -> DiskSettings:
    """Read `disk`. Raises ConfigError."""
    usual = DiskSettings()
    if written is None:
        return usual
    settings = DiskSettings(
        warn_below=_size(written.warn_below, usual.warn_below, "disk.warnBelow", document),
        refuse_below=_size(written.refuse_below, usual.refuse_below, "disk.refuseBelow", document),
    )
    if settings.warn_below < settings.refuse_below:
        raise document.wrong("must be as much as refuseBelow or more", "disk.warnBelow")
    return settings


def read_workers(written: int, document: Document) -> int:
    """Read `workers`. Raises ConfigError."""
    if not 0 <= written <= MOST_WORKERS:
        raise document.wrong(f"must be from 0 to {MOST_WORKERS}", "workers")
    return written


def _or_ever(
    text: str | None, usual: timedelta | None, name: str, document: Document
) -> timedelta | None:
    if text == FOREVER:
        return None
    return _span(text, usual or timedelta(), f"retention.{name}", document)


def _span(text: str | None, usual: timedelta, place: str, document: Document) -> timedelta:
    if text is None:
        return usual
    span = claims.duration(text, document, place)
    if span < timedelta():
        raise document.wrong("cannot be negative", place)
    return span


def _size(number: int | None, usual: int, place: str, document: Document) -> int:
    if number is None:
        return usual
    if number < 0:
        raise document.wrong("cannot be negative", place)
    return number * _MEGABYTE
