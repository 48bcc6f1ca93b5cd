"""A whole authority in memory, with a clock that stands still and a PKI of its own."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from appliance.authority.issuers import Issuers, IssuingKey
from appliance.authority.reporting import Context
from appliance.authority.revocation import RevocationAuthority
from appliance.authority.tokens import OneTimeTokens
from appliance.authority.trust import Trust
from appliance.authority.webhooks import Webhooks
from appliance.authority.x509 import X509Authority
from appliance.authority.x509_webhooks import X509Webhooks
from appliance.config import acme_options, acme_profiles, options
from appliance.config.claims import Span
from appliance.config.document import Document
from appliance.config.settings import ClaimsSettings, ProvisionerSettings
from appliance.formats import goduration
from appliance.formats.keys import PrivateKey, PublicKey
from appliance.issuance import certificates, drafts, issuers
from appliance.issuance.algorithms import ECDSA_SCHEMES, natural_algorithm
from appliance.issuance.issuers import Issuer
from appliance.issuance.policy import NamePolicy
from appliance.issuance.ssh.grants import SshLifetimes
from appliance.issuance.subjects import SubjectDefaults, authority_name
from appliance.keys.file import FileSigner
from appliance.model.events import Event
from appliance.model.validity import Lifetimes, Validity
from appliance.model.webhooks import WebhookKind
from appliance.ports.clock import Clock
from appliance.ports.outbound import Outbound
from appliance.ports.signer import Signer
from appliance.ports.store import Store
from appliance.provisioners.audiences import audiences
from appliance.provisioners.provisioner import Provisioner
from appliance.provisioners.registry import (
    NO_SSH,
    Registry,
    SshAuthorities,
    provisioner_of,
)
from appliance.stores.memory import MemoryStore
from appliance.upstream.http import HttpOutbound

BACKDATE = timedelta(minutes=1)
START = datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=UTC)
OUTBOUND = HttpOutbound()  # reading the roots of the system takes a while
CONTEXT = Context(client="192.0.2.1", request_id="request-1")


@dataclass(slots=True)
class StandingClock:
    """A clock that goes on only when it is told to."""

    moment: datetime = START

    def now(self) -> datetime:
        """Tell the time."""
        return self.moment

    def advance(self, seconds: float) -> None:
        """Let time go by."""
        self.moment += timedelta(seconds=seconds)


class SystemChance:
    """Real randomness."""

    def octets(self, count: int) -> bytes:
        """Give octets."""
        return os.urandom(count)


@dataclass(slots=True)
class RecordedEvents:
    """An event sink that remembers."""

    events: list[Event] = field(default_factory=list)

    def record(self, event: Event) -> None:
        """Take the event."""
        self.events.append(event)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hierarchy:
    """A root and an intermediate, and the intermediate's key."""

    root: bytes
    issuer: Issuer
    signer: FileSigner

    @property
    def trust(self) -> Trust:
        """What clients ask for."""
        return Trust(roots=[self.root], intermediates=[self.issuer.certificate])

    def issuing(self, signer: Signer | None = None) -> Issuers:
        """What signs: its own key, or another one."""
        return Issuers(
            IssuingKey(
                issuer=self.issuer,
                signer=signer or self.signer,
                chain=(self.issuer.certificate,),
            )
        )


def hierarchy(
    start: datetime = START - timedelta(days=1),
    lifetime: timedelta = timedelta(days=3650),
    key: PrivateKey | None = None,
) -> Hierarchy:
    """Make a new CA, with the code that `init` uses; keys are of P-256 but for a given one."""
    validity = Validity(
        not_before=start.replace(microsecond=0), not_after=start.replace(microsecond=0) + lifetime
    )
    root_key = ec.generate_private_key(ec.SECP256R1())
    key = key or ec.generate_private_key(ec.SECP256R1())
    public_key: PublicKey = root_key.public_key()
    draft = drafts.authority(
        authority_name("Test", "Test Root CA"),
        drafts.certified(public_key),
        validity,
        path_length=1,
    )
    algorithm = natural_algorithm(public_key)
    prepared = certificates.prepare_root(draft, 1, algorithm, public_key)
    root = certificates.assemble(prepared, _signed(root_key, prepared))
    root_issuer = issuers.of_certificate(root)
    draft = drafts.authority(
        authority_name("Test", "Test Intermediate CA"),
        drafts.certified(key.public_key()),
        validity,
        path_length=0,
        issuer=root_issuer,
    )
    prepared = certificates.prepare(draft, root_issuer, 2)
    intermediate = certificates.assemble(prepared, _signed(root_key, prepared))
    return Hierarchy(root=root, issuer=issuers.of_certificate(intermediate), signer=FileSigner(key))


def _signed(key: ec.EllipticCurvePrivateKey, prepared: certificates.Prepared) -> bytes:
    return key.sign(prepared.to_be_signed, ECDSA_SCHEMES[prepared.algorithm])


shared_hierarchy = cache(hierarchy)
"""One hierarchy for all tests that change nothing about it."""


_DOCUMENT = Document(file=Path("ca.json"), members={})


def provisioner_settings(entry: Mapping[str, Any]) -> ProvisionerSettings:
    """Read an entry of ca.json, as far as the tests use it."""
    claims = entry.get("claims", {})

    def duration(name: str, default: str) -> timedelta:
        return goduration.parse(claims.get(name, default))

    return ProvisionerSettings(
        type=entry["type"],
        name=entry["name"],
        entry=entry,
        profile=options.read(entry.get("options"), _DOCUMENT, "options"),
        ssh_profile=options.read_ssh(entry.get("options"), _DOCUMENT, "options"),
        checks=acme_options.read(entry.get("options"), _DOCUMENT, "options"),
        acme_profiles=acme_profiles.read(
            entry.get("options"),
            Span(
                shortest=duration("minTLSCertDuration", "5m"),
                longest=duration("maxTLSCertDuration", "24h"),
                default=duration("defaultTLSCertDuration", "24h"),
            ),
            _DOCUMENT,
            "options",
        ),
        claims=ClaimsSettings(
            lifetimes=Lifetimes(
                shortest=duration("minTLSCertDuration", "5m"),
                longest=duration("maxTLSCertDuration", "24h"),
                default=duration("defaultTLSCertDuration", "24h"),
                backdate=BACKDATE,
            ),
            ssh=SshLifetimes(
                user=Lifetimes(
                    shortest=duration("minUserSSHCertDuration", "5m"),
                    longest=duration("maxUserSSHCertDuration", "24h"),
                    default=duration("defaultUserSSHCertDuration", "16h"),
                    backdate=BACKDATE,
                ),
                host=Lifetimes(
                    shortest=duration("minHostSSHCertDuration", "5m"),
                    longest=duration("maxHostSSHCertDuration", "720h"),
                    default=duration("defaultHostSSHCertDuration", "720h"),
                    backdate=BACKDATE,
                ),
            ),
            enable_ssh=claims.get("enableSSHCA", False),
            disable_renewal=claims.get("disableRenewal", False),
            allow_renewal_after_expiry=claims.get("allowRenewalAfterExpiry", False),
            disable_step_extension=claims.get("disableSmallstepExtensions", False),
        ),
    )


def registry(
    entries: Sequence[Mapping[str, Any]],
    names: Sequence[str] = ("ca.example", "10.1.2.3", "::1"),
    *,
    started_at: datetime | None = START,
    ssh: SshAuthorities = NO_SSH,
) -> Registry:
    """Make provisioners of entries of ca.json."""
    accepted = audiences(names)

    def made(entry: Mapping[str, Any]) -> Provisioner:
        return provisioner_of(
            provisioner_settings(entry),
            accepted,
            outbound=OUTBOUND,
            chance=SystemChance(),
            ssh=ssh,
        )

    return Registry(map(made, entries), accepted=accepted, not_issued_before=started_at)


class Uncounted:
    """Counts no webhooks."""

    def webhook_called(self, kind: WebhookKind, provisioner: str, *, succeeded: bool) -> None:
        """Let it be."""


def asking(outbound: Outbound = OUTBOUND, clock: Clock | None = None) -> X509Webhooks:
    """Make what asks the webhooks of provisioners."""
    return X509Webhooks(
        webhooks=Webhooks(
            outbound=outbound,
            clock=clock or StandingClock(),
            chance=SystemChance(),
            counter=Uncounted(),
        )
    )


@dataclass(slots=True, kw_only=True)
class Appliance:
    """Everything that signs, renews and revokes, and what it told."""

    entries: Sequence[Mapping[str, Any]]
    clock: StandingClock = field(default_factory=StandingClock)
    store: Store = field(default_factory=MemoryStore)
    pki: Hierarchy = field(default_factory=shared_hierarchy)
    signer: Signer | None = None
    subject_defaults: Mapping[str, str] = field(default_factory=dict)
    persistent: bool = True
    outbound: Outbound = OUTBOUND
    policy: NamePolicy | None = None
    sink: RecordedEvents = field(default_factory=RecordedEvents)
    x509: X509Authority = field(init=False)
    revocation: RevocationAuthority = field(init=False)

    def __post_init__(self) -> None:
        """Join it."""
        provisioners, tokens = registry(self.entries), OneTimeTokens(self.store)
        self.x509 = X509Authority(
            registry=provisioners,
            trust=self.pki.trust,
            issuers=self.pki.issuing(self.signer),
            store=self.store,
            tokens=tokens,
            clock=self.clock,
            chance=SystemChance(),
            events=self.sink,
            webhooks=asking(self.outbound, self.clock),
            subject_defaults=SubjectDefaults(self.subject_defaults),
            backdate=BACKDATE,
            policy=self.policy,
        )
        self.revocation = RevocationAuthority(
            registry=provisioners,
            trust=self.pki.trust,
            store=self.store,
            tokens=tokens,
            clock=self.clock,
            events=self.sink,
            persistent=self.persistent,
        )

    @property
    def events(self) -> list[Event]:
        """What was told."""
        return self.sink.events
