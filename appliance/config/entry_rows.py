"""What can be said in an entry of `authority.provisioners`: one row for each value.

The command line makes a flag of each, the console a field.
"""

import enum
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from appliance.config import entry_files as files
from appliance.config.entries import SHAPES
from appliance.config.entry_files import File
from appliance.config.provisioner_edits import Path

CHALLENGES: Final = (
    "http-01", "dns-01", "tls-alpn-01", "device-attest-01", "dns-account-01", "dns-persist-01",
)  # fmt: skip
FORMATS: Final = ("apple", "step", "tpm")


class Form(enum.Enum):
    """What is written of a value."""

    TEXT = enum.auto()
    URL = enum.auto()
    SWITCH = enum.auto()
    NUMBER = enum.auto()
    DURATION = enum.auto()
    LIST = enum.auto()  # a flag adds to what is there; `remove` names the flag that takes away
    WORDS = enum.auto()  # a list that replaces what is there
    FILE = enum.auto()
    FILES = enum.auto()
    TEMPLATE = enum.auto()  # the text of a file
    OBJECT = enum.auto()  # the JSON object of a file


class Tab(enum.StrEnum):
    """On which page of a form a value stands."""

    GENERAL = "general"
    NAMES = "names"
    LIFETIMES = "lifetimes"
    TEMPLATE = "template"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A value; `types` are those that it is for, all by default, and `needed` by those to add.

    `name` is that of its flag, `label` what a form calls it. `offered` are the types whose forms
    have it, where a flag is taken for more.
    """

    name: str
    label: str
    path: Path
    help: str
    form: Form = Form.TEXT
    tab: Tab = Tab.GENERAL
    types: tuple[str, ...] = ()
    offered: tuple[str, ...] = ()
    alias: str = ""
    choices: tuple[str, ...] = ()
    remove: str = ""
    instead: tuple[str, ...] = ()
    needed: bool = False
    secret: bool = False
    flag: bool = True
    read: Callable[[Sequence[File]], Any] | None = None

    @property
    def parameter(self) -> str:
        """Its name in Python."""
        return self.name.replace("-", "_")

    @property
    def is_claim(self) -> bool:
        """Whether it is inherited from the authority where it is not said."""
        return self.path[0] == "claims"

    def fits(self, kind: str) -> bool:
        """Say whether the form of a type has it."""
        return kind in (self.offered or self.types or SHAPES)


_SSH: Final = ("JWK", "OIDC", "X5C", "K8sSA", "Nebula")  # types that grant SSH certificates
_TLS: Final = (*_SSH, "ACME", "SCEP")


def _oidc(name: str, label: str, key: str, what: str, form: Form = Form.TEXT, **more: Any) -> Row:
    return Row(name=name, label=label, path=(key,), help=what, form=form, types=("OIDC",), **more)


def _acme(name: str, label: str, key: str, what: str, form: Form, **more: Any) -> Row:
    return Row(name=name, label=label, path=(key,), help=what, form=form, types=("ACME",), **more)


def _option(name: str, label: str, key: str, what: str, form: Form, **more: Any) -> Row:
    """Make a row of `options.acme`, which is ours."""
    return Row(
        name=name, label=label, path=("options", "acme", key), help=what, form=form,
        types=("ACME",), **more,
    )  # fmt: skip


def _scep(name: str, label: str, key: str, what: str, form: Form, **more: Any) -> Row:
    return Row(name=name, label=label, path=(key,), help=what, form=form, types=("SCEP",), **more)


def _duration(name: str, label: str, key: str, what: str, offered: tuple[str, ...]) -> Row:
    return Row(
        name=name, label=label, path=("claims", key), help=what, form=Form.DURATION,
        tab=Tab.LIFETIMES, offered=offered,
    )  # fmt: skip


def _switch(name: str, label: str, key: str, what: str, offered: tuple[str, ...] = ()) -> Row:
    return Row(
        name=name, label=label, path=("claims", key), help=what, form=Form.SWITCH,
        tab=Tab.LIFETIMES, offered=offered,
    )  # fmt: skip


DETAILS: Final = (
    _oidc("client-id", "Client id", "clientID", "OIDC: our id at the identity provider.",
          needed=True),
    _oidc("client-secret", "Client secret", "clientSecret", "OIDC: the secret that goes with it.",
          secret=True),
    _oidc(
        "configuration-endpoint", "Provider's URL", "configurationEndpoint",
        "OIDC: the URL of the identity provider's configuration.", Form.URL, needed=True,
    ),
    _oidc("tenant-id", "Tenant", "tenantID", "OIDC: the tenant that stands for {tenantid}."),
    _oidc("listen-address", "Log-in comes to", "listenAddress",
          "OIDC: where clients await the log-in, as :10000."),
    _oidc(
        "admin", "Admins", "admins", "OIDC: an email address that may ask for any name.",
        Form.LIST, remove="remove-admin",
    ),
    _oidc(
        "domain", "Domains", "domains", "OIDC: a domain of email addresses to let in.", Form.LIST,
        remove="remove-domain",
    ),
    _oidc("group", "Groups", "groups", "OIDC: a group to let in.", Form.LIST,
          remove="remove-group"),
    _oidc("scope", "Scopes", "scopes", "OIDC: a scope to ask for.", Form.LIST,
          remove="remove-scope"),
    _oidc(
        "auth-param", "Parameters", "authParams",
        "OIDC: a key=value to send along when logging in.", Form.LIST, remove="remove-auth-param",
    ),
    Row(
        name="x5c-roots", label="Roots", alias="x5c-root", path=("roots",), types=("X5C",),
        form=Form.FILE, help="X5C: the roots (PEM) that certificates must lead to.", needed=True,
        read=files.x5c_roots,
    ),
    Row(
        name="nebula-root", label="Nebula's CAs", path=("roots",), types=("Nebula",),
        form=Form.FILE, help="Nebula: the CA certificates (PEM).", needed=True,
        read=files.nebula_roots,
    ),
    Row(
        name="public-key", label="Public keys", path=("publicKeys",), types=("K8sSA",),
        form=Form.FILE, needed=True, read=files.account_keys,
        help="JWK: the public key (JWK or PEM). K8sSA: the cluster's keys (PEM).",
    ),
    Row(
        name="force-cn", label="Always a common name", path=("forceCN",), types=("ACME", "SCEP"),
        form=Form.SWITCH, help="ACME, SCEP: always write a common name.",
    ),
    _acme("require-eab", "Accounts need a key", "requireEAB",
          "ACME: accounts must be bound to a key.", Form.SWITCH),
    _acme(
        "challenge", "Challenges", "challenges",
        "ACME: a challenge to allow. SCEP: the shared secret.", Form.LIST, choices=CHALLENGES,
        remove="remove-challenge",
    ),
    _acme(
        "attestation-format", "Attestations", "attestationFormats",
        "ACME: a format of attestations to allow.", Form.LIST, choices=FORMATS,
        remove="remove-attestation-format",
    ),
    _acme(
        "attestation-roots", "Attestation roots", "attestationRoots",
        "ACME: the roots (PEM) of attestations.", Form.FILES, read=files.attestation_roots,
    ),
    _acme("terms-of-service", "Terms of service", "termsOfService",
          "ACME: A URL that accounts must agree to.", Form.URL),
    _acme("website", "Website", "website", "ACME: A URL about this CA.", Form.URL),
    _acme("caa-identity", "Names in CAA", "caaIdentities",
          "ACME: What CAA records call this CA.", Form.WORDS),
    _option("caa", "CAA that forbids", "caa", "ACME: warn, strict or off.", Form.TEXT,
            choices=("warn", "strict", "off")),
    _option("patience", "Patience", "patience", "ACME: How long a challenge is looked at: 1m.",
            Form.DURATION),
    _option("subdomains", "Proof covers below", "subdomains",
            "ACME: Who proved a domain gets names below it (RFC 9444).", Form.SWITCH),
    _option("default-profile", "Default profile", "defaultProfile",
            "ACME: The profile of orders that name none.", Form.TEXT),
    _option("profiles", "Profiles (JSON)", "profiles",
            "ACME: Kinds of certificates to order by name, a JSON object.", Form.OBJECT,
            tab=Tab.TEMPLATE, read=files.template_data),
    _scep("challenge", "Challenge", "challenge", "", Form.WORDS, secret=True),
    _scep("capabilities", "Capabilities", "capabilities", "SCEP: a capability to tell.",
          Form.WORDS),
    _scep("include-root", "Send the root", "includeRoot", "SCEP: send the root along.",
          Form.SWITCH),
    _scep(
        "exclude-intermediate", "Leave intermediate out", "excludeIntermediate",
        "SCEP: leave the intermediate out.", Form.SWITCH,
    ),
    _scep(
        "min-public-key-length", "Least bits of RSA", "minimumPublicKeyLength",
        "SCEP: the least bits of RSA keys.", Form.NUMBER,
    ),
    _scep(
        "encryption-algorithm-identifier", "Cipher", "encryptionAlgorithmIdentifier",
        "SCEP: 0 DES-CBC, 1 AES-128-CBC, 2 AES-256-CBC, 3 AES-128-GCM, 4 AES-256-GCM.",
        Form.NUMBER,
    ),
    _scep(
        "scep-decrypter-certificate-file", "Decrypter", "decrypterCertificate",
        "SCEP: the certificate (PEM) that clients encrypt for.", Form.FILE,
        read=files.decrypter_certificate,
    ),
    _scep(
        "scep-decrypter-key-file", "Its key", "decrypterKeyPEM", "SCEP: its key (PEM).",
        Form.FILE, read=files.decrypter_key, secret=True,
    ),
    _scep("scep-decrypter-key-uri", "Its key's URI", "decrypterKey", "SCEP: the URI of its key.",
          Form.TEXT, secret=True),
    _scep(
        "scep-decrypter-key-password-file", "Its key's password", "decrypterKeyPassword",
        "SCEP: its key's password.", Form.FILE, read=files.password, secret=True,
    ),
)  # fmt: skip

CLAIMS: Final = (
    _duration("x509-max-dur", "Longest", "maxTLSCertDuration", "The longest.", _TLS),
    _duration("x509-default-dur", "Usual", "defaultTLSCertDuration",
              "The one when none is asked for.", _TLS),
    _duration("x509-min-dur", "Shortest", "minTLSCertDuration",
              "The shortest life of X.509 certificates.", _TLS),
    _duration("ssh-user-max-dur", "SSH users: longest", "maxUserSSHCertDuration",
              "The longest.", _SSH),
    _duration("ssh-user-default-dur", "SSH users: usual", "defaultUserSSHCertDuration",
              "The usual one.", _SSH),
    _duration("ssh-user-min-dur", "SSH users: shortest", "minUserSSHCertDuration",
              "The shortest of SSH, for users.", _SSH),
    _duration("ssh-host-max-dur", "SSH hosts: longest", "maxHostSSHCertDuration",
              "The longest.", (*_SSH, "SSHPOP")),
    _duration("ssh-host-default-dur", "SSH hosts: usual", "defaultHostSSHCertDuration",
              "The usual one.", (*_SSH, "SSHPOP")),
    _duration("ssh-host-min-dur", "SSH hosts: shortest", "minHostSSHCertDuration",
              "The shortest of SSH, for hosts.", (*_SSH, "SSHPOP")),
    _switch("disable-renewal", "Renew nothing", "disableRenewal", "Renew nothing."),
    _switch("allow-renewal-after-expiry", "Renew what has expired", "allowRenewalAfterExpiry",
            "Renew what has expired, too."),
    _switch("disable-smallstep-extensions", "Leave our name out", "disableSmallstepExtensions",
            "Do not name the provisioner in certificates.", _TLS),
    _switch("ssh", "SSH certificates", "enableSSHCA",
            "Allow SSH certificates; --ssh=false forbids them.", (*_SSH, "SSHPOP")),
)  # fmt: skip

OPTIONS: Final = (
    Row(
        name="x509-template", label="X.509 template", path=("options", "x509", "template"),
        form=Form.TEMPLATE, tab=Tab.TEMPLATE, types=_TLS, read=files.template,
        help="The template of X.509 certificates.", instead=("templateFile",),
    ),
    Row(
        name="x509-template-data", label="Its data (JSON)",
        path=("options", "x509", "templateData"), form=Form.OBJECT, tab=Tab.TEMPLATE, types=_TLS,
        help="Data for it, a JSON object.", read=files.template_data,
    ),
    Row(
        name="ssh-template", label="SSH template", path=("options", "ssh", "template"),
        form=Form.TEMPLATE, tab=Tab.TEMPLATE, types=_TLS, offered=_SSH, read=files.template,
        help="The template of SSH certificates.", instead=("templateFile",),
    ),
    Row(
        name="ssh-template-data", label="Its data (JSON)",
        path=("options", "ssh", "templateData"), form=Form.OBJECT, tab=Tab.TEMPLATE, types=_TLS,
        offered=_SSH, help="Data for it, a JSON object.", read=files.template_data,
    ),
    Row(
        name="issuer", label="Intermediate", path=("options", "x509", "issuer"), types=_TLS,
        help="The intermediate that issues for it: see `ca intermediate list`.",
    ),
)  # fmt: skip


def _rule(side: str, rule: str, kind: str) -> Row:
    """Make a row of the policy: `side` is x509, ssh-user or ssh-host."""
    called = {"x509": "", "ssh-user": "SSH users: ", "ssh-host": "SSH hosts: "}[side]
    shown = kind.upper() if len(kind) <= 3 else kind
    return Row(
        name=f"{side}-{rule}-{kind}", label=f"{called}{rule} {shown}",
        path=("options", *side.split("-"), rule, kind), form=Form.WORDS, tab=Tab.NAMES, flag=False,
        types=_TLS if side == "x509" else _SSH, help=_EXAMPLES[kind],
    )  # fmt: skip


_EXAMPLES: Final = {
    "dns": "nas.home.arpa, or *.home.arpa for one label below.",
    "ip": "192.0.2.7, or 192.0.2.0/24 for a range.",
    "email": "jane@home.arpa, or @home.arpa for all of a domain.",
    "uri": "A host: id.home.arpa, or *.home.arpa.",
    "cn": "A common name as it stands.",
    "principal": "The name of an account; * is all of them.",
}
_KINDS: Final = {
    "x509": ("dns", "ip", "email", "uri", "cn"),
    "ssh-user": ("principal", "email"),
    "ssh-host": ("dns", "ip"),
}

RULES: Final = (
    *(
        _rule(side, rule, kind)
        for side, kinds in _KINDS.items()
        for rule in ("allow", "deny")
        for kind in kinds
    ),
    Row(
        name="allow-wildcard-names", label="Names with *.",
        path=("options", "x509", "allowWildcardNames"), form=Form.SWITCH, tab=Tab.NAMES,
        types=_TLS, flag=False, help="Let allow rules match names that begin with *.",
    ),
)  # fmt: skip

ROWS: Final = (*DETAILS, *CLAIMS, *OPTIONS, *RULES)
