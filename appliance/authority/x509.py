"""X.509 certificates: issued for a one-time token, renewed and rekeyed for whoever holds one.

Each operation is one straight line: who allows it, what the certificate will be, the signature,
one transaction that records it, the answer. A certificate that could not be recorded is not
handed out; only its serial is told, to the log.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from msgspec import Struct

from appliance.authority import credentials, records, renewal_tokens
from appliance.authority.deciding import FEW_NAMES, decided
from appliance.authority.gate import IssuanceGate
from appliance.authority.issuers import Issuers, IssuingKey
from appliance.authority.reporting import Attempt, Context
from appliance.authority.tokens import OneTimeTokens
from appliance.authority.trust import Trust
from appliance.authority.x509_recording import Issued, X509Recorder
from appliance.authority.x509_webhooks import X509Webhooks
from appliance.formats.gotemplate.library.context import FunctionContext
from appliance.issuance import (
    certificates,
    drafts,
    identities,
    name_constraints,
    requests,
    rules,
    templates,
)
from appliance.issuance.certificate_json import CertificateJson
from appliance.issuance.drafting import AskedDates, drafted
from appliance.issuance.drafts import Draft
from appliance.issuance.grants import Grant
from appliance.issuance.parsed import ParsedCertificate
from appliance.issuance.profiles import NamePolicy
from appliance.issuance.requests import SigningRequest
from appliance.issuance.subjects import SubjectDefaults
from appliance.issuance.templates import Given
from appliance.model.errors import (
    BadRequest,
    Forbidden,
    FormatError,
    Unauthorized,
)
from appliance.model.events import EventKind
from appliance.model.grants import Credential, ProvisionerRef, TokenUse
from appliance.model.validity import TimeOrDuration, Validity
from appliance.ports.abreast import abreast
from appliance.ports.chance import Chance
from appliance.ports.clock import Clock
from appliance.ports.events import EventSink
from appliance.ports.store import Operation, Store
from appliance.provisioners.provisioner import Provisioner
from appliance.provisioners.registry import Registry


class SignRequest(Struct, frozen=True, kw_only=True):
    """What POST /sign asks. `csr` is PEM text."""

    csr: bytes
    token: str
    not_before: TimeOrDuration = None
    not_after: TimeOrDuration = None
    template_data: object = None  # decoded JSON, for a provisioner's own template
    context: Context


@dataclass(frozen=True, slots=True, kw_only=True)
class X509Authority:
    """Issues, renews and rekeys, with the issuer that the provisioner or the old certificate names.

    Without a database (`persistent` false) only used tokens are remembered.
    """

    registry: Registry
    trust: Trust
    issuers: Issuers
    store: Store
    tokens: OneTimeTokens
    clock: Clock
    chance: Chance
    events: EventSink
    webhooks: X509Webhooks
    subject_defaults: SubjectDefaults
    backdate: timedelta
    persistent: bool = True
    policy: NamePolicy | None = None  # of the whole authority
    gate: IssuanceGate = field(default_factory=IssuanceGate)
    recorder: X509Recorder = field(init=False)

    def __post_init__(self) -> None:
        """Make what writes down, once."""
        recorder = X509Recorder(store=self.store, tokens=self.tokens, persistent=self.persistent)
        object.__setattr__(self, "recorder", recorder)

    async def sign(self, request: SignRequest) -> Issued:
        """Issue what a one-time token allows.

        Raises BadRequest, Unauthorized, Forbidden; NotSupported for a token of a provisioner type
        without rules; Unavailable and Broken when key or store failed.
        """
        with self._attempt("sign", request.context) as attempt:
            csr = requests.read(request.csr)
            attempt.about(csr.common_name, csr.sans)
            await abreast()
            if not request.token:
                raise BadRequest("missing ott: a one-time token is needed")
            now = self.clock.now()
            grant = await self.registry.authorize_sign(request.token, now)
            await abreast()
            attempt.about(grant.subject, grant.sans)
            attempt.allowed_by(grant.provisioner)
            attempt.asked(_token(grant.token))
            async with self.tokens.spending(grant.token):
                rules.permit(csr, grant)
                key = self.issuers.named(grant.profile.issuer)
                given = self._given(csr, grant, request.template_data, now)
                asked = AskedDates(not_before=request.not_before, not_after=request.not_after)
                draft = await self._permitted(given, asked, key, request.context, attempt)
                signed = await self._signed(draft, key, grant.provisioner, attempt)
                return await self._recorded(signed, grant.token, attempt, EventKind.ISSUED)

    async def sign_granted(
        self,
        csr: SigningRequest,
        grant: Grant,
        asked: AskedDates,
        context: Context,
        *,
        asked_by: str,
        also: Callable[[Issued], Sequence[Operation]] = lambda _: (),
        template_data: object = None,
    ) -> Issued:
        """Issue what was granted without a token, recording `also` in the same transaction.

        Raises as `sign`, and Conflict when a condition of `also` does not hold: nothing is issued.
        """
        with self._attempt("sign", context) as attempt:
            attempt.about(grant.subject, grant.sans)
            attempt.allowed_by(grant.provisioner)
            attempt.asked(asked_by)
            rules.permit(csr, grant)
            key = self.issuers.named(grant.profile.issuer)
            given = self._given(csr, grant, template_data, self.clock.now())
            draft = await self._permitted(given, asked, key, context, attempt)
            issued = await self._signed(draft, key, grant.provisioner, attempt)
            await self.recorder.record_also(issued, attempt, EventKind.ISSUED, also(issued))
            attempt.of(issued.serial, issued.validity)
            attempt.succeeded(EventKind.ISSUED)
            return issued

    async def sign_identity(
        self, csr: SigningRequest, token: str, validity: Validity, context: Context
    ) -> Issued:
        """Issue a certificate beside an SSH one, for the token and for as long as that was for.

        The token was used for the SSH certificate, so its use is not looked at. Raises as `sign`.
        """
        with self._attempt("sign", context) as attempt:
            attempt.about(csr.common_name, csr.sans)
            now = self.clock.now()
            grant = await self.registry.authorize_sign(token, now)
            attempt.allowed_by(grant.provisioner)
            attempt.asked(_token(grant.token))
            rules.permit(identities.without_uris(csr), grant)
            key = self.issuers.named(grant.profile.issuer)
            given = self._given(csr, grant, None, now)
            given = await self.webhooks.enriched(given, context)
            wanted, draft = await decided(
                lambda: drafted(given, AskedDates(), key.issuer, self.subject_defaults),
                long=grant.profile.template is not None,
            )
            draft = identities.as_identity(draft, csr, validity, grant.lifetimes)
            self._permit(draft, grant, key)
            await self.webhooks.permit(given, wanted, draft.validity, context)
            signed = await self._signed(draft, key, grant.provisioner, attempt)
            return await self._recorded(signed, None, attempt, EventKind.ISSUED)

    async def renew(self, credential: Credential, context: Context) -> Issued:
        """Issue a certificate again, from now on, to who showed it by TLS.

        Raises Unauthorized, Unavailable, Broken.
        """
        with self._attempt("renew", context) as attempt:
            now = self.clock.now()
            old = self._shown(credential, attempt, now)
            provisioner = await self._renewing(old, attempt, now)
            key = self.issuers.renewing(old, now)
            draft = drafts.renewed(old, key.issuer, now=now, backdate=self.backdate)
            return await self._reissue(draft, key, provisioner, attempt, EventKind.RENEWED)

    async def renew_with_token(self, token: str, context: Context) -> Issued:
        """Issue a certificate again to who signed a token with its key.

        Raises as `renew` does.
        """
        with self._attempt("renew", context) as attempt:
            renewal = renewal_tokens.read(token, self.trust)
            old = renewal.certificate
            attempt.about(old.common_name, old.sans)
            attempt.of(old.serial, old.validity)
            attempt.replacing(old.serial, _token(renewal.use))
            provisioner = await self._provisioner(old)
            if provisioner is None:
                raise Unauthorized("the certificate names no provisioner: renew it by TLS")
            now = self.clock.now()
            renewal.check_claims(provisioner.ref.name, self.registry.audiences.renew, now)
            async with self.tokens.spending(renewal.use):
                await self._renewing(old, attempt, now)
                key = self.issuers.renewing(old, now)
                draft = drafts.renewed(old, key.issuer, now=now, backdate=self.backdate)
                return await self._reissue(
                    draft, key, provisioner, attempt, EventKind.RENEWED, renewal.use
                )

    async def rekey(self, credential: Credential, csr: bytes, context: Context) -> Issued:
        """Issue a certificate again for another key, that of the CSR (PEM), to who showed it.

        Raises as `renew` does, and BadRequest and Forbidden for the CSR.
        """
        with self._attempt("rekey", context) as attempt:
            request: SigningRequest = requests.read(csr)
            rules.check_key(request.public_key)
            now = self.clock.now()
            old = self._shown(credential, attempt, now)
            provisioner = await self._renewing(old, attempt, now)
            key = self.issuers.renewing(old, now)
            draft = drafts.rekeyed(old, request, key.issuer, now=now, backdate=self.backdate)
            return await self._reissue(draft, key, provisioner, attempt, EventKind.REKEYED)

    # ---- who allows it

    def _shown(self, credential: Credential, attempt: Attempt, now: datetime) -> ParsedCertificate:
        old = credentials.check_dates(credential, self.trust, now)
        attempt.about(old.common_name, old.sans)
        attempt.of(old.serial, old.validity)
        attempt.replacing(old.serial)
        return old

    async def _renewing(
        self, old: ParsedCertificate, attempt: Attempt, now: datetime
    ) -> Provisioner | None:
        """Ask whoever answers for the certificate. None: nobody does, and step-ca renews it."""
        if await records.is_revoked(self.store, old.serial):
            raise Unauthorized("the certificate has been revoked")
        provisioner = await self._provisioner(old)
        if provisioner is not None:
            attempt.allowed_by(provisioner.ref)
            provisioner.authorize_renewal(old.validity, now)
        return provisioner

    async def _provisioner(self, old: ParsedCertificate) -> Provisioner | None:
        return await provisioner_of(self.store, self.registry, old)

    # ---- what it becomes

    def _given(
        self, csr: SigningRequest, grant: Grant, template_data: object, now: datetime
    ) -> Given:
        return Given(
            grant=grant,
            request=csr,
            user=templates.user_data(template_data),
            context=FunctionContext(now=now, entropy=self.chance.octets),
        )

    async def _permitted(
        self, given: Given, asked: AskedDates, key: IssuingKey, context: Context, attempt: Attempt
    ) -> Draft:
        """Draft it, and see that names and webhooks permit it."""
        hooks = given.grant.profile.webhooks
        if hooks:
            given = await self.webhooks.enriched(given, context)
            attempt.passed("webhooks")
        wanted, draft = await self._decided(given, asked, key)
        await abreast()
        attempt.passed("decide")
        if hooks:
            await self.webhooks.permit(given, wanted, draft.validity, context)
            attempt.passed("webhooks")
        return draft

    async def _decided(
        self, given: Given, asked: AskedDates, key: IssuingKey
    ) -> tuple[CertificateJson | None, Draft]:
        """Draft it, as the template or its default says, and see that it is permitted."""
        grant = given.grant

        def decide() -> tuple[CertificateJson | None, Draft]:
            wanted, draft = drafted(given, asked, key.issuer, self.subject_defaults)
            self._permit(draft, grant, key)
            return wanted, draft

        names = max(len(given.request.sans), len(grant.sans))
        long = grant.profile.template is not None or names > FEW_NAMES
        return await decided(decide, long=long)

    def _permit(self, draft: Draft, grant: Grant, key: IssuingKey) -> None:
        """Hold the names against the policies and the issuer's constraints. Raises Forbidden."""
        if grant.profile.policy is not None:
            grant.profile.policy.check(draft.common_name, draft.sans)
        _constrain(draft, key)
        if self.policy is not None:
            self.policy.check(draft.common_name, draft.sans)

    async def _reissue(
        self,
        draft: Draft,
        key: IssuingKey,
        provisioner: Provisioner | None,
        attempt: Attempt,
        kind: EventKind,
        token: TokenUse | None = None,
    ) -> Issued:
        _constrain(draft, key)
        ref = provisioner.ref if provisioner else None
        await abreast()
        attempt.passed("decide")
        signed = await self._signed(draft, key, ref, attempt)
        return await self._recorded(signed, token, attempt, kind)

    async def _signed(
        self,
        draft: Draft,
        key: IssuingKey,
        provisioner: ProvisionerRef | None,
        attempt: Attempt,
    ) -> Issued:
        serial = certificates.serial_number(self.chance.octets(certificates.SERIAL_OCTETS))
        prepared = certificates.prepare(draft, key.issuer, serial)
        signature = await key.signer.sign(prepared.to_be_signed, prepared.algorithm)
        certificate = certificates.assemble(prepared, signature)
        attempt.passed("sign")
        await abreast()
        return Issued(
            certificate=certificate,
            chain=key.chain,
            serial=prepared.serial,
            subject=draft.common_name,
            sans=tuple([san.value for san in draft.sans]),
            validity=draft.validity,
            provisioner=provisioner,
            drawn=draft.serial is None,
        )

    async def _recorded(
        self, issued: Issued, token: TokenUse | None, attempt: Attempt, kind: EventKind
    ) -> Issued:
        await self.recorder.record(issued, token, attempt, kind)
        attempt.of(issued.serial, issued.validity)
        attempt.succeeded(kind)
        return issued

    def _attempt(self, operation: str, context: Context) -> Attempt:
        self.gate.check()
        return Attempt(operation, context, self.clock, self.events)


def _constrain(draft: Draft, key: IssuingKey) -> None:
    """Hold the names against the constraints of the CA certificates. Raises Forbidden."""
    for constraints in key.constraints:
        if problem := name_constraints.violation(draft.sans, constraints):
            raise Forbidden(problem)


async def provisioner_of(
    store: Store, registry: Registry, certificate: ParsedCertificate
) -> Provisioner | None:
    """Find who answers for a certificate: whom its row names, else its step extension.

    None when it names nobody. Raises Unauthorized when who it names is gone.
    """
    recorded = await records.provisioner_of(store, certificate.serial)
    if recorded is not None and (known := registry.by_id(recorded.id)) is not None:
        return known
    try:
        name = certificate.provisioner_name
    except FormatError as error:
        raise Unauthorized("the certificate's provisioner cannot be read") from error
    if name is None:
        return None
    found = registry.by_name(name)
    if found is None:
        raise Unauthorized("the certificate's provisioner is gone", detail=f"'{name}'")
    return found


def _token(use: TokenUse | None) -> str:
    return f"token {use.reuse_key}" if use else "token that may come again"
