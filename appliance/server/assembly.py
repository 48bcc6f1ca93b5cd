"""A checked configuration made into working objects: all that a reload builds anew."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING

from appliance.authority.alerts.monitor import Alerts
from appliance.authority.certificate_numbers import CertificateNumbers
from appliance.authority.conditions import ConditionBoard
from appliance.authority.crl import CrlPlan, CrlPublisher
from appliance.authority.gate import IssuanceGate
from appliance.authority.issuers import Issuers
from appliance.authority.journal import Journal
from appliance.authority.metrics import Gathering, Metrics
from appliance.authority.revocation import RevocationAuthority
from appliance.authority.ssh.keys import SshKeys
from appliance.authority.ssh.krl import KrlPublisher
from appliance.authority.ssh.revocation import SshRevocationAuthority
from appliance.authority.ssh.signing import NewAccount, SshAuthority
from appliance.authority.ssh.webhooks import SshWebhooks
from appliance.authority.tokens import OneTimeTokens
from appliance.authority.trust import Trust
from appliance.authority.webhooks import Webhooks
from appliance.authority.x509 import X509Authority
from appliance.authority.x509_webhooks import X509Webhooks
from appliance.config.settings import MemorySettings, Settings, SshSettings
from appliance.issuance.subjects import SubjectDefaults
from appliance.model.errors import BadRequest, ConfigError
from appliance.model.secret import Password
from appliance.model.ssh import CertificateType
from appliance.model.version import VERSION
from appliance.ports.chance import Chance
from appliance.ports.clock import Clock
from appliance.ports.events import CountingSink, EventSink
from appliance.ports.store import MeasuredStore, Store
from appliance.provisioners import registry
from appliance.provisioners.registry import Registry
from appliance.server import issuing, material, passwords, published
from appliance.server.keys import Tokens
from appliance.server.launch import USUAL_NETWORK, Network
from appliance.server.proving import Proving
from appliance.server.responding import build_responder
from appliance.server.ssh import SshPasswords, host_routes, open_ssh_keys
from appliance.server.token_keys import TokenKeys
from appliance.server.token_notices import TokenNotices
from appliance.stores.memory import MemoryStore
from appliance.upstream.http import HttpOutbound
from appliance.web.api.routes import ca_routes
from appliance.web.api.ssh import SshEndpoints
from appliance.web.application import Application, build_application
from appliance.web.http import Route
from appliance.web.publish.routes import publish_routes
from appliance.web.visits import AccessLog

if TYPE_CHECKING:
    from appliance.authority.ocsp import OcspResponder


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What a configuration is built on, and what outlives a reload of it."""

    store: Store
    tokens: OneTimeTokens
    lists: CrlPublisher
    ssh_list: KrlPublisher
    clock: Clock
    chance: Chance
    events: CountingSink
    numbers: Gathering
    started_at: datetime
    password: Password | None
    ssh_passwords: Mapping[CertificateType, Password]
    key_tokens: TokenKeys
    proving: Proving
    conditions: ConditionBoard
    gate: IssuanceGate


@dataclass(frozen=True, slots=True, kw_only=True)
class Foundation(Ground):
    """The ground of the process that has the store, and what looks after it."""

    events: Metrics
    key_tokens: Tokens
    journal: Journal
    alerts: Alerts


def lay_foundation(
    store: Store,
    *,
    clock: Clock,
    chance: Chance,
    events: EventSink,
    password: Password | None,
    ssh_passwords: Mapping[CertificateType, Password] = MappingProxyType({}),
    network: Network = USUAL_NETWORK,
    key_tokens: Tokens | None = None,
) -> Foundation:
    """Make it on a store; `events` takes what the authority tells, counted on its way."""
    conditions, gate = ConditionBoard(clock), IssuanceGate()
    journal = Journal(store, clock, events, persistent=not isinstance(store, MemoryStore))
    alerts = Alerts(journal, store, clock, conditions)
    counted = Metrics(alerts, clock)
    tokens = key_tokens or Tokens()
    counted.add(conditions.families)
    counted.add(alerts.families)
    counted.add_read(CertificateNumbers(store, clock).families)
    if isinstance(store, MeasuredStore):
        store.measure(counted.written)
    tokens.tell(counted.token_changed, counted.token_left)
    tokens.tell(alerts.token_changed, alerts.token_left)
    notices = TokenNotices(conditions, counted, clock)
    tokens.tell(notices.changed, notices.left)
    lists = CrlPublisher(store, clock, gate)
    proving = Proving(network, store=store, clock=clock, chance=chance, events=counted)
    counted.add(lists.families)
    counted.add(proving.tally.families)
    return Foundation(
        store=store,
        tokens=OneTimeTokens(store),
        lists=lists,
        ssh_list=KrlPublisher(store, clock),
        clock=clock,
        chance=chance,
        events=counted,
        numbers=counted.gather,
        started_at=clock.now().replace(microsecond=0),
        password=password,
        ssh_passwords=ssh_passwords,
        key_tokens=tokens,
        proving=proving,
        conditions=conditions,
        journal=journal,
        alerts=alerts,
        gate=gate,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembly:
    """One configuration at work. `lists` are to be published once it is."""

    settings: Settings
    trust: Trust
    issuers: Issuers
    ssh_keys: SshKeys
    registry: Registry
    x509: X509Authority
    ssh: SshAuthority
    revocation: RevocationAuthority
    ssh_revocation: SshRevocationAuthority
    outbound: HttpOutbound
    responder: "OcspResponder | None"
    lists: CrlPlan | None
    application: Application
    insecure: Application | None  # what plain HTTP serves
    metrics: Application | None
    warnings: tuple[str, ...]


def assemble(settings: Settings, foundation: Ground, access_log: AccessLog) -> Assembly:
    """Read what the settings name and build the authority on it.

    Raises ConfigError for files that are missing, wrong or do not fit together, and for a key that
    the password does not open.
    """
    trust = material.read_trust(settings)
    key_tokens = foundation.key_tokens
    issuers = issuing.open_issuers(
        settings, trust, foundation.password, foundation.events, key_tokens
    )
    ssh_keys = open_ssh_keys(
        settings, _ssh_passwords(settings, foundation), foundation.events, key_tokens
    )
    lists = published.crl_plan(settings, issuers)
    outbound = HttpOutbound((*trust.roots, *trust.federated_roots, *trust.intermediates))
    provisioners = registry.build(
        settings,
        foundation.started_at,
        outbound=outbound,
        chance=foundation.chance,
        ssh={kind: ssh_keys.roots(kind) for kind in CertificateType},
    )
    persistent = not isinstance(settings.database, MemorySettings)
    webhooks = Webhooks(
        outbound=outbound,
        clock=foundation.clock,
        chance=foundation.chance,
        counter=foundation.events,
    )
    x509 = X509Authority(
        registry=provisioners,
        trust=trust,
        issuers=issuers,
        store=foundation.store,
        tokens=foundation.tokens,
        clock=foundation.clock,
        chance=foundation.chance,
        events=foundation.events,
        webhooks=X509Webhooks(webhooks=webhooks),
        subject_defaults=_subject_defaults(settings),
        backdate=settings.backdate,
        persistent=persistent,
        policy=settings.policy,
        gate=foundation.gate,
    )
    revocation = RevocationAuthority(
        registry=provisioners,
        trust=trust,
        store=foundation.store,
        tokens=foundation.tokens,
        clock=foundation.clock,
        events=foundation.events,
        persistent=persistent,
        announce=(
            [foundation.lists.publish] if settings.crl and settings.crl.generate_on_revoke else []
        ),
    )
    ssh = SshAuthority(
        registry=provisioners,
        keys=ssh_keys,
        store=foundation.store,
        tokens=foundation.tokens,
        clock=foundation.clock,
        chance=foundation.chance,
        events=foundation.events,
        backdate=settings.backdate,
        persistent=persistent,
        policy=settings.ssh_policy,
        webhooks=SshWebhooks(webhooks=webhooks),
        account=_new_account(settings.ssh),
        gate=foundation.gate,
    )
    hosts = host_routes(
        settings,
        ssh_keys,
        store=foundation.store,
        clock=foundation.clock,
        chance=foundation.chance,
    )
    ssh_revocation = SshRevocationAuthority(
        registry=provisioners,
        store=foundation.store,
        tokens=foundation.tokens,
        clock=foundation.clock,
        events=foundation.events,
        persistent=persistent,
        announce=[foundation.ssh_list.changed],
    )
    responder = build_responder(
        settings,
        issuers,
        store=foundation.store,
        clock=foundation.clock,
        chance=foundation.chance,
        gate=foundation.gate,
    )
    public = publish_routes(
        certificates=(*trust.intermediates, *(each.issuer.certificate for each in issuers.all)),
        responder=responder,
        lists=foundation.lists,
        ssh_list=foundation.ssh_list,
        clock=foundation.clock,
    )
    acme = partial(_acme_routes, settings, foundation.proving, x509, revocation)
    has_acme = any(each.type == "ACME" for each in settings.provisioners)
    if has_acme:
        foundation.proving.want()
    routes = [
        *ca_routes(
            x509=x509,
            revocation=revocation,
            tls=settings.tls,
            version=VERSION,
            tokens=lambda: key_tokens.statuses,
            conditions=foundation.conditions.conditions,
            ssh=[*SshEndpoints(ssh, ssh_revocation, x509).routes(), *hosts],
        ),
        *(acme() if has_acme else ()),
        *public,
    ]
    return Assembly(
        settings=settings,
        trust=trust,
        issuers=issuers,
        ssh_keys=ssh_keys,
        registry=provisioners,
        x509=x509,
        ssh=ssh,
        revocation=revocation,
        ssh_revocation=ssh_revocation,
        outbound=outbound,
        responder=responder,
        lists=lists,
        insecure=published.insecure_application(
            settings, public, chance=foundation.chance, access_log=access_log
        ),
        metrics=published.metrics_application(
            settings, foundation.numbers, chance=foundation.chance
        ),
        application=build_application(
            routes,
            chance=foundation.chance,
            access_log=access_log,
            trace_header=settings.trace_header,
            late=None if has_acme else acme,
        ),
        warnings=tuple(_warnings(settings, trust, foundation.clock.now())),
    )


def _acme_routes(
    settings: Settings, proving: Proving, x509: X509Authority, revocation: RevocationAuthority
) -> list[Route]:
    # Without a provisioner of this type, they say no more than that.
    from appliance.server.acme import acme_routes  # noqa: PLC0415

    return acme_routes(settings, x509=x509, revocation=revocation, validator=proving.validation)


def _new_account(ssh: SshSettings | None) -> NewAccount | None:
    if ssh is None:
        return None
    return NewAccount(principal=ssh.add_user_principal, command=ssh.add_user_command)


def _ssh_passwords(settings: Settings, foundation: Ground) -> SshPasswords:
    return SshPasswords(
        own=foundation.ssh_passwords, intermediate=foundation.password or settings.password
    )


def _subject_defaults(settings: Settings) -> SubjectDefaults:
    try:
        return SubjectDefaults(settings.subject_defaults)
    except BadRequest as error:
        raise ConfigError(
            error.public, file=str(settings.file), place="authority.template"
        ) from error


def _warnings(settings: Settings, trust: Trust, now: datetime) -> Iterator[str]:
    """Say what works and is not as it should be."""
    for line in settings.warnings:
        yield f"{settings.file}: {line}"
    yield from published.warnings(settings)
    for key in settings.key_files:
        if exposed := passwords.exposure(key):
            yield exposed
    if settings.password is not None and (exposed := passwords.exposure(settings.file)):
        yield exposed
    yield from material.warnings(settings, trust, now)
