"""What certificate would come of a request: a provisioner's template tried without key or token.

Nothing is signed, recorded or asked of a webhook; dates, policies and name constraints are judged
as the server judges them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from msgspec import structs

from appliance.config.settings import ProvisionerSettings, Settings
from appliance.formats import der, names
from appliance.formats.gotemplate.decoding import from_decoded
from appliance.formats.gotemplate.library.context import FunctionContext
from appliance.issuance import certificates, drafting, name_constraints, rules, templates
from appliance.issuance.algorithms import IDENTIFIERS
from appliance.issuance.drafting import AskedDates
from appliance.issuance.drafts import Draft
from appliance.issuance.grants import DefaultTemplate, Grant
from appliance.issuance.issuers import Issuer
from appliance.issuance.requests import SigningRequest
from appliance.issuance.subjects import SubjectDefaults
from appliance.issuance.templates import Given, Template
from appliance.model.errors import BadRequest, Forbidden, FormatError
from appliance.model.grants import ProvisionerRef, TokenUse
from appliance.server import material
from appliance.server.pointing import pointers_of

_IN_REQUEST: Final = ("K8sSA",)  # types whose default certificate has the request's own names
_LIKE_A_SERIAL: Final = (1 << 127) + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What is tried: a request of this provisioner, by a token with these claims."""

    provisioner: str
    request: SigningRequest
    claims: Mapping[str, Any]
    user: Mapping[str, Any] | None = None  # the request's templateData
    webhooks: Mapping[str, Any]
    dates: AskedDates
    template: Template | None = None  # instead of the provisioner's own
    now: datetime
    entropy: Callable[[int], bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The certificate (DER, its signature empty), and why it would be refused, if it would be."""

    certificate: bytes
    refusal: Forbidden | None


def render(settings: Settings, trial: Trial) -> str:
    """Give what the template makes. Raises BadRequest, and FormatError where it does not work."""
    given = _given(settings, trial)
    default = (
        templates.LEAF if given.grant.default is DefaultTemplate.LEAF else templates.ADMIN_LEAF
    )
    return (given.grant.profile.template or default).render(templates.data(given), given.context)


def attempt(settings: Settings, trial: Trial) -> Outcome:
    """Make the certificate. Raises as signing does, but for the names in it: they are told."""
    rules.check_key(trial.request.public_key)
    given = _given(settings, trial)
    issuer, chain = _issuer(settings, given.grant.profile.issuer)
    defaults = SubjectDefaults(settings.subject_defaults)
    _, draft = drafting.drafted(given, trial.dates, issuer, defaults)
    prepared = certificates.prepare(draft, issuer, _LIKE_A_SERIAL)
    certificate = der.sequence(
        prepared.to_be_signed, IDENTIFIERS[prepared.algorithm], der.bit_string(b"")
    )
    refusal = _refusal(settings, given.grant, draft, chain)
    return Outcome(certificate=certificate, refusal=refusal)


def _given(settings: Settings, trial: Trial) -> Given:
    chosen = [each for each in settings.provisioners if each.name == trial.provisioner]
    if not chosen:
        known = ", ".join(each.name for each in settings.provisioners) or "none"
        raise BadRequest(f"there is no provisioner '{trial.provisioner}' (known: {known})")
    profile = chosen[0].profile
    if trial.template is not None:
        profile = replace(profile, template=trial.template)
    try:
        return Given(
            grant=structs.replace(_grant(chosen[0], trial), profile=profile),
            request=trial.request,
            user=templates.user_data(trial.user),
            webhooks=from_decoded(trial.webhooks),
            context=FunctionContext(now=trial.now, entropy=trial.entropy),
        )
    except FormatError as error:
        raise BadRequest(error.public) from error


def _grant(provisioner: ProvisionerSettings, trial: Trial) -> Grant:
    subject, sans = trial.claims.get("sub", ""), trial.claims.get("sans") or []
    if not isinstance(subject, str) or not all(isinstance(each, str) for each in sans):
        raise BadRequest("the claims sub and sans must be texts")
    by_request = provisioner.type in _IN_REQUEST
    return Grant(
        provisioner=_ref(provisioner),
        subject=subject,
        common_names=None,
        sans=tuple(names.classify(san) for san in sans or (subject,) if san),
        lifetimes=provisioner.claims.lifetimes,
        token=TokenUse(reuse_key="", raw=""),
        step_extension=not provisioner.claims.disable_step_extension,
        default=DefaultTemplate.ADMIN_LEAF if by_request else DefaultTemplate.LEAF,
        claims=trial.claims,
    )


def _ref(provisioner: ProvisionerSettings) -> ProvisionerRef:
    """Name it as its certificates do."""
    entry = provisioner.entry
    key = entry.get("key")
    credential = key.get("kid") if isinstance(key, Mapping) else entry.get("clientID")
    return ProvisionerRef(
        type=provisioner.type,
        name=provisioner.name,
        id=provisioner.name,
        credential_id=credential if isinstance(credential, str) else "",
    )


def _issuer(settings: Settings, name: str) -> tuple[Issuer, tuple[bytes, ...]]:
    files = {each.name: each.certificate for each in settings.issuers}
    file = files.get(name, settings.certificate)
    issuer = material.read_issuer(file)
    return replace(issuer, pointers=pointers_of(settings, name, issuer)), material.chain(file)


def _refusal(
    settings: Settings, grant: Grant, draft: Draft, chain: tuple[bytes, ...]
) -> Forbidden | None:
    """Hold the names against policies and constraints, as the authority does."""
    roots = material.issuing_roots(chain, material.read_trust(settings).roots)
    try:
        for policy in (grant.profile.policy, settings.policy):
            if policy is not None:
                policy.check(draft.common_name, draft.sans)
    except Forbidden as refusal:
        return refusal
    for constraints in name_constraints.of_authorities((*chain, *roots)):
        if problem := name_constraints.violation(draft.sans, constraints):
            return Forbidden(problem)
    return None
