"""The flags of `ca provisioner add` and `update`: one row for each value of an entry in ca.json."""

import enum
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import click

from appliance.cli import provisioner_files as files
from appliance.cli.command import refused, was_given
from appliance.cli.prompts import say
from appliance.config.provisioner_edits import Amend, Edit, Path, Put
from appliance.formats import goduration, gourl
from appliance.model.errors import BadRequest, FormatError

F = TypeVar("F", bound=Callable[..., Any])

_CHALLENGES: Final = ("http-01", "dns-01", "tls-alpn-01", "device-attest-01")
_FORMATS: Final = ("apple", "step", "tpm")
ADMIN_FLAGS: Final = (
    "admin-cert", "admin-key", "admin-subject", "admin-name", "admin-provisioner", "admin-issuer",
    "admin-password-file",
)  # fmt: skip
_ADMIN: Final = "provisioners are changed in ca.json: there is no admin API to sign in to"
_CLOUD: Final = "provisioners of types AWS, GCP and Azure are not supported by this version"


class Form(enum.Enum):
    """What is written of a flag's value."""

    TEXT = enum.auto()
    URL = enum.auto()
    SWITCH = enum.auto()
    NUMBER = enum.auto()
    DURATION = enum.auto()
    LIST = enum.auto()  # adds to what is there; `remove` names the flag that takes away
    WORDS = enum.auto()  # a list that replaces what is there
    FILE = enum.auto()
    FILES = enum.auto()


_REPEATED: Final = (Form.LIST, Form.WORDS, Form.FILES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A flag; `types` are those that it is for, all by default, and `needed` by those to add."""

    name: str
    path: Path
    help: str
    form: Form = Form.TEXT
    types: tuple[str, ...] = ()
    alias: str = ""
    choices: tuple[str, ...] = ()
    remove: str = ""
    instead: tuple[str, ...] = ()
    needed: bool = False
    read: Callable[[Any], Any] | None = None

    @property
    def parameter(self) -> str:
        """Its name in Python."""
        return self.name.replace("-", "_")


def _duration(name: str, key: str, what: str) -> Row:
    return Row(name=name, path=("claims", key), help=what, form=Form.DURATION)


def _switch(name: str, key: str, what: str) -> Row:
    return Row(name=name, path=("claims", key), help=what, form=Form.SWITCH)


def _oidc(name: str, key: str, what: str, form: Form = Form.TEXT, **more: Any) -> Row:
    return Row(name=name, path=(key,), help=what, form=form, types=("OIDC",), **more)


def _acme(name: str, key: str, what: str, form: Form, **more: Any) -> Row:
    return Row(name=name, path=(key,), help=what, form=form, types=("ACME",), **more)


def _scep(name: str, key: str, what: str, form: Form, **more: Any) -> Row:
    return Row(name=name, path=(key,), help=what, form=form, types=("SCEP",), **more)


_DETAILS: Final = (
    _oidc("client-id", "clientID", "OIDC: our id at the identity provider.", needed=True),
    _oidc("client-secret", "clientSecret", "OIDC: the secret that goes with it."),
    _oidc(
        "configuration-endpoint", "configurationEndpoint",
        "OIDC: the URL of the identity provider's configuration.", Form.URL, needed=True,
    ),
    _oidc("tenant-id", "tenantID", "OIDC: the tenant that stands for {tenantid}."),
    _oidc("listen-address", "listenAddress", "OIDC: where clients await the log-in, as :10000."),
    _oidc(
        "admin", "admins", "OIDC: an email address that may ask for any name.", Form.LIST,
        remove="remove-admin",
    ),
    _oidc(
        "domain", "domains", "OIDC: a domain of email addresses to let in.", Form.LIST,
        remove="remove-domain",
    ),
    _oidc("group", "groups", "OIDC: a group to let in.", Form.LIST, remove="remove-group"),
    _oidc("scope", "scopes", "OIDC: a scope to ask for.", Form.LIST, remove="remove-scope"),
    _oidc(
        "auth-param", "authParams", "OIDC: a key=value to send along when logging in.", Form.LIST,
        remove="remove-auth-param",
    ),
    Row(
        name="x5c-roots", alias="x5c-root", path=("roots",), types=("X5C",), form=Form.FILE,
        help="X5C: the roots (PEM) that certificates must lead to.", needed=True,
        read=files.x5c_roots,
    ),
    Row(
        name="nebula-root", path=("roots",), types=("Nebula",), form=Form.FILE,
        help="Nebula: the CA certificates (PEM).", needed=True, read=files.nebula_roots,
    ),
    Row(
        name="public-key", path=("publicKeys",), types=("K8sSA",), form=Form.FILE,
        help="JWK: the public key (JWK or PEM). K8sSA: the cluster's keys (PEM).", needed=True,
        read=files.account_keys,
    ),
    Row(
        name="force-cn", path=("forceCN",), types=("ACME", "SCEP"), form=Form.SWITCH,
        help="ACME, SCEP: always write a common name.",
    ),
    _acme("require-eab", "requireEAB", "ACME: accounts must be bound to a key.", Form.SWITCH),
    _acme(
        "challenge", "challenges", "ACME: a challenge to allow. SCEP: the shared secret.",
        Form.LIST, choices=_CHALLENGES, remove="remove-challenge",
    ),
    _acme(
        "attestation-format", "attestationFormats", "ACME: a format of attestations to allow.",
        Form.LIST, choices=_FORMATS, remove="remove-attestation-format",
    ),
    _acme(
        "attestation-roots", "attestationRoots", "ACME: the roots (PEM) of attestations.",
        Form.FILES, read=files.attestation_roots,
    ),
    _scep("challenge", "challenge", "", Form.WORDS),
    _scep("capabilities", "capabilities", "SCEP: a capability to tell.", Form.WORDS),
    _scep("include-root", "includeRoot", "SCEP: send the root along.", Form.SWITCH),
    _scep(
        "exclude-intermediate", "excludeIntermediate", "SCEP: leave the intermediate out.",
        Form.SWITCH,
    ),
    _scep(
        "min-public-key-length", "minimumPublicKeyLength", "SCEP: the least bits of RSA keys.",
        Form.NUMBER,
    ),
    _scep(
        "encryption-algorithm-identifier", "encryptionAlgorithmIdentifier",
        "SCEP: 0 DES-CBC, 1 AES-128-CBC, 2 AES-256-CBC, 3 AES-128-GCM, 4 AES-256-GCM.",
        Form.NUMBER,
    ),
    _scep(
        "scep-decrypter-certificate-file", "decrypterCertificate",
        "SCEP: the certificate (PEM) that clients encrypt for.", Form.FILE,
        read=files.decrypter_certificate,
    ),
    _scep(
        "scep-decrypter-key-file", "decrypterKeyPEM", "SCEP: its key (PEM).", Form.FILE,
        read=files.decrypter_key,
    ),
    _scep("scep-decrypter-key-uri", "decrypterKey", "SCEP: the URI of its key.", Form.TEXT),
    _scep(
        "scep-decrypter-key-password-file", "decrypterKeyPassword", "SCEP: its key's password.",
        Form.FILE, read=files.password,
    ),
)  # fmt: skip

_CLAIMS: Final = (
    _duration("x509-min-dur", "minTLSCertDuration", "The shortest life of X.509 certificates."),
    _duration("x509-max-dur", "maxTLSCertDuration", "The longest."),
    _duration("x509-default-dur", "defaultTLSCertDuration", "The one when none is asked for."),
    _duration("ssh-user-min-dur", "minUserSSHCertDuration", "The shortest of SSH, for users."),
    _duration("ssh-user-max-dur", "maxUserSSHCertDuration", "The longest."),
    _duration("ssh-user-default-dur", "defaultUserSSHCertDuration", "The usual one."),
    _duration("ssh-host-min-dur", "minHostSSHCertDuration", "The shortest of SSH, for hosts."),
    _duration("ssh-host-max-dur", "maxHostSSHCertDuration", "The longest."),
    _duration("ssh-host-default-dur", "defaultHostSSHCertDuration", "The usual one."),
    _switch("disable-renewal", "disableRenewal", "Renew nothing."),
    _switch(
        "allow-renewal-after-expiry", "allowRenewalAfterExpiry", "Renew what has expired, too."
    ),
    _switch(
        "disable-smallstep-extensions",
        "disableSmallstepExtensions",
        "Do not name the provisioner in certificates.",
    ),
    _switch("ssh", "enableSSHCA", "Allow SSH certificates; --ssh=false forbids them."),
)

_WITH_OPTIONS: Final = ("JWK", "OIDC", "ACME", "X5C", "K8sSA", "SCEP", "Nebula")
_OPTIONS: Final = (
    Row(
        name="x509-template", path=("options", "x509", "template"), form=Form.FILE,
        types=_WITH_OPTIONS, help="The template of X.509 certificates.", read=files.template,
        instead=("templateFile",),
    ),
    Row(
        name="x509-template-data", path=("options", "x509", "templateData"), form=Form.FILE,
        types=_WITH_OPTIONS, help="Data for it, a JSON object.", read=files.template_data,
    ),
    Row(
        name="ssh-template", path=("options", "ssh", "template"), form=Form.FILE,
        types=_WITH_OPTIONS, help="The template of SSH certificates.", read=files.template,
        instead=("templateFile",),
    ),
    Row(
        name="ssh-template-data", path=("options", "ssh", "templateData"), form=Form.FILE,
        types=_WITH_OPTIONS, help="Data for it, a JSON object.", read=files.template_data,
    ),
    Row(
        name="issuer", path=("options", "x509", "issuer"), types=_WITH_OPTIONS,
        help="The intermediate that issues for it: see `ca intermediate list`.",
    ),
)  # fmt: skip

ROWS: Final = (*_DETAILS, *_CLAIMS, *_OPTIONS)


def entry_flags(*, removing: bool) -> Callable[[F], F]:
    """Add all of them, and refuse those that need what comes later."""

    def decorate(function: F) -> F:
        for option in reversed([*_declared(removing=removing)]):
            function = option(function)
        return refuse_admin_flags(_refuse_cloud_flags(function))

    return decorate


def refuse_admin_flags(function: F) -> F:
    """Refuse the flags by which step signs in to the admin API."""
    return refused(*ADMIN_FLAGS, because=_ADMIN)(function)


def edits(kind: str, values: Mapping[str, Any]) -> list[Edit]:
    """Say what the given flags change in an entry of the type. Raises BadRequest."""
    found = []
    for row in ROWS:
        if row.types and kind not in row.types:
            continue
        edit = _edit(row, values)
        if edit is not None:
            found.append(edit)
    return found


def missing(kind: str, values: Mapping[str, Any]) -> Iterator[str]:
    """Name the flags that a new entry of the type cannot do without."""
    for row in ROWS:
        if row.needed and kind in row.types and not values[row.parameter]:
            yield row.name


def tell_idle(kind: str, values: Mapping[str, Any]) -> None:
    """Say which flags mean nothing to the type."""
    used = {row.parameter for row in ROWS if not row.types or kind in row.types}
    for row in ROWS:
        if row.parameter not in used and row.parameter in values and was_given(row.parameter):
            used.add(row.parameter)
            say(f"flag '--{row.name}' has no effect on provisioners of type {kind}")


def _declared(*, removing: bool) -> Iterator[Callable[[F], F]]:
    known = set()
    for row in ROWS:
        if row.name in known:
            continue
        known.add(row.name)
        names = [f"--{each}" for each in (row.name, row.alias) if each]
        if row.form is Form.SWITCH:
            yield click.option(*names, row.parameter, is_flag=True, help=row.help)
            continue
        yield click.option(
            *names,
            row.parameter,
            metavar=_metavar(row),
            multiple=row.form in _REPEATED,
            type=int if row.form is Form.NUMBER else str,
            help=row.help,
        )
        if removing and row.remove:
            yield click.option(
                f"--{row.remove}", metavar=_metavar(row), multiple=True, help="Take one away again."
            )


def _metavar(row: Row) -> str:
    match row.form:
        case Form.FILE | Form.FILES:
            return "<file>"
        case Form.URL:
            return "<url>"
        case Form.NUMBER:
            return "<number>"
        case Form.DURATION:
            return "<duration>"
        case _:
            return f"<{row.name.rpartition('-')[2]}>"


def _refuse_cloud_flags(function: F) -> F:
    names = (
        "aws-account", "remove-aws-account", "azure-tenant", "azure-resource-group",
        "remove-azure-resource-group", "azure-audience", "azure-subscription-id",
        "remove-azure-subscription-id", "azure-object-id", "remove-azure-object-id",
        "gcp-service-account", "remove-gcp-service-account", "gcp-project", "remove-gcp-project",
        "gcp-organization", "instance-age",
    )  # fmt: skip
    switches = (
        "disable-custom-sans", "disable-trust-on-first-use", "disable-tofu", "disable-ssh-ca-user",
        "disable-ssh-ca-host",
    )  # fmt: skip
    function = refused(*names, because=_CLOUD)(function)
    return refused(*switches, because=_CLOUD, is_flag=True)(function)


def _edit(row: Row, values: Mapping[str, Any]) -> Edit | None:
    """Make the edit of one flag; None when it is not given."""
    value = values[row.parameter]
    if row.form is Form.LIST:
        removed = values.get(row.remove.replace("-", "_")) or ()
        if not value and not removed:
            return None
        return Amend(path=row.path, add=_chosen(row, value), remove=_chosen(row, removed))
    if not was_given(row.parameter):
        return None
    return Put(path=row.path, value=_written(row, value), instead=row.instead)


def _written(row: Row, value: Any) -> Any:
    """Give a value as ca.json has it; what is empty takes the key away. Raises BadRequest."""
    if row.form in _REPEATED:
        value = [each for each in value if each]
    if value in ("", []):
        return None
    match row.form:
        case Form.DURATION:
            return _span(row, value)
        case Form.URL:
            return _url(row, value)
        case Form.WORDS if row.name == "challenge":
            if len(value) > 1:
                raise BadRequest("provisioners of type SCEP have one '--challenge' only")
            return value[0]
        case _:
            return row.read(value) if row.read else value


def _chosen(row: Row, values: Sequence[str]) -> tuple[str, ...]:
    """Hold values against what there is to choose from."""
    if not row.choices:
        return tuple(each for each in values if each)
    for each in values:
        if each.lower() not in row.choices:
            raise BadRequest(
                f"invalid value '{each}' for flag '--{row.name}'; options are "
                f"{', '.join(row.choices)}"
            )
    return tuple(each.lower() for each in values)


def _span(row: Row, value: str) -> str:
    try:
        return goduration.format_duration(goduration.parse(value))
    except FormatError as error:
        raise BadRequest(f"invalid value '{value}' for flag '--{row.name}': {error}") from error


def _url(row: Row, value: str) -> str:
    try:
        scheme = gourl.parse(value).scheme
    except FormatError:
        scheme = ""
    if scheme not in ("http", "https"):
        raise BadRequest(
            f"invalid value '{value}' for flag '--{row.name}': it must be an https:// URL"
        )
    return value
