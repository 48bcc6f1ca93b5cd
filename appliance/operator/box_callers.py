"""The box (operator.box) as it is asked from elsewhere: over the socket, or as another one's."""

from abc import abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar, TypeVarTuple

from appliance.model.backups import BackupOrder, BackupReport, ProofOrder
from appliance.model.configured import Configuration
from appliance.model.journal import JournalEvents, JournalQuery
from appliance.model.loglines import LogPage
from appliance.model.signing_keys import IssuerChange, KeyAttestation, KeyReport
from appliance.model.work import Work
from appliance.operator import box_calls as calls
from appliance.operator.box import Box
from appliance.operator.box_calls import BoxCall

T = TypeVar("T")
Arguments = TypeVarTuple("Arguments")


class RemoteBox:
    """That of a RemoteOperator."""

    @abstractmethod
    async def _call(self, call: BoxCall, kind: type[T]) -> T:
        """Ask and wait for the answer."""

    async def keys(self) -> KeyReport:
        """Say what signs what."""
        return await self._call(calls.KeysCall(), KeyReport)

    async def attestation(self, uri: str) -> KeyAttestation:
        """Have the device say that it made a key."""
        return await self._call(calls.AttestationCall(uri), KeyAttestation)

    async def change_issuer(self, change: IssuerChange, name: str) -> None:
        """Take a step with an intermediate."""
        await self._call(calls.ChangeIssuerCall(change, name), type(None))

    async def backups(self) -> BackupReport:
        """Give what is known of backups now."""
        return await self._call(calls.BackupsCall(), BackupReport)

    async def begin_backup(self, order: BackupOrder) -> Work:
        """Make a backup."""
        return await self._call(calls.BeginBackupCall(order), Work)

    async def begin_proof(self, order: ProofOrder) -> Work:
        """Prove a backup."""
        return await self._call(calls.BeginProofCall(order), Work)

    async def works(self) -> Sequence[Work]:
        """Give what is under way."""
        return await self._call(calls.WorksCall(), list[Work])

    async def journal_events(self, query: JournalQuery) -> JournalEvents:
        """Give what entries of the journal tell."""
        return await self._call(calls.JournalEventsCall(query), JournalEvents)

    async def begin_journal_check(self) -> Work:
        """Follow the hashes of the journal."""
        return await self._call(calls.BeginJournalCheckCall(), Work)

    async def configuration(self) -> Configuration:
        """Give the configuration as it is in force."""
        return await self._call(calls.ConfigurationCall(), Configuration)

    async def reload(self) -> None:
        """Serve what ca.json says now."""
        await self._call(calls.ReloadCall(), type(None))

    async def log_lines(self, after: int = 0) -> LogPage:
        """Give the remembered lines of the server's log."""
        return await self._call(calls.LogLinesCall(after), LogPage)


class PassedBox:
    """That of an Operator who asks a box itself, or by way of another thread."""

    @property
    @abstractmethod
    def _box(self) -> Box:
        """Whom to ask."""

    async def _run(
        self, function: Callable[[*Arguments], Awaitable[T]], *arguments: *Arguments
    ) -> T:
        """Ask, where the box is at home."""
        return await function(*arguments)

    async def keys(self) -> KeyReport:
        """Say what signs what."""
        return await self._run(self._box.keys)

    async def attestation(self, uri: str) -> KeyAttestation:
        """Have the device say that it made a key."""
        return await self._run(self._box.attestation, uri)

    async def change_issuer(self, change: IssuerChange, name: str) -> None:
        """Take a step with an intermediate."""
        await self._run(self._box.change_issuer, change, name)

    async def backups(self) -> BackupReport:
        """Give what is known of backups now."""
        return await self._run(self._box.backups)

    async def begin_backup(self, order: BackupOrder) -> Work:
        """Make a backup."""
        return await self._run(self._box.begin_backup, order)

    async def begin_proof(self, order: ProofOrder) -> Work:
        """Prove a backup."""
        return await self._run(self._box.begin_proof, order)

    async def works(self) -> Sequence[Work]:
        """Give what is under way."""
        return await self._run(self._box.works)

    async def journal_events(self, query: JournalQuery) -> JournalEvents:
        """Give what entries of the journal tell."""
        return await self._run(self._box.journal_events, query)

    async def begin_journal_check(self) -> Work:
        """Follow the hashes of the journal."""
        return await self._run(self._box.begin_journal_check)

    async def configuration(self) -> Configuration:
        """Give the configuration as it is in force."""
        return await self._run(self._box.configuration)

    async def reload(self) -> None:
        """Serve what ca.json says now."""
        await self._run(self._box.reload)

    async def log_lines(self, after: int = 0) -> LogPage:
        """Give the remembered lines of the server's log."""
        return await self._run(self._box.log_lines, after)
