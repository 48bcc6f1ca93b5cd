"""Revoking SSH certificates: from then on none is renewed; sshd learns of it by revocation lists.

As with step-ca, a certificate that nobody knows can be revoked as well.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from appliance.authority import records as x509_records
from appliance.authority.reporting import Attempt, Context
from appliance.authority.ssh import records
from appliance.authority.tokens import OneTimeTokens, already_used
from appliance.formats.ssh import certificate as ssh_certificate
from appliance.issuance.ssh.periods import SshPeriod
from appliance.model.errors import BadRequest, Conflict, Forbidden, NotFound, NotSupported
from appliance.model.events import EventKind
from appliance.model.grants import ProvisionerRef, TokenUse
from appliance.ports.clock import Clock
from appliance.ports.events import EventSink
from appliance.ports.store import Operation, Store
from appliance.provisioners.registry import Registry

_LAST_REASON = 10  # aACompromise, as with X.509
_LARGEST_SERIAL = 2**64 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class SshRevokeRequest:
    """What POST /ssh/revoke asks. `serial` is decimal."""

    serial: str
    token: str
    reason_code: int = 0
    reason: str = ""
    passive: bool
    context: Context


@dataclass(frozen=True, slots=True, kw_only=True)
class SshRevocationAuthority:
    """Revokes by token. Not `persistent`: without a database.

    `announce` makes a revocation known to others, before it is acknowledged: it never raises.
    """

    registry: Registry
    store: Store
    tokens: OneTimeTokens
    clock: Clock
    events: EventSink
    persistent: bool = True
    announce: Sequence[Callable[[], Awaitable[None]]] = ()

    async def revoke(self, request: SshRevokeRequest) -> int:
        """Mark a certificate as revoked, known or not, and give its serial number.

        Raises BadRequest (also when it is revoked already), Unauthorized, Forbidden, NotSupported,
        Broken.
        """
        with Attempt("ssh-revoke", request.context, self.clock, self.events) as attempt:
            serial = _checked(request)
            attempt.of(serial)
            grant = await self.registry.authorize_ssh_revoke(request.token, self.clock.now())
            attempt.allowed_by(grant.provisioner)
            attempt.asked(f"token {grant.token.reuse_key}" if grant.token else "")
            async with self.tokens.spending(grant.token):
                if grant.subject != request.serial:
                    raise Forbidden(
                        f'request serial number "{request.serial}" and token subject '
                        f'"{grant.subject}" do not match'
                    )
                self._check_persistent()
                await self._tell(serial, attempt)
                await self._revoke(request, serial, grant.provisioner, grant.token, attempt)
            attempt.succeeded(EventKind.REVOKED, request.reason)
            return serial

    async def revoke_at_the_box(
        self, serial: int, *, reason_code: int, reason: str, context: Context
    ) -> None:
        """Revoke a certificate of the inventory for the person at the box.

        Raises NotFound, BadRequest (also when it is revoked already), NotSupported, Broken.
        """
        with Attempt("ssh-revoke", context, self.clock, self.events) as attempt:
            request = SshRevokeRequest(
                serial=str(serial),
                token="",
                reason_code=reason_code,
                reason=reason,
                passive=True,
                context=context,
            )
            attempt.of(_checked_numbers(request))
            attempt.asked("the operator")
            self._check_persistent()
            if not await self._tell(serial, attempt):
                raise NotFound(f"there is no SSH certificate with serial number {serial}")
            await self._revoke(request, serial, None, None, attempt)
            attempt.succeeded(EventKind.REVOKED, reason)

    def _check_persistent(self) -> None:
        if not self.persistent:
            raise NotSupported("no persistence layer configured: revocation needs `db` in ca.json")

    async def _tell(self, serial: int, attempt: Attempt) -> bool:
        """Note what is known of the certificate; say whether anything is."""
        recorded = await records.certificate(self.store, serial)
        if recorded is None:
            return False
        known = ssh_certificate.parse(recorded)
        period = SshPeriod(after=known.valid_after, before=known.valid_before)
        attempt.about_ssh(known.key_id, known.principals, known.type.label)
        attempt.of(serial, period.validity)
        return True

    async def _revoke(
        self,
        request: SshRevokeRequest,
        serial: int,
        provisioner: ProvisionerRef | None,
        token: TokenUse | None,
        attempt: Attempt,
    ) -> None:
        used: Sequence[Operation] = [x509_records.token_used(token)] if token else []
        operations = records.revoked(
            serial=serial,
            provisioner_id=provisioner.id if provisioner else "",
            reason_code=request.reason_code,
            reason=request.reason,
            revoked_at=self.clock.now(),
            token_id=token.reuse_key if token else "",
            listed=await records.listed(self.store, serial),
        )
        try:
            written = attempt.written(EventKind.REVOKED, serial, None, reason=request.reason)
            await self.store.commit([*operations, *used, written])
        except Conflict as error:
            if await records.is_revoked(self.store, serial):
                raise BadRequest(
                    f"certificate with serial number '{serial}' is already revoked"
                ) from error
            raise already_used() from error
        for announce in self.announce:
            await announce()


def _checked(request: SshRevokeRequest) -> int:
    serial = _checked_numbers(request)
    if not request.token:
        raise BadRequest("missing ott")
    return serial


def _checked_numbers(request: SshRevokeRequest) -> int:
    if not request.serial:
        raise BadRequest("missing serial")
    if not 0 <= request.reason_code <= _LAST_REASON:
        raise BadRequest("reasonCode out of bounds")
    if not request.passive:
        raise NotSupported("non-passive revocation not implemented")
    text = request.serial
    if not (text.isascii() and text.isdigit() and len(text) <= 20):
        raise BadRequest(f"serial '{text[:80]}' is not a decimal number")
    serial = int(text)
    if str(serial) != text or serial > _LARGEST_SERIAL:
        raise BadRequest(f"serial '{text}' is not the number of an SSH certificate")
    return serial
