"""ca.json as checked, complete values: what the rest of the program knows of configuration."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final, TypeAlias

from appliance.config.alert_settings import AlertSettings
from appliance.formats.keyuri import KeyUri
from appliance.formats.ssh.keys import SshPublicKey
from appliance.issuance.acme.checks import USUAL, Checks
from appliance.issuance.acme.profiles import NO_PROFILES, Profiles
from appliance.issuance.profiles import DEFAULT_PROFILE, NamePolicy, X509Profile
from appliance.issuance.ssh.grants import SshLifetimes
from appliance.issuance.ssh.profiles import DEFAULT_SSH_PROFILE, PrincipalPolicy, SshProfile
from appliance.model.backups import BackupPlan
from appliance.model.locking import UNLOCKED, LockSettings
from appliance.model.secret import Password
from appliance.model.ssh import CertificateType
from appliance.model.ssh_files import NO_FILES, FileTemplates
from appliance.model.upkeep import ClockSettings, DiskSettings, Retention
from appliance.model.validity import Lifetimes

NO_ALERTS: Final = AlertSettings()
USUAL_RETENTION: Final = Retention()
USUAL_CLOCK: Final = ClockSettings()
USUAL_DISK: Final = DiskSettings()


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenSettings:
    """A token that keeps keys, and what opens it. `uri` names it, without secrets."""

    uri: KeyUri
    pin: Password | None = None
    pin_file: Path | None = None
    management_key: Password | None = None
    management_key_file: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenKey:
    """A key on a token. `uri` names the key, without the token and without secrets."""

    token: TokenSettings
    uri: KeyUri

    def __str__(self) -> str:
        return str(self.uri)


KeyPlace: TypeAlias = Path | TokenKey


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsSettings:
    """`tls`, completed with step-ca's defaults. Suites keep Go's names."""

    cipher_suites: tuple[str, ...]
    min_version: float
    max_version: float
    renegotiation: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelDbSettings:
    """An embedded store. `notice` says why it is not where `db.dataSource` points, if it is not."""

    directory: Path
    notice: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MemorySettings:
    """No `db` in ca.json: used tokens are remembered until the process ends, nothing else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CrlSettings:
    """`crl`, enabled and completed. `url` is where the first issuer's list is found."""

    generate_on_revoke: bool
    cache_duration: timedelta
    renew_period: timedelta
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OcspSettings:
    """`ocsp`, enabled and completed. `validity` is how long an answer may be kept."""

    validity: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class PointerSettings:
    """URLs that certificates carry; empty ones are not told.

    `crl` is that of the first issuer, `issuer` what those of the issuers' certificates begin with.
    """

    crl: str = ""
    ocsp: str = ""
    issuer: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimsSettings:
    """A provisioner's claims after inheritance: provisioner, `authority.claims`, built-in."""

    lifetimes: Lifetimes
    ssh: SshLifetimes
    enable_ssh: bool
    disable_renewal: bool
    allow_renewal_after_expiry: bool
    disable_step_extension: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvisionerSettings:
    """One entry of `authority.provisioners`.

    `entry` is its JSON as written (what GET /provisioners shows). A type whose routes this version
    lacks is listed and refuses everything.
    """

    type: str  # in step-ca's spelling: JWK, ACME, SSHPOP
    name: str
    claims: ClaimsSettings
    entry: Mapping[str, object]
    profile: X509Profile = DEFAULT_PROFILE
    ssh_profile: SshProfile = DEFAULT_SSH_PROFILE
    checks: Checks = USUAL  # of type ACME
    acme_profiles: Profiles = NO_PROFILES
    problem: str = ""  # why it cannot be used; it is then listed with this reason
    disabled: bool = False  # it is listed, and nothing is issued or renewed by it


@dataclass(frozen=True, slots=True, kw_only=True)
class SshKeySettings:
    """One of `ssh.keys`: a public key that signed before, or signs elsewhere (`federated`)."""

    type: CertificateType
    key: SshPublicKey
    federated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class BastionSettings:
    """`ssh.bastion`, as written; a host name is what makes it one."""

    hostname: str
    user: str = ""
    port: str = ""
    command: str = ""
    flags: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SshSettings:
    """`ssh`. Without a key, certificates of that type are not signed."""

    host_key: KeyPlace | None = None
    user_key: KeyPlace | None = None
    keys: tuple[SshKeySettings, ...] = ()
    add_user_principal: str = "provisioner"
    add_user_command: str = "sudo useradd -m <principal>; nc -q0 localhost 22"
    bastion: BastionSettings | None = None


class IssuerState(enum.StrEnum):
    """How far an intermediate is on its way from one to the next."""

    STANDBY = "standby"  # published, so that clients know it; signs nothing yet
    ACTIVE = "active"  # issues for the provisioners that name it
    RETIRING = "retiring"  # renews what it issued
    RETIRED = "retired"  # what it issued can be renewed, by its successor


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuerSettings:
    """One entry of `issuers`. Without a key it signs nothing."""

    name: str
    certificate: Path
    key: KeyPlace | None
    state: IssuerState


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """A checked ca.json. Paths are absolute; `password` is its `password` key."""

    file: Path
    roots: tuple[Path, ...]
    federated_roots: tuple[Path, ...]
    certificate: Path
    key: KeyPlace
    issuers: tuple[IssuerSettings, ...] = ()  # those beside `certificate` and `key`
    host: str  # "" listens on every address
    port: int
    insecure: tuple[str, int] | None = None  # host and port of plain HTTP
    metrics: tuple[str, int] | None = None
    dns_names: tuple[str, ...]
    common_name: str
    log_format: str  # text, json or common; "" logs no requests
    trace_header: str
    database: LevelDbSettings | MemorySettings
    tls: TlsSettings
    crl: CrlSettings | None = None  # None: not enabled
    ocsp: OcspSettings | None = None  # None: not enabled
    pointers: PointerSettings = PointerSettings()
    password: Password | None
    provisioners: tuple[ProvisionerSettings, ...]
    subject_defaults: Mapping[str, str]  # authority.template by step's keys
    backdate: timedelta
    check_issued_at: bool
    policy: NamePolicy | None = None  # authority.policy
    ssh: SshSettings | None = None
    ssh_policy: PrincipalPolicy | None = None  # authority.policy.ssh
    ssh_hosts_listed: bool = True  # authority.disableGetSSHHosts is not set
    ssh_templates: FileTemplates = NO_FILES
    backup: BackupPlan | None = None
    alerts: AlertSettings = NO_ALERTS
    retention: Retention = USUAL_RETENTION
    clock: ClockSettings = USUAL_CLOCK
    disk: DiskSettings = USUAL_DISK
    lock: LockSettings = UNLOCKED
    written: frozenset[str] = frozenset()  # the keys that ca.json has, in small letters
    digest: str = ""  # SHA-256 of ca.json, in hex
    workers: int = 0  # processes that serve HTTPS for this one; 0: it does all itself
    warnings: tuple[str, ...]  # one line each, to be logged at start
    text: bytes = field(default=b"", repr=False, compare=False)  # ca.json as it was read

    @property
    def key_places(self) -> tuple[KeyPlace, ...]:
        """Where the keys are that sign: of intermediates, then of SSH."""
        keys = [self.key, *(each.key for each in self.issuers)]
        if self.ssh is not None:
            keys += [self.ssh.host_key, self.ssh.user_key]
        return tuple(key for key in keys if key is not None)

    @property
    def key_files(self) -> tuple[Path, ...]:
        """Those of them that are files."""
        return tuple(key for key in self.key_places if isinstance(key, Path))

    @property
    def token_keys(self) -> tuple[TokenKey, ...]:
        """Those of them that are on tokens."""
        return tuple(key for key in self.key_places if isinstance(key, TokenKey))
