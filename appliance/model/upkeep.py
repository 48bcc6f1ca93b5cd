"""What an operator sees of the box's clock and of its database."""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockSettings:
    """`clock` of ca.json."""

    require_synchronized: bool = False
    grace: timedelta = timedelta(minutes=10)  # after a start, in which it need not be


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskSettings:
    """`disk` of ca.json, in octets."""

    warn_below: int = 200 * 2**20
    refuse_below: int = 32 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """`retention` of ca.json: for how long something is kept after its end; None is for ever."""

    certificates: timedelta | None = timedelta(days=730)
    events: timedelta | None = timedelta(days=730)  # after they happened
    tokens: timedelta = timedelta()
    acme: timedelta = timedelta()


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockStatus:
    """The time as the CA sees it. `problem` is why it signs nothing; empty: it does."""

    now: datetime
    highest: datetime | None  # the latest time ever seen and believed
    synchronized: bool | None
    ahead: timedelta = timedelta()  # of where it should be, by a leap that is not believed yet
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketSize:
    """Rows of one bucket, and the octets of their keys and values."""

    bucket: str
    rows: int
    octets: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseStats:
    """The files of the database, and the room that is left for them."""

    directory: str
    files: int
    octets: int
    free: int
    refuse_below: int
    failure: str = ""  # of a write: the database takes none since
    barred: tuple[str, ...] = ()  # why nothing is issued


@dataclass(frozen=True, slots=True, kw_only=True)
class ScrubPart:
    """What reading some of the database found; `next` is where to go on, empty at the end."""

    sizes: tuple[BucketSize, ...]
    problems: tuple[str, ...] = ()
    next: bytes = b""
