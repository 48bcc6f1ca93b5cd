"""The running appliance, as whoever operates it sees it."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from appliance.authority.acme.external_keys import ExternalKeyAdministration
from appliance.authority.at_the_box import IssuanceAtTheBox
from appliance.authority.counts import Counts
from appliance.authority.inventory import Inventory
from appliance.authority.journal_reading import JournalReader
from appliance.authority.reporting import Context
from appliance.authority.trust import fingerprint
from appliance.issuance import parsed, subjects
from appliance.issuance.ssh.periods import SshPeriod
from appliance.model.activity import Activity
from appliance.model.alerts import AlertReport, Delivery, Mute
from appliance.model.errors import HearthError, NotSupported
from appliance.model.events import EventKind, NumberedEvent
from appliance.model.external_keys import (
    ExternalKeyOrder,
    ExternalKeyPage,
    ExternalKeyQuery,
    NewExternalKey,
)
from appliance.model.inventory import (
    CertificateCounts,
    CertificateDetail,
    CertificateKind,
    CertificatePage,
    CertificateQuery,
)
from appliance.model.issuing import CertificateOrder, Offer, SshMade, SshOrder
from appliance.model.journal import JournalPage, JournalQuery
from appliance.model.overview import Overview
from appliance.model.secret import Password
from appliance.model.tokens import TokenStatus
from appliance.model.upkeep import ClockStatus, DatabaseStats, ScrubPart
from appliance.model.version import VERSION
from appliance.operator.box import Box
from appliance.operator.box_callers import PassedBox
from appliance.operator.provisioning import Provisioning
from appliance.operator.provisioning_callers import PassedProvisioning
from appliance.server import banner
from appliance.server.launch import EventRing
from appliance.server.orders import bad_requests
from appliance.server.past import Past
from appliance.server.provisioning import ProvisionerAdministration
from appliance.server.reloading import Service
from appliance.server.upkeep import Upkeep

log = logging.getLogger(__name__)

_REQUEST_ID: Final = 10  # octets, as of those that come by TLS


@dataclass(frozen=True, slots=True)
class ApplianceOperator(PassedBox, PassedProvisioning):
    """The Operator in the server's own thread."""

    service: Service
    ring: EventRing
    past: Past
    upkeep: Upkeep
    box: Box

    async def overview(self) -> Overview:
        """Give the state of the appliance now."""
        service, totals = self.service, self._newest.totals
        assembly, (host, port) = service.assembly, service.addresses[0]
        issuer = parsed.parse(assembly.trust.intermediates[0])
        root = parsed.parse(assembly.trust.roots[0])
        return Overview(
            name=subjects.common_name(issuer.subject),
            url=banner.primary_url(assembly, port),
            address=banner.joined(host, port),
            fingerprint=fingerprint(root.der),
            store=service.foundation.store.description,
            version=VERSION,
            started_at=service.foundation.started_at,
            now=service.foundation.clock.now(),
            intermediate_not_after=issuer.validity.not_after,
            root_not_after=root.validity.not_after,
            issued=totals[EventKind.ISSUED],
            renewed=totals[EventKind.RENEWED] + totals[EventKind.REKEYED],
            revoked=totals[EventKind.REVOKED],
            refused=totals[EventKind.REFUSED],
            provisioners=assembly.registry.names,
            tokens=service.foundation.key_tokens.statuses,
        )

    async def events(self, after: int = 0) -> Sequence[NumberedEvent]:
        """Give the next remembered events with a number above `after`, oldest first; or none."""
        return self._newest.events(after)

    async def certificates(self, query: CertificateQuery) -> CertificatePage:
        """Give one page of the inventory. Raises BadRequest."""
        foundation = self.service.foundation
        return await Inventory(foundation.store).page(query, foundation.clock.now())

    async def certificate(
        self, serial: int, kind: CertificateKind = CertificateKind.X509
    ) -> CertificateDetail:
        """Give one certificate. Raises NotFound."""
        foundation = self.service.foundation
        return await Inventory(foundation.store).certificate(serial, foundation.clock.now(), kind)

    async def certificate_counts(self, kind: CertificateKind) -> CertificateCounts:
        """Count the certificates of a kind."""
        foundation = self.service.foundation
        return await Counts(foundation.store).of(kind, foundation.clock.now())

    async def journal(self, query: JournalQuery) -> JournalPage:
        """Give entries of the journal."""
        journal = self.service.foundation.journal
        if not journal.persistent:
            raise NotSupported("this CA has no `db`: it keeps no journal")
        return await JournalReader(self.service.foundation.store, journal.wait_changed).page(query)

    async def activity(self) -> Activity:
        """Give what was done in each of the last 24 hours."""
        foundation = self.service.foundation
        now, tally = foundation.clock.now(), self._newest.tally
        return tally.activity(now, await self.past.known_since(tally, now))

    async def revoke_certificate(
        self, serial: int, kind: CertificateKind, *, reason_code: int = 0, reason: str = ""
    ) -> None:
        """Revoke a certificate for the person at the box."""
        assembly = self.service.assembly
        ssh = kind is CertificateKind.SSH
        authority = assembly.ssh_revocation if ssh else assembly.revocation
        await authority.revoke_at_the_box(
            serial, reason_code=reason_code, reason=reason, context=self._context()
        )

    async def offers(self) -> Sequence[Offer]:
        """List the provisioners by which certificates can be issued here."""
        return self._issuance.offers()

    async def issue_certificate(self, order: CertificateOrder) -> Sequence[bytes]:
        """Issue an X.509 certificate for the person at the box."""
        with bad_requests():
            issued = await self._issuance.issue(order, self._context())
        log.info("issued '%s', serial %d, by the operator", issued.subject, issued.serial)
        return (issued.certificate, *issued.chain)

    async def issue_ssh_certificate(self, order: SshOrder) -> SshMade:
        """Issue an SSH certificate for the person at the box."""
        with bad_requests():
            issued = await self._issuance.issue_ssh(order, self._context())
        made = issued.certificate
        log.info("issued SSH '%s', serial %d, by the operator", made.key_id, made.serial)
        period = SshPeriod(after=made.valid_after, before=made.valid_before)
        return SshMade(line=made.line, serial=made.serial, not_after=period.validity.not_after)

    async def external_keys(self, query: ExternalKeyQuery) -> ExternalKeyPage:
        """Give one page of a provisioner's keys for external account binding."""
        return await self._keys.external_keys(query)

    async def add_external_key(self, order: ExternalKeyOrder) -> NewExternalKey:
        """Make such a key."""
        return await self._keys.add_external_key(order)

    async def remove_external_key(
        self, provisioner: str, key_id: str, *, revoke_account: bool = False
    ) -> None:
        """Remove such a key."""
        await self._keys.remove_external_key(provisioner, key_id, revoke_account=revoke_account)

    async def tokens(self) -> Sequence[TokenStatus]:
        """Give the tokens as last seen."""
        return self.service.foundation.key_tokens.statuses

    async def unlock_token(self, name: str, pin: str, *, last_try: bool = False) -> TokenStatus:
        """Open a token with its PIN."""
        tokens = self.service.foundation.key_tokens
        try:
            status = await tokens.unlock(name, Password(pin.encode()), last_try=last_try)
        except HearthError as error:
            self.service.record("token-unlock", f"{name}: {error.public}", ok=False)
            raise
        self.service.record("token-unlock", f"{name}: the operator gave its PIN")
        return status

    async def alerts(self) -> AlertReport:
        """Give what is wrong, and who is told of it."""
        return await self.service.foundation.alerts.report()

    async def test_alerts(self, target: str = "") -> Sequence[Delivery]:
        """Send a test to a target, or to all."""
        found = await self.service.foundation.alerts.test(target)
        told = ", ".join(f"{each.target}: {each.problem or 'told'}" for each in found)
        self.service.record("alerts-test", told)
        return found

    async def mute_alert(self, mute: Mute) -> None:
        """Do not tell of an alert or a rule for a while."""
        await self.service.foundation.alerts.mute(mute)
        until = f" until {mute.until:%F %H:%M} UTC" if mute.until else ""
        self.service.record("alerts-mute", f"{mute.name}{until}")

    async def unmute_alert(self, name: str) -> None:
        """Tell of it again."""
        await self.service.foundation.alerts.unmute(name)
        self.service.record("alerts-unmute", name)

    async def clock(self) -> ClockStatus:
        """Say how the clock is."""
        return self.upkeep.clock()

    async def confirm_clock(self) -> ClockStatus:
        """Take the time for right."""
        status = await self.upkeep.confirm_clock()
        self.service.record("clock", f"{status.now:%F %H:%M:%S} UTC was said to be right")
        return status

    async def database(self) -> DatabaseStats:
        """Say how large the database is."""
        return self.upkeep.stats()

    async def scrub_database(self, start: bytes = b"") -> ScrubPart:
        """Read a part of it with its checksums."""
        return await self.upkeep.scrub(start)

    async def compact_database(self) -> None:
        """Give back the room of what was removed."""
        await self.upkeep.compact()

    def _context(self) -> Context:
        request_id = self.service.foundation.chance.octets(_REQUEST_ID).hex()
        return Context(client="operator", request_id=request_id)

    @property
    def _newest(self) -> EventRing:
        """The ring, with what has happened up to now."""
        self.service.foundation.events.settle()
        return self.ring

    @property
    def _issuance(self) -> IssuanceAtTheBox:
        assembly = self.service.assembly
        return IssuanceAtTheBox(
            x509=assembly.x509,
            ssh=assembly.ssh,
            registry=assembly.registry,
            provisioners=assembly.settings.provisioners,
        )

    @property
    def _box(self) -> Box:
        return self.box

    @property
    def _provisioning(self) -> Provisioning:
        return ProvisionerAdministration(self.service)

    @property
    def _keys(self) -> ExternalKeyAdministration:
        foundation = self.service.foundation
        return ExternalKeyAdministration(
            store=foundation.store,
            clock=foundation.clock,
            chance=foundation.chance,
            named=self.service.assembly.registry.by_name,
        )
