"""Work that the box does for its operator and that takes a while: begun, and followed."""

import enum
from dataclasses import dataclass
from datetime import datetime


class WorkKind(enum.StrEnum):
    """What is done; one of each kind at a time."""

    BACKUP = "backup"
    PROOF = "proof of a backup"
    JOURNAL = "check of the journal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One piece of work as it is now. `total` 0 is not known; `told` is what came of it."""

    number: int
    kind: WorkKind
    subject: str  # which backup, which place
    started_at: datetime
    stage: str = ""
    done: int = 0  # octets of rows, or entries
    total: int = 0
    ended_at: datetime | None = None
    problem: str = ""  # why it failed
    told: tuple[str, ...] = ()

    @property
    def is_under_way(self) -> bool:
        """Say whether it goes on."""
        return self.ended_at is None
