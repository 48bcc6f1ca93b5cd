"""What an entry's rules and templates would make of names, before it is in ca.json.

The rules are read and held against names, and the templates rendered, by the functions that do it
when certificates are made.
"""

import ipaddress
import json
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from appliance.config import claims, entry_form, entry_values, options, provisioner_edits
from appliance.config.document import Document
from appliance.config.entry_rows import Tab
from appliance.config.provisioner_edits import Put
from appliance.config.settings import ClaimsSettings, ProvisionerSettings, Settings
from appliance.formats import inspect_text, x509_fields
from appliance.formats import names as san_names
from appliance.formats.gotemplate.library.context import FunctionContext
from appliance.formats.ssh import keys
from appliance.issuance import name_constraints, requests
from appliance.issuance.drafting import AskedDates
from appliance.issuance.profiles import X509Profile
from appliance.issuance.requests import SigningRequest
from appliance.issuance.ssh import templates as ssh_templates
from appliance.issuance.ssh.grants import SshGrant
from appliance.issuance.ssh.profiles import SshProfile
from appliance.issuance.ssh.requests import SshSigningRequest
from appliance.issuance.ssh.templates import SshGiven
from appliance.model.errors import ConfigError, Forbidden, FormatError, HearthError
from appliance.model.grants import ProvisionerRef
from appliance.model.names import San, SanKind
from appliance.model.provisioners import (
    FieldProblem,
    NameJudgement,
    NamesJudged,
    Side,
    TemplateTried,
)
from appliance.model.ssh import CertificateType
from appliance.server import material, trial
from appliance.server.trial import Trial

_PLACE: Final = "authority.provisioners[0]"
_TRIED: Final = (Tab.NAMES, Tab.TEMPLATE)
_SIDES: Final = {Side.SSH_USER: CertificateType.USER, Side.SSH_HOST: CertificateType.HOST}


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A request for names, to an entry."""

    kind: str
    entry: Mapping[str, Any]
    names: tuple[str, ...]
    side: Side
    now: datetime
    entropy: Callable[[int], bytes]


def changed(kind: str, entry: Mapping[str, Any], values: Mapping[str, str]) -> Mapping[str, Any]:
    """Give an entry with the rules and templates that were typed; what cannot be read is left."""
    found = deepcopy(dict(entry))
    for row in entry_form.rows(kind):
        if row.tab in _TRIED and row.name in values:
            try:
                value = entry_values.read(row, values[row.name])
            except FormatError:
                continue
            instead = row.instead if value else ()
            provisioner_edits.apply(found, [Put(path=row.path, value=value, instead=instead)])
    return found


def judge(
    settings: Settings, kind: str, entry: Mapping[str, Any], names: Sequence[str], side: Side
) -> NamesJudged:
    """Hold each name against the entry's rules, the authority's, and the CA's constraints."""
    try:
        x509_profile, ssh_profile = _profiles(settings, entry)
    except HearthError as error:
        return NamesJudged(problems=(_problem(kind, error),))
    if side is Side.X509:
        found = [_judged(settings, x509_profile, san_names.classify(each)) for each in names]
    else:
        found = [_judged_ssh(settings, ssh_profile, each, _SIDES[side]) for each in names]
    return NamesJudged(judgements=tuple(found))


def render(settings: Settings, example: Example) -> TemplateTried:
    """Render the entry's template for the example, and say what certificate it would be."""
    try:
        if example.side is Side.X509:
            return _render(settings, example)
        return TemplateTried(rendered=_indented(_render_ssh(settings, example)))
    except HearthError as error:
        return TemplateTried(problem=error.public)


def template_problem(settings: Settings, name: str) -> FieldProblem | None:
    """Say which template of a provisioner cannot be read."""
    for each in settings.provisioners:
        if each.name != name:
            continue
        for field, template in (
            ("x509-template", each.profile.template),
            ("ssh-template", each.ssh_profile.template),
        ):
            if template is not None and template.problem:
                return FieldProblem(field=field, text=template.problem)
    return None


# ---- names


def _judged(settings: Settings, profile: X509Profile, san: San) -> NameJudgement:
    why = "no rule is about it"
    try:
        for policy in (profile.policy, settings.policy):
            if policy is not None:
                policy.check("", (san,))
                why = policy.allowing(san) or why
    except Forbidden as refusal:
        return NameJudgement(name=san.value, allowed=False, why=refusal.public)
    chain = material.chain(settings.certificate)
    roots = material.issuing_roots(chain, material.read_trust(settings).roots)
    for constraints in name_constraints.of_authorities((*chain, *roots)):
        if problem := name_constraints.violation((san,), constraints):
            return NameJudgement(name=san.value, allowed=False, why=problem)
    return NameJudgement(name=san.value, allowed=True, why=why)


def _judged_ssh(
    settings: Settings, profile: SshProfile, name: str, kind: CertificateType
) -> NameJudgement:
    found = [each for each in (profile.policy, settings.ssh_policy) if each is not None]
    try:
        for policy in found:
            policy.check(kind, (name,))
    except Forbidden as refusal:
        return NameJudgement(name=name, allowed=False, why=refusal.public)
    why = "the rules let it pass" if found else "no rule is about it"
    return NameJudgement(name=name, allowed=True, why=why)


# ---- templates


def _render(settings: Settings, example: Example) -> TemplateTried:
    profile, _ = _profiles(settings, example.entry)
    tried = Trial(
        provisioner=_name(example),
        request=_request(example.names),
        claims={"iss": _name(example), "sub": _first(example), "sans": list(example.names)},
        webhooks={},
        dates=AskedDates(not_before=None, not_after=None),
        now=example.now,
        entropy=example.entropy,
    )
    settings = replace(settings, provisioners=(_settings(settings, example, profile),))
    rendered = _indented(trial.render(settings, tried))
    try:
        outcome = trial.attempt(settings, tried)
    except HearthError as error:
        return TemplateTried(rendered=rendered, problem=error.public)
    certificate = inspect_text.certificate_summary(x509_fields.certificate(outcome.certificate))
    problem = outcome.refusal.public if outcome.refusal else ""
    return TemplateTried(rendered=rendered, certificate=certificate, problem=problem)


def _render_ssh(settings: Settings, example: Example) -> str:
    _, profile = _profiles(settings, example.entry)
    kind = _SIDES[example.side]
    key = keys.of_key(ec.generate_private_key(ec.SECP256R1()).public_key())
    request = SshSigningRequest(
        public_key=key, type=kind.label, key_id=_first(example), principals=example.names
    )
    grant = SshGrant(
        provisioner=_ref(example),
        subject=_first(example),
        token=None,
        lifetimes=_claims(settings, example).ssh,
        type=kind,
        key_id=_first(example),
        principals=example.names,
        profile=profile,
    )
    given = SshGiven(
        grant=grant,
        request=request,
        context=FunctionContext(now=example.now, entropy=example.entropy),
    )
    template = profile.template or ssh_templates.DEFAULTS[grant.default]
    return template.render(ssh_templates.data(given), given.context)


def _settings(settings: Settings, example: Example, profile: X509Profile) -> ProvisionerSettings:
    return ProvisionerSettings(
        type=example.kind,
        name=_name(example),
        claims=_claims(settings, example),
        entry=example.entry,
        profile=profile,
    )


def _claims(settings: Settings, example: Example) -> ClaimsSettings:
    """Give those in force, of a new one the usual ones."""
    found = (each.claims for each in settings.provisioners if each.name == _name(example))
    return next(found, claims.BUILT_IN.settings(settings.backdate))


def _request(names: Sequence[str]) -> SigningRequest:
    """Make a request for names, with a key of its own."""
    sans = [_general(san_names.classify(each)) for each in names]
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])] if names else [])
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    if sans:
        builder = builder.add_extension(x509.SubjectAlternativeName(sans), critical=False)
    return requests.read_der(builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER))


def _general(san: San) -> x509.GeneralName:
    match san.kind:
        case SanKind.IP:
            return x509.IPAddress(ipaddress.ip_address(san.value))
        case SanKind.EMAIL:
            return x509.RFC822Name(san.value)
        case SanKind.URI:
            return x509.UniformResourceIdentifier(san.value)
        case SanKind.DNS:
            return x509.DNSName(san.value)


def _profiles(settings: Settings, entry: Mapping[str, Any]) -> tuple[X509Profile, SshProfile]:
    """Read an entry's options. Raises ConfigError, FormatError."""
    document = Document(file=settings.file, members={})
    given = provisioner_edits.value_at(entry, ("options",))
    place = f"{_PLACE}.options"
    return options.read(given, document, place), options.read_ssh(given, document, place)


def _problem(kind: str, error: HearthError) -> FieldProblem:
    if isinstance(error, ConfigError):
        return entry_form.located(kind, error)
    return entry_form.blamed(kind, error.public)


def _indented(text: str) -> str:
    """Write JSON for a person; what is none, as it is."""
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except ValueError:
        return text


def _name(example: Example) -> str:
    return provisioner_edits.text(example.entry, "name") or "new"


def _first(example: Example) -> str:
    return example.names[0] if example.names else ""


def _ref(example: Example) -> ProvisionerRef:
    return ProvisionerRef(type=example.kind, name=_name(example), id=_name(example))
