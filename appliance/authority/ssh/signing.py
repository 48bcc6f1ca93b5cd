"""SSH certificates: issued for a one-time token, renewed and rekeyed for hosts that hold one.

The same straight line as with X.509: who allows it, what the certificate will be, the signature,
one transaction that records it, the answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from msgspec import Struct

from appliance.authority import records as x509_records
from appliance.authority.deciding import decided
from appliance.authority.gate import IssuanceGate
from appliance.authority.reporting import Attempt, Context
from appliance.authority.ssh import records
from appliance.authority.ssh.keys import SshKeys
from appliance.authority.ssh.webhooks import SshWebhooks
from appliance.authority.tokens import OneTimeTokens, already_used
from appliance.formats.gotemplate.library.context import FunctionContext
from appliance.formats.ssh.certificate import SshCertificate
from appliance.formats.ssh.keys import SshPublicKey
from appliance.issuance.ssh import certificates, drafts, periods, requests, rules, templates
from appliance.issuance.ssh.drafts import SshDraft
from appliance.issuance.ssh.grants import SshGrant, SshRenewalGrant
from appliance.issuance.ssh.periods import SshPeriod
from appliance.issuance.ssh.profiles import PrincipalPolicy
from appliance.issuance.ssh.requests import SshSigningRequest
from appliance.issuance.ssh.templates import SshGiven
from appliance.issuance.templates import user_data
from appliance.model.errors import Broken, Conflict, Forbidden, Unauthorized
from appliance.model.events import EventKind
from appliance.model.grants import ProvisionerRef, TokenUse
from appliance.model.ssh import CertificateType
from appliance.model.validity import Validity
from appliance.ports.abreast import abreast
from appliance.ports.chance import Chance
from appliance.ports.clock import Clock
from appliance.ports.events import EventSink
from appliance.ports.store import Operation, Store
from appliance.provisioners.registry import Registry


class SshSignRequest(Struct, frozen=True, kw_only=True):
    """What POST /ssh/sign asks."""

    request: SshSigningRequest
    token: str
    template_data: object = None  # decoded JSON, for a provisioner's own template
    context: Context


class SshIssued(Struct, frozen=True, kw_only=True):
    """A certificate that is recorded."""

    certificate: SshCertificate
    provisioner: ProvisionerRef | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAccount:
    """Who makes accounts on servers, and how: `ssh.addUserPrincipal`, `ssh.addUserCommand`."""

    principal: str
    command: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SshAuthority:
    """Issues, renews and rekeys SSH certificates. Not `persistent`: without a database."""

    registry: Registry
    keys: SshKeys
    store: Store
    tokens: OneTimeTokens
    clock: Clock
    chance: Chance
    events: EventSink
    backdate: timedelta
    persistent: bool = True
    policy: PrincipalPolicy | None = None  # of the whole authority
    webhooks: SshWebhooks | None = None  # None: nobody is asked
    gate: IssuanceGate = field(default_factory=IssuanceGate)
    account: NewAccount | None = None  # None: certificates for making accounts are not issued

    async def sign(self, request: SshSignRequest) -> SshIssued:
        """Issue what a one-time token allows.

        Raises BadRequest, Unauthorized, Forbidden; NotSupported without a key for the type;
        Unavailable and Broken when key or store failed.
        """
        with self._attempt("ssh-sign", request.context) as attempt:
            asked = request.request
            attempt.about_ssh(asked.key_id, asked.principals, asked.type)
            self.keys.check_enabled()
            grant = await self.registry.authorize_ssh_sign(request.token, self.clock.now())
            await abreast()
            attempt.allowed_by(grant.provisioner)
            attempt.about_ssh(grant.key_id, grant.principals or (), grant.type.label)
            attempt.asked(_token(grant.token))
            async with self.tokens.spending(grant.token):
                return await self._granted(request, grant, attempt)

    async def sign_granted(
        self, request: SshSignRequest, grant: SshGrant, *, asked_by: str
    ) -> SshIssued:
        """Issue what was granted without a token. Raises as `sign` does."""
        with self._attempt("ssh-sign", request.context) as attempt:
            self.keys.check_enabled()
            attempt.allowed_by(grant.provisioner)
            attempt.about_ssh(grant.key_id, grant.principals or (), grant.type.label)
            attempt.asked(asked_by)
            return await self._granted(request, grant, attempt)

    async def add_user(
        self, subject: SshIssued, key: SshPublicKey, context: Context
    ) -> SshCertificate | None:
        """Issue the certificate by which a server makes the account of a certificate just issued.

        It is for another key, and as long. None where no account can be made of the certificate.
        Raises as `sign` does.
        """
        old, account = subject.certificate, self.account
        if account is None or not drafts.can_add_user(old):
            return None
        with self._attempt("ssh-sign", context) as attempt:
            attempt.allowed_by(subject.provisioner)
            draft = drafts.add_user(old, principal=account.principal, command=account.command)
            attempt.about_ssh(draft.key_id, draft.principals, old.type.label)
            rules.check_key(key)
            period = periods.of(old)
            attempt.asked(f"certificate {old.serial:#x}")
            issued = await self._signed(draft, old.type, key, period, subject.provisioner)
            attempt.passed("sign")
            recorded = await self._recorded(issued, None, attempt, EventKind.ISSUED)
            return recorded.certificate

    async def renew(self, token: str, context: Context) -> SshIssued:
        """Issue a host's certificate again, from now on, to who signed a token with its key.

        Raises as `sign` does.
        """
        with self._attempt("ssh-renew", context) as attempt:
            self.keys.check_enabled()
            grant = await self.registry.authorize_ssh_renew(token, self.clock.now())
            async with self.tokens.spending(grant.token):
                old = await self._renewing(grant, attempt)
                issued = await self._again(grant, old, old.key)
                attempt.passed("sign")
                return await self._recorded(issued, grant.token, attempt, EventKind.RENEWED)

    async def rekey(self, token: str, key: SshPublicKey, context: Context) -> SshIssued:
        """Issue a host's certificate again for another key, as `renew` does."""
        with self._attempt("ssh-rekey", context) as attempt:
            self.keys.check_enabled()
            grant = await self.registry.authorize_ssh_rekey(token, self.clock.now())
            async with self.tokens.spending(grant.token):
                old = await self._renewing(grant, attempt)
                now = self.clock.now()
                period = periods.again(old, now, self.backdate)
                self.keys.signing(old.type)
                rules.check_key(key)
                periods.judge(period, grant.lifetimes.of(old.type), now)
                rules.check_draft(drafts.again(old))
                attempt.passed("decide")
                issued = await self._again(grant, old, key)
                attempt.passed("sign")
                return await self._recorded(issued, grant.token, attempt, EventKind.REKEYED)

    # ---- who allows it

    async def _renewing(self, grant: SshRenewalGrant, attempt: Attempt) -> SshCertificate:
        old = grant.certificate
        attempt.allowed_by(grant.provisioner)
        attempt.about_ssh(old.key_id, old.principals, old.type.label)
        attempt.replacing(old.serial, _token(grant.token))
        attempt.of(old.serial, periods.of(old).validity)
        if await records.is_revoked(self.store, old.serial):
            raise Unauthorized("the certificate has been revoked")
        return old

    # ---- what it becomes

    async def _granted(
        self, request: SshSignRequest, grant: SshGrant, attempt: Attempt
    ) -> SshIssued:
        """Hold the request against its grant, sign and record it."""
        asked = request.request
        requests.check(asked)
        rules.permit(asked, grant)
        given = self._given(grant, request)
        webhooks = self.webhooks if grant.profile.webhooks else None
        if webhooks is not None:
            given = await webhooks.enriched(given, request.context)
            attempt.passed("webhooks")
        draft = await decided(
            lambda: templates.asked_for(given), long=grant.profile.template is not None
        )
        now = self.clock.now()
        period = periods.decide(draft, asked, grant, now)
        kind = self._permit(draft, period, grant, asked.public_key, now)
        await abreast()
        attempt.passed("decide")
        if webhooks is not None:
            await webhooks.permit(given, draft, period, request.context)
            attempt.passed("webhooks")
        issued = await self._signed(draft, kind, asked.public_key, period, grant.provisioner)
        attempt.passed("sign")
        return await self._recorded(issued, grant.token, attempt, EventKind.ISSUED)

    def _given(self, grant: SshGrant, request: SshSignRequest) -> SshGiven:
        return SshGiven(
            grant=grant,
            request=request.request,
            user=user_data(request.template_data),
            context=FunctionContext(now=self.clock.now(), entropy=self.chance.octets),
        )

    def _permit(
        self,
        draft: SshDraft,
        period: SshPeriod,
        grant: SshGrant,
        key: SshPublicKey,
        now: datetime,
    ) -> CertificateType:
        """Hold a draft against keys, policies and claims, and give its type.

        In the order in which step-ca does. Raises NotSupported, Forbidden, BadRequest.
        """
        kind = draft.type
        if kind is None:
            raise Forbidden("ssh certificate type has not been set")
        self.keys.signing(kind)
        if self.policy is not None:
            self.policy.check(kind, draft.principals)
        rules.check_key(key)
        periods.judge(period, grant.lifetimes.of(kind), now)
        rules.check_draft(draft)
        if grant.profile.policy is not None:
            grant.profile.policy.check(kind, draft.principals)
        return kind

    async def _again(
        self, grant: SshRenewalGrant, old: SshCertificate, key: SshPublicKey
    ) -> SshIssued:
        period = periods.again(old, self.clock.now(), self.backdate)
        provisioner = await self._granted_by(old) or grant.provisioner
        return await self._signed(drafts.again(old), old.type, key, period, provisioner)

    async def _granted_by(self, old: SshCertificate) -> ProvisionerRef | None:
        """Find who granted a certificate at first: of him speaks what is issued again."""
        return await records.provisioner_of(self.store, old.serial)

    async def _signed(
        self,
        draft: SshDraft,
        kind: CertificateType,
        key: SshPublicKey,
        period: SshPeriod,
        provisioner: ProvisionerRef | None,
    ) -> SshIssued:
        signing = self.keys.signing(kind)
        prepared = certificates.prepare(
            draft,
            kind,
            key,
            period,
            signing.public_key,
            self.chance.octets(certificates.ENTROPY),
        )
        signature = await signing.signer.sign(prepared.to_be_signed, prepared.algorithm)
        return SshIssued(
            certificate=certificates.assemble(prepared, signature), provisioner=provisioner
        )

    async def _recorded(
        self, issued: SshIssued, token: TokenUse | None, attempt: Attempt, kind: EventKind
    ) -> SshIssued:
        """Write it down, and report it. Raises Broken, and Unauthorized for its token."""
        await abreast()
        made = issued.certificate
        attempt.about_ssh(made.key_id, made.principals, made.type.label)
        validity = periods.of(made).validity
        await self._record(self._rows(issued, token, validity, attempt, kind), issued, token)
        attempt.of(made.serial, validity)
        attempt.succeeded(kind)
        return issued

    async def _record(
        self, rows: Sequence[Operation], issued: SshIssued, token: TokenUse | None
    ) -> None:
        try:
            await self.store.commit(rows)
        except Conflict as error:
            if token is not None and await self.tokens.is_used(token):
                raise already_used() from error
            raise _unrecorded(issued.certificate.serial, error) from error
        except Broken as error:
            raise _unrecorded(issued.certificate.serial, error) from error

    def _rows(
        self,
        issued: SshIssued,
        token: TokenUse | None,
        validity: Validity,
        attempt: Attempt,
        kind: EventKind,
    ) -> Sequence[Operation]:
        if not self.persistent:
            return [x509_records.token_used(token)] if token else []
        made = issued.certificate
        return [
            *records.issued(
                made,
                provisioner=issued.provisioner,
                issued_at=self.clock.now(),
                token=token,
                origin=attempt.origin,
            ),
            attempt.written(kind, made.serial, validity, certificate=made.blob),
        ]

    def _attempt(self, operation: str, context: Context) -> Attempt:
        self.gate.check()
        return Attempt(operation, context, self.clock, self.events)


def _unrecorded(serial: int, cause: Broken | Conflict) -> Broken:
    return Broken(
        "the certificate was signed but could not be recorded, and was discarded",
        detail=f"serial {serial}: {cause}",
    )


def _token(use: TokenUse | None) -> str:
    return f"token {use.reuse_key}" if use else "token that may come again"
