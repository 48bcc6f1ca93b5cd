"""What a person looks after on the box: its keys, backups, configuration and log.

What takes a while is begun, and followed with `works`; who asks may leave meanwhile.
"""

from collections.abc import Sequence
from typing import Protocol

from appliance.model.backups import BackupOrder, BackupReport, ProofOrder
from appliance.model.configured import Configuration
from appliance.model.journal import JournalEvents, JournalQuery
from appliance.model.loglines import LogPage
from appliance.model.signing_keys import IssuerChange, KeyAttestation, KeyReport
from appliance.model.work import Work


class SigningKeys(Protocol):
    """The keys that sign, and the way from one intermediate to the next."""

    async def keys(self) -> KeyReport:
        """Say what signs what, where it lives and until when, and what the next step is."""
        ...

    async def attestation(self, uri: str) -> KeyAttestation:
        """Have the device say that it made a key, which a KeyHolding names.

        Raises NotFound, NotSupported for a device that attests nothing, Unavailable, Broken.
        """
        ...

    async def change_issuer(self, change: IssuerChange, name: str) -> None:
        """Take a step with an intermediate: in ca.json, and then in force.

        Raises BadRequest, ConfigError, Unavailable; then nothing has changed.
        """
        ...


class Backups(Protocol):
    """Backups in the place that ca.json names."""

    async def backups(self) -> BackupReport:
        """Give what is known now; where that is old, the place is asked meanwhile."""
        ...

    async def begin_backup(self, order: BackupOrder) -> Work:
        """Make a backup. Raises BadRequest, NotSupported without a database, Conflict."""
        ...

    async def begin_proof(self, order: ProofOrder) -> Work:
        """Restore a backup into a temporary directory and issue a certificate from it.

        Raises BadRequest, Conflict while another one is proven.
        """
        ...


class Works(Protocol):
    """What takes a while, and the journal, whose check does."""

    async def works(self) -> Sequence[Work]:
        """Give what is under way, and the last of each kind that has ended."""
        ...

    async def journal_events(self, query: JournalQuery) -> JournalEvents:
        """Give what entries of the journal tell. Raises as History.journal."""
        ...

    async def begin_journal_check(self) -> Work:
        """Follow the hashes of the journal from entry to entry. Raises NotSupported, Conflict."""
        ...


class Running(Protocol):
    """The configuration in force, and what the server says."""

    async def configuration(self) -> Configuration:
        """Give the configuration as it is in force, without its secrets."""
        ...

    async def reload(self) -> None:
        """Serve what ca.json says now. Raises what is wrong with it; then nothing has changed."""
        ...

    async def log_lines(self, after: int = 0) -> LogPage:
        """Give the remembered lines of the server's log with a number above `after`."""
        ...


class Box(SigningKeys, Backups, Works, Running, Protocol):
    """All of it."""
