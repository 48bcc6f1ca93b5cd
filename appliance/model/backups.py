"""Backups: how they are called, where they are kept and for how long."""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, TypeAlias

SUFFIX: Final = ".hearth-backup"
_NAME: Final = re.compile(rf"([a-z0-9-]{{1,60}})-([0-9]{{8}}T[0-9]{{6}}Z){re.escape(SUFFIX)}")
_TIME: Final = "%Y%m%dT%H%M%SZ"
_OTHER: Final = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class BackupName:
    """What the file of a backup is called: whose it is, and when it was made."""

    authority: str
    made_at: datetime

    def __str__(self) -> str:
        return f"{self.authority}-{self.made_at.astimezone(UTC).strftime(_TIME)}{SUFFIX}"

    @classmethod
    def of(cls, common_name: str, fingerprint: str, made_at: datetime) -> "BackupName":
        """Name a backup of the CA with this name and root, so that those of no two are mixed up."""
        label = _OTHER.sub("-", common_name.lower()).strip("-")[:40].strip("-")
        return cls(authority=f"{label or 'ca'}-{fingerprint[:8]}", made_at=made_at)

    @classmethod
    def parse(cls, name: str) -> "BackupName | None":
        """Read a name; None for that of another file."""
        found = _NAME.fullmatch(name)
        if found is None:
            return None
        try:
            made_at = datetime.strptime(found[2], _TIME).replace(tzinfo=UTC)
        except ValueError:
            return None
        return cls(authority=found[1], made_at=made_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Keep:
    """How many are kept: the newest ones, and the newest of so many days, weeks and months.

    Without a number all of them are.
    """

    last: int = 0
    daily: int = 0
    weekly: int = 0
    monthly: int = 0

    @property
    def everything(self) -> bool:
        """Say that none is ever removed."""
        return not (self.last or self.daily or self.weekly or self.monthly)


@dataclass(frozen=True, slots=True, kw_only=True)
class InDirectory:
    """A directory; `mounted`: a file system must be mounted there."""

    directory: Path
    mounted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OnSftp:
    """A directory of another machine, reached by SSH."""

    host: str
    user: str = ""
    port: int | None = None
    directory: str = ""
    identity: Path | None = None
    known_hosts: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InBucket:
    """A bucket of S3 or of what speaks like it; `credentials` is a file, or the environment."""

    bucket: str
    prefix: str = ""
    region: str = "us-east-1"
    endpoint: str = ""
    credentials: Path | None = None


BackupPlace: TypeAlias = InDirectory | OnSftp | InBucket


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupPlan:
    """`backup` of ca.json. Keys are in a backup only when there is a passphrase for them."""

    place: BackupPlace
    every: timedelta
    keep: Keep = Keep()
    passphrase: Path | None = None

    @property
    def with_keys(self) -> bool:
        """Say whether the keys are in it."""
        return self.passphrase is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupProof:
    """When a backup was proven to be restorable, and what was done for it."""

    at: datetime
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupRow:
    """A backup in its place. `size` is in octets; without a `proof` nobody has tried it here."""

    name: str
    made_at: datetime
    size: int
    proof: BackupProof | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupReport:
    """The backups of ca.json's schedule. Without one, `place` is empty and nothing is listed.

    `rows` are those that were in the place at `listed_at`, newest first; `problem` is why they
    could not be listed. `failure` is why the last backup failed.
    """

    place: str = ""  # as commands take it
    every: timedelta | None = None
    keep: Keep = Keep()
    with_keys: bool = False
    due: datetime | None = None
    rows: tuple[BackupRow, ...] = ()
    listed_at: datetime | None = None
    problem: str = ""
    failure: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupOrder:
    """A backup to make now: as ca.json says, or without its keys to a place that is named.

    A passphrase puts the keys in.
    """

    place: str = ""
    passphrase: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofOrder:
    """A backup to prove: by its name in ca.json's place, or by the path of a file.

    The passphrase opens the keys in it; without one, ca.json's is taken where it names one.
    """

    name: str
    passphrase: str = field(default="", repr=False)
