"""The shape of ca.json, as written: every key that step-ca knows, nothing checked but types.

A missing key and a null are the same, as in Go. Blocks that this version only hands on or refuses
are kept as they are.
"""

from typing import Any

from msgspec import Struct, field


class Kms(Struct, rename="camel", kw_only=True):
    """`kms`."""

    type: str = ""
    credentials_file: str = ""
    uri: str = ""
    pin: str = ""
    management_key: str = ""
    region: str = ""
    profile: str = ""
    storage_directory: str = ""


class SshKey(Struct, kw_only=True):
    """One of `ssh.keys`."""

    type: str = ""
    federated: bool = False
    key: dict[str, Any] | None = None


class Ssh(Struct, rename="camel", kw_only=True):
    """`ssh`."""

    host_key: str = ""
    user_key: str = ""
    keys: list[SshKey] | None = None
    add_user_principal: str = ""
    add_user_command: str = ""
    bastion: dict[str, Any] | None = None


class Logger(Struct, rename="camel", kw_only=True):
    """`logger`."""

    format: str = ""
    trace_header: str = ""


class Database(Struct, rename="camel", kw_only=True):
    """`db`."""

    type: str = ""
    data_source: str = ""
    value_dir: str = ""
    database: str = ""
    badger_file_loading_mode: str = ""


class Claims(Struct, kw_only=True):
    """`claims`, in the authority and in each provisioner. Durations are in Go's spelling."""

    min_tls: str | None = field(name="minTLSCertDuration", default=None)
    max_tls: str | None = field(name="maxTLSCertDuration", default=None)
    default_tls: str | None = field(name="defaultTLSCertDuration", default=None)
    min_user_ssh: str | None = field(name="minUserSSHCertDuration", default=None)
    max_user_ssh: str | None = field(name="maxUserSSHCertDuration", default=None)
    default_user_ssh: str | None = field(name="defaultUserSSHCertDuration", default=None)
    min_host_ssh: str | None = field(name="minHostSSHCertDuration", default=None)
    max_host_ssh: str | None = field(name="maxHostSSHCertDuration", default=None)
    default_host_ssh: str | None = field(name="defaultHostSSHCertDuration", default=None)
    enable_ssh_ca: bool | None = field(name="enableSSHCA", default=None)
    disable_renewal: bool | None = field(name="disableRenewal", default=None)
    allow_renewal_after_expiry: bool | None = field(name="allowRenewalAfterExpiry", default=None)
    disable_step_extensions: bool | None = field(name="disableSmallstepExtensions", default=None)


class X509Options(Struct, rename="camel", kw_only=True):
    """`options.x509` of a provisioner; `allow`, `deny` and `issuer` are ours."""

    template: str = ""
    template_file: str = ""
    template_data: Any = None
    allow: Any = None
    deny: Any = None
    allow_wildcard_names: bool = False
    issuer: str = ""


class SshOptions(Struct, rename="camel", kw_only=True):
    """`options.ssh` of a provisioner; `user` and `host` are ours."""

    template: str = ""
    template_file: str = ""
    template_data: Any = None
    user: Any = None
    host: Any = None


class AcmeOptions(Struct, rename="camel", kw_only=True):
    """`options.acme` of a provisioner; all of it is ours."""

    caa: str = ""
    patience: str = ""
    profiles: dict[str, Any] | None = None
    default_profile: str = ""
    subdomains: bool = False


class AcmeProfile(Struct, rename="camel", kw_only=True):
    """One of `options.acme.profiles`."""

    description: str = ""
    purpose: str = ""
    template: str = ""
    template_file: str = ""
    template_data: Any = None
    lifetime: str = ""
    issuer: str = ""


class Options(Struct, rename="camel", kw_only=True):
    """`options` of a provisioner; `acme` is ours."""

    x509: X509Options | None = None
    ssh: SshOptions | None = None
    webhooks: list[Any] | None = None
    wire: Any = None
    acme: AcmeOptions | None = None


class DistinguishedName(Struct, rename="camel", kw_only=True):
    """`authority.template`."""

    country: str = ""
    organization: str = ""
    organizational_unit: str = ""
    locality: str = ""
    province: str = ""
    street_address: str = ""
    serial_number: str = ""
    common_name: str = ""


class Authority(Struct, rename="camel", kw_only=True):
    """`authority`. The keys up to `config` belong to registration authorities."""

    type: str = ""
    certificate_authority: str = ""
    certificate_authority_fingerprint: str = ""
    certificate_issuer: dict[str, Any] | None = None
    credentials_file: str = ""
    config: Any = None
    authority_id: str = ""
    deployment_type: str = ""
    provisioners: list[Any] | None = None
    template: DistinguishedName | None = None
    claims: Claims | None = None
    policy: Any = None
    disable_issued_at_check: bool = False
    backdate: str | None = None
    enable_admin: bool = False
    disable_get_ssh_hosts: bool = field(name="disableGetSSHHosts", default=False)


class Tls(Struct, rename="camel", kw_only=True):
    """`tls`."""

    cipher_suites: list[str] | None = None
    min_version: float = 0
    max_version: float = 0
    renegotiation: bool = False


class Crl(Struct, rename="camel", kw_only=True):
    """`crl`."""

    enabled: bool = False
    generate_on_revoke: bool = False
    cache_duration: str | None = None
    renew_period: str | None = None
    idp_url: str = field(name="idpURL", default="")
    include_in_certificates: bool = False  # ours


class Ocsp(Struct, rename="camel", kw_only=True):
    """`ocsp`, which is ours."""

    enabled: bool = False
    validity: str | None = None
    url: str = ""
    issuer_url: str = field(name="issuerURL", default="")
    include_in_certificates: bool = False


class IssuerEntry(Struct, kw_only=True):
    """One of `issuers`, which are ours."""

    name: str = ""
    crt: str = ""
    key: str = ""
    state: str = ""


class AlertTarget(Struct, rename="camel", kw_only=True):
    """One of `alerts.targets`; `alerts` is ours."""

    name: str = ""
    type: str = ""
    severity: str = ""
    rules: list[str] | None = None
    url: str = ""
    secret_file: str = ""
    token_file: str = ""
    id: str = ""
    server: str = ""
    security: str = ""
    username: str = ""
    password_file: str = ""
    sender: str = field(name="from", default="")
    to: list[str] | None = None
    command: list[str] | None = None


class AlertWatch(Struct, rename="camel", kw_only=True):
    """One of `alerts.watch`."""

    title: str = ""
    name: str = ""
    provisioner: str = ""
    kind: str = ""
    client: str = ""
    first_only: bool = False


class AlertRefusals(Struct, rename="camel", kw_only=True):
    """`alerts.refusals`."""

    count: int = 20
    within: str = "5m"


class AlertRule(Struct, rename="camel", kw_only=True):
    """One of `alerts.rules`, by the rule's name."""

    disabled: bool = False
    hold: str | None = None


class Alerts(Struct, rename="camel", kw_only=True):
    """`alerts`."""

    targets: list[AlertTarget] | None = None
    watch: list[AlertWatch] | None = None
    refusals: AlertRefusals | None = None
    rules: dict[str, AlertRule] | None = None


class BackupKeep(Struct, kw_only=True):
    """`backup.keep`."""

    last: int = 0
    daily: int = 0
    weekly: int = 0
    monthly: int = 0


class Backup(Struct, rename="camel", kw_only=True):
    """`backup`, which is ours."""

    to: str = ""
    every: str | None = None
    keep: BackupKeep | None = None
    passphrase_file: str = ""
    mounted: bool = False
    credentials_file: str = ""
    identity_file: str = ""
    known_hosts_file: str = ""


class Retention(Struct, kw_only=True):
    """`retention`, which is ours."""

    certificates: str | None = None
    events: str | None = None
    tokens: str | None = None
    acme: str | None = None


class Clock(Struct, rename="camel", kw_only=True):
    """`clock`, which is ours."""

    require_synchronized: bool = False
    grace: str | None = None


class Disk(Struct, rename="camel", kw_only=True):
    """`disk`, which is ours; in megabytes."""

    warn_below: int | None = None
    refuse_below: int | None = None


class Console(Struct, rename="camel", kw_only=True):
    """`console`, which is ours."""

    lock_after: str = ""
    passphrase: str = ""


class CaJson(Struct, rename="camel", kw_only=True):
    """The whole file."""

    root: str | list[str] | None = None
    federated_roots: list[str] | None = None
    crt: str = ""
    key: str = ""
    issuers: list[IssuerEntry] | None = None
    address: str = ""
    insecure_address: str = ""
    dns_names: list[str] | None = None
    kms: Kms | None = None
    ssh: Ssh | None = None
    logger: Logger | None = None
    db: Database | None = None
    monitoring: Any = None
    authority: Authority | None = None
    tls: Tls | None = None
    password: str = ""
    templates: dict[str, Any] | None = None
    common_name: str = ""
    crl: Crl | None = None
    ocsp: Ocsp | None = None
    alerts: Alerts | None = None
    metrics_address: str = ""
    backup: Backup | None = None
    retention: Retention | None = None
    clock: Clock | None = None
    disk: Disk | None = None
    console: Console | None = None
    workers: int = 0
