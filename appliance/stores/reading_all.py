"""All of a database read with its checksums, part by part; what cannot be read is told."""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import Any, Final

import plyvel

from appliance.formats.leveldb import table
from appliance.formats.leveldb.table import DamagedBlock
from appliance.model.errors import FormatError
from appliance.model.upkeep import BucketSize, ScrubPart

_PART: Final = 32 << 20  # octets
_TIME: Final = 3.0  # seconds of a part
_LOOK: Final = 1000  # rows between two looks at the clock
_SHOWN: Final = 40  # characters of a key


def part(database: Any, directory: Path, start: bytes) -> ScrubPart:
    """Read from a key on, for as long as a part may take."""
    rows: defaultdict[str, int] = defaultdict(int)
    octets: defaultdict[str, int] = defaultdict(int)
    problems: list[str] = []
    ends, read, last = monotonic() + _TIME, 0, start
    finished = False
    while not finished and read < _PART and monotonic() < ends:
        try:
            with database.iterator(start=last, verify_checksums=True, fill_cache=False) as pairs:
                for number, (key, value) in enumerate(pairs):
                    bucket = key.partition(b"\0")[0].decode(errors="replace")
                    rows[bucket] += 1
                    octets[bucket] += len(key) + len(value)
                    read += len(key) + len(value)
                    last = key + b"\0"
                    if read >= _PART or (number % _LOOK == 0 and monotonic() >= ends):
                        break
                else:
                    finished = True
        except plyvel.Error as error:
            problem, behind = _beyond(directory, last, str(error))
            problems.append(problem)
            finished = behind is None
            last = behind or last
    return ScrubPart(
        sizes=tuple(BucketSize(bucket=each, rows=rows[each], octets=octets[each]) for each in rows),
        problems=tuple(problems),
        next=b"" if finished else last,
    )


def damages(directory: Path) -> Iterator[tuple[str, DamagedBlock | None, str]]:
    """Give the damaged blocks of all tables: file, block (None: all of it) and what is wrong."""
    for file in sorted((*directory.glob("*.ldb"), *directory.glob("*.sst"))):
        try:
            for block in table.damaged_blocks(file.read_bytes()):
                yield file.name, block, _told(file.name, block)
        except (FormatError, OSError) as error:
            yield file.name, None, f"{file.name} cannot be read: {error}"


def shown(key: bytes) -> str:
    """Write a key for people: its bucket, and what is printable of the rest."""
    bucket, _, rest = key.partition(b"\0")
    text = rest.decode(errors="replace")
    rest_shown = text if text.isprintable() else rest.hex()
    return f"{bucket.decode(errors='replace')}/{rest_shown[:_SHOWN]}"


def _told(name: str, block: DamagedBlock) -> str:
    after = f"after {shown(block.after)}, " if block.after else ""
    return f"{name}: the rows {after}up to {shown(block.last)} cannot be read"


def _beyond(directory: Path, start: bytes, error: str) -> tuple[str, bytes | None]:
    """Say what cannot be read behind a key, and where it can be again; None: nobody knows."""
    found = [
        (block, problem)
        for _, block, problem in damages(directory)
        if block is not None and block.last >= start
    ]
    if not found:
        return f"what is behind {shown(start)} cannot be read: {error}", None
    block, problem = min(found, key=lambda each: each[0].last)
    return problem, block.last + b"\0"
