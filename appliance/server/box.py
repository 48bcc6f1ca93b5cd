"""The box (operator.box) in the server's own thread."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, final

import trio

from appliance.authority import journal
from appliance.authority.journal_reading import JournalReader
from appliance.config import loading, showing
from appliance.config.settings import Settings, TokenKey
from appliance.formats.keys import checked_public
from appliance.issuance import yubikey_attestation
from appliance.model.backups import BackupOrder, BackupReport, ProofOrder
from appliance.model.configured import Configuration
from appliance.model.errors import (
    BadRequest,
    ConfigError,
    FormatError,
    HearthError,
    NotFound,
    NotSupported,
    Unauthorized,
)
from appliance.model.journal import JournalEvent, JournalEvents, JournalQuery
from appliance.model.loglines import LogPage
from appliance.model.signing_keys import IssuerChange, KeyAttestation, KeyReport
from appliance.model.work import Work, WorkKind
from appliance.operator.line_ring import LineRing
from appliance.operator.who import WHO
from appliance.ports.signer import IssuerKey
from appliance.server import journal_check, material, succession
from appliance.server.backup.desk import BackupDesk
from appliance.server.enforcing import put_in_force
from appliance.server.keyring import Keyring
from appliance.server.reloading import Service
from appliance.server.works import WorkDesk

_ATTESTED: Final = "the device attests the key"


@final
@dataclass(frozen=True, slots=True)
class ApplianceBox:
    """The box of a running CA. Operators see it as operator.box says."""

    service: Service
    desk: BackupDesk
    work: WorkDesk
    lines: LineRing

    async def keys(self) -> KeyReport:
        """Say what signs what, and what the next step is."""
        service, foundation = self.service, self.service.foundation
        keyring = Keyring(
            assembly=service.assembly, tokens=foundation.key_tokens, own=service.own_certificate
        )
        steps = succession.steps(service.assembly, foundation.clock.now())
        return KeyReport(keys=keyring.holdings(), steps=steps)

    async def attestation(self, uri: str) -> KeyAttestation:
        """Have the device say that it made a key."""
        foundation = self.service.foundation
        place = self._token_key(uri)
        chain = await foundation.key_tokens.attest(place)
        key = checked_public(self._public_key(place))
        try:
            found = yubikey_attestation.checked(chain, key, now=foundation.clock.now())
        except Unauthorized as error:
            problem = f"what vouches for it does not come from Yubico: {error.public}"
            return KeyAttestation(text=_ATTESTED, problem=problem, chain=tuple(chain))
        except (BadRequest, FormatError) as error:
            return KeyAttestation(text=_ATTESTED, problem=error.public, chain=tuple(chain))
        pin, touch = found.policies.pin or "default", found.policies.touch or "default"
        text = (
            f"made in YubiKey {found.serial}, firmware {found.firmware}, and cannot leave it"
            f" (PIN {pin}, touch {touch}); Yubico vouches for it"
        )
        return KeyAttestation(text=text, chain=tuple(chain))

    async def change_issuer(self, change: IssuerChange, name: str) -> None:
        """Take a step with an intermediate."""
        service = self.service
        with _said():
            rollover = await trio.to_thread.run_sync(
                succession.taken,
                change,
                name,
                service.settings(),
                service.foundation.clock.now(),
            )
            try:
                await put_in_force(service, rollover.editing)
            except HearthError as error:
                service.record("intermediate", f"{change} {name}: {error.public}", ok=False)
                raise
        service.record("intermediate", f"{change} {name}, by {WHO.get()}")

    async def backups(self) -> BackupReport:
        """Give what is known of backups now."""
        return await self.desk.report()

    async def begin_backup(self, order: BackupOrder) -> Work:
        """Make a backup."""
        return self.desk.begin_backup(order)

    async def begin_proof(self, order: ProofOrder) -> Work:
        """Prove a backup."""
        return self.desk.begin_proof(order)

    async def works(self) -> Sequence[Work]:
        """Give what is under way, and what has ended."""
        return self.work.works

    async def journal_events(self, query: JournalQuery) -> JournalEvents:
        """Give what entries of the journal tell."""
        page = await self._journal().page(query)
        events, unread = list[JournalEvent](), list[int]()
        for entry in page.entries:
            try:
                events.append(journal.read(entry))
            except FormatError:
                unread.append(entry.number)
        return JournalEvents(
            events=tuple(events),
            unread=tuple(unread),
            reached=page.reached,
            complete=page.complete,
        )

    async def begin_journal_check(self) -> Work:
        """Follow the hashes of the journal."""
        job = journal_check.job(self._journal())
        return self.work.begin(WorkKind.JOURNAL, "all entries", job)

    async def configuration(self) -> Configuration:
        """Give the configuration as it is in force."""
        settings = self.service.settings()
        changed, problem = await trio.to_thread.run_sync(_compare, settings)
        assembly = self.service.assembly
        return Configuration(
            file=str(settings.file),
            digest=settings.digest,
            settings=showing.shown(settings),
            warnings=(*assembly.warnings, *assembly.registry.problems),
            changed=changed,
            problem=problem,
        )

    async def reload(self) -> None:
        """Serve what ca.json says now."""
        with _said():
            await self.service.reload()

    async def log_lines(self, after: int = 0) -> LogPage:
        """Give the remembered lines of the server's log."""
        return self.lines.page(after)

    def _journal(self) -> JournalReader:
        foundation = self.service.foundation
        if not foundation.journal.persistent:
            raise NotSupported("this CA has no `db`: it keeps no journal")
        return JournalReader(foundation.store)

    def _public_key(self, place: TokenKey) -> IssuerKey:
        settings = self.service.settings()
        certified = [(settings.key, settings.certificate)]
        certified += [(each.key, each.certificate) for each in settings.issuers if each.key]
        for key, certificate in certified:
            if key is place:
                return material.read_issuer(certificate).public_key
        return self.service.foundation.key_tokens.public_key(place)

    def _token_key(self, uri: str) -> TokenKey:
        for key in self.service.settings().token_keys:
            if str(key.uri) == uri:
                return key
        raise NotFound("the configuration has no such key on a token")


@contextmanager
def _said() -> Iterator[None]:
    """Let what is wrong with a file reach who asked, wherever they are."""
    try:
        yield
    except ConfigError as error:
        raise BadRequest(error.public) from error


def _compare(settings: Settings) -> tuple[bool, str]:
    """Say whether the file is another one now, and why that would be refused."""
    try:
        content = loading.content(settings.file)
        if sha256(content).hexdigest() == settings.digest:
            return False, ""
        loading.load(settings.file)
    except ConfigError as error:
        return True, error.public
    return True, ""
