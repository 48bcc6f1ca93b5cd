"""Revocation, passive as step-ca's: what is revoked is not renewed (and listed as revoked)."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from appliance.authority import credentials, records, revoked_rows
from appliance.authority.reporting import Attempt, Context
from appliance.authority.revoked_rows import Revoked
from appliance.authority.tokens import OneTimeTokens, already_used
from appliance.authority.trust import Trust
from appliance.authority.x509 import provisioner_of
from appliance.formats import serial as serials
from appliance.issuance import parsed
from appliance.issuance.parsed import ParsedCertificate
from appliance.model.errors import (
    BadRequest,
    Conflict,
    Forbidden,
    FormatError,
    NotFound,
    NotSupported,
    Unauthorized,
)
from appliance.model.events import EventKind
from appliance.model.grants import Credential, ProvisionerRef, TokenUse
from appliance.ports.clock import Clock
from appliance.ports.events import EventSink
from appliance.ports.store import Operation, Store
from appliance.provisioners.registry import Registry

_LAST_REASON = 10  # aACompromise, RFC 5280 section 5.3.1


@dataclass(frozen=True, slots=True, kw_only=True)
class RevokeRequest:
    """What POST /revoke asks. `serial` is as the client wrote it: decimal, 0x…, 0b…, 0…"""

    serial: str
    token: str
    reason_code: int = 0
    reason: str = ""
    passive: bool
    credential: Credential | None = None
    context: Context


@dataclass(frozen=True, slots=True, kw_only=True)
class RevocationAuthority:
    """Revokes by token, or by the certificate itself. Not `persistent`: without a database.

    `announce` makes a revocation known to others, before it is acknowledged: it never raises.
    """

    registry: Registry
    trust: Trust
    store: Store
    tokens: OneTimeTokens
    clock: Clock
    events: EventSink
    persistent: bool = True
    announce: Sequence[Callable[[], Awaitable[None]]] = ()

    async def revoke(self, request: RevokeRequest) -> int:
        """Mark a certificate as revoked, known or not, and give its serial.

        Raises BadRequest (also when it is revoked already), Unauthorized, Forbidden, NotSupported,
        Broken.
        """
        with Attempt("revoke", request.context, self.clock, self.events) as attempt:
            serial = _checked(request)
            attempt.of(serial)
            if request.token:
                await self._by_token(request, serial, attempt)
            else:
                await self._by_certificate(request, serial, attempt)
            attempt.succeeded(EventKind.REVOKED, request.reason)
            return serial

    async def revoke_issued(
        self,
        certificate: ParsedCertificate,
        provisioner: ProvisionerRef,
        *,
        reason_code: int,
        reason: str,
        context: Context,
        asked_by: str = "",
    ) -> None:
        """Revoke a certificate of ours for who has the right to it by ACME.

        Raises BadRequest when it is revoked already, NotSupported, Broken.
        """
        with Attempt("revoke", context, self.clock, self.events) as attempt:
            attempt.of(certificate.serial)
            attempt.allowed_by(provisioner)
            attempt.asked(asked_by or "ACME")
            request = RevokeRequest(
                serial=str(certificate.serial),
                token="",
                reason_code=reason_code,
                reason=reason,
                passive=True,
                context=context,
            )
            await self._revoke(
                request,
                certificate.serial,
                known=certificate,
                attempt=attempt,
                provisioner_id=provisioner.id,
                token=None,
                acme=True,
            )
            attempt.succeeded(EventKind.REVOKED, reason)

    async def revoke_at_the_box(
        self, serial: int, *, reason_code: int, reason: str, context: Context
    ) -> None:
        """Revoke a certificate of the inventory for the person at the box.

        Raises NotFound, BadRequest (also when it is revoked already), NotSupported, Broken.
        """
        with Attempt("revoke", context, self.clock, self.events) as attempt:
            request = RevokeRequest(
                serial=str(serial),
                token="",
                reason_code=reason_code,
                reason=reason,
                passive=True,
                context=context,
            )
            attempt.of(_checked(request))
            attempt.asked("the operator")
            if (known := await self._known(serial)) is None:
                raise NotFound(f"there is no certificate with serial number {serial}")
            await self._provisioner_id(known, attempt)
            await self._revoke(
                request,
                serial,
                known=known,
                attempt=attempt,
                provisioner_id="",
                token=None,
                by_itself=False,
            )
            attempt.succeeded(EventKind.REVOKED, reason)

    async def _by_token(self, request: RevokeRequest, serial: int, attempt: Attempt) -> None:
        grant = await self.registry.authorize_revoke(request.token, self.clock.now())
        attempt.allowed_by(grant.provisioner)
        attempt.asked(f"token {grant.token.reuse_key}" if grant.token else "")
        async with self.tokens.spending(grant.token):
            if grant.subject != str(serial):
                raise Forbidden(
                    f'request serial number "{serial}" and token subject "{grant.subject}" '
                    "do not match"
                )
            await self._revoke(
                request,
                serial,
                known=await self._known(serial),
                attempt=attempt,
                provisioner_id=grant.provisioner.id,
                token=grant.token,
            )

    async def _by_certificate(self, request: RevokeRequest, serial: int, attempt: Attempt) -> None:
        if request.credential is None:
            raise BadRequest("missing ott or client certificate")
        shown = credentials.check_dates(request.credential, self.trust, self.clock.now())
        if shown.serial != serial:
            raise Forbidden(
                f'request serial number "{serial}" and certificate serial number '
                f'"{shown.serial}" do not match'
            )
        attempt.asked("the certificate itself")
        await self._revoke(
            request,
            serial,
            known=shown,
            attempt=attempt,
            provisioner_id=await self._provisioner_id(shown, attempt),
            token=None,
        )

    async def _provisioner_id(self, shown: ParsedCertificate, attempt: Attempt) -> str:
        """Name who issued it, when that is known; a certificate may revoke itself in any case."""
        try:
            provisioner = await provisioner_of(self.store, self.registry, shown)
        except Unauthorized:
            return ""
        if provisioner is None:
            return ""
        attempt.allowed_by(provisioner.ref)
        return provisioner.ref.id

    async def _known(self, serial: int) -> ParsedCertificate | None:
        recorded = await records.certificate(self.store, serial)
        return parsed.parse(recorded) if recorded else None

    async def _revoke(
        self,
        request: RevokeRequest,
        serial: int,
        *,
        known: ParsedCertificate | None,
        attempt: Attempt,
        provisioner_id: str,
        token: TokenUse | None,
        acme: bool = False,
        by_itself: bool = True,
    ) -> None:
        if not self.persistent:
            raise NotSupported("no persistence layer configured: revocation needs `db` in ca.json")
        if known is not None:
            attempt.about(known.common_name, known.sans)
        used: Sequence[Operation] = [records.token_used(token)] if token else []
        now, not_after = self.clock.now(), known.validity.not_after if known else None
        listed = Revoked(
            serial=serial,
            revoked_at=now,
            reason_code=request.reason_code,
            not_after=not_after,
            issuer=revoked_rows.issuer_of(known) if known else revoked_rows.NOBODY,
        )
        operations = records.revoked(
            serial=serial,
            provisioner_id=provisioner_id,
            reason_code=request.reason_code,
            reason=request.reason,
            revoked_at=now,
            expires_at=not_after,
            token_id=token.reuse_key if token else "",
            mtls=token is None and not acme and by_itself,
            acme=acme,
            listed=await records.listed(self.store, serial),
        )
        try:
            written = attempt.written(
                EventKind.REVOKED,
                serial,
                known.validity if known else None,
                reason=request.reason,
            )
            await self.store.commit([*operations, revoked_rows.row(listed), *used, written])
        except Conflict as error:
            if await records.is_revoked(self.store, serial):
                raise BadRequest(
                    f"certificate with serial number '{serial}' is already revoked"
                ) from error
            raise already_used() from error
        for announce in self.announce:
            await announce()


def _checked(request: RevokeRequest) -> int:
    if not request.serial:
        raise BadRequest("missing serial")
    try:
        serial = serials.parse(request.serial)
    except FormatError as error:
        raise BadRequest(error.public) from error
    if not 0 <= request.reason_code <= _LAST_REASON:
        raise BadRequest("reasonCode out of bounds")
    if not request.passive:
        raise NotSupported("non-passive revocation not implemented")
    return serial
