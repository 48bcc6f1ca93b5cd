"""The shapes of the entries of `authority.provisioners`, each with its keys in step-ca's order.

What GET /provisioners shows of an entry follows from its shape: the keys in this order, empty ones
left out but for those in `ALWAYS`, texts in base64 written anew.
"""

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from msgspec import Struct, field

from appliance.config.schema import Claims


class Kind(Struct, kw_only=True):
    """What decides how the rest of an entry is read; `disabled` is ours."""

    type: str = ""
    disabled: bool = False


class Jwk(Struct, rename="camel", kw_only=True):
    """Type JWK."""

    type: str = ""
    name: str = ""
    key: dict[str, Any] | None = None
    encrypted_key: str = ""
    claims: Claims | None = None
    options: Any = None


class Oidc(Struct, rename="camel", kw_only=True):
    """Type OIDC."""

    type: str = ""
    name: str = ""
    client_id: str = field(name="clientID", default="")
    client_secret: str = ""
    configuration_endpoint: str = ""
    tenant_id: str = field(name="tenantID", default="")
    admins: list[str] | None = None
    domains: list[str] | None = None
    groups: list[str] | None = None
    listen_address: str = ""
    claims: Claims | None = None
    options: Any = None
    scopes: list[str] | None = None
    auth_params: list[str] | None = None


class Acme(Struct, rename="camel", kw_only=True):
    """Type ACME."""

    type: str = ""
    name: str = ""
    force_cn: bool = field(name="forceCN", default=False)
    terms_of_service: str = ""
    website: str = ""
    caa_identities: list[str] | None = None
    require_eab: bool = field(name="requireEAB", default=False)
    challenges: list[str] | None = None
    attestation_formats: list[str] | None = None
    attestation_roots: bytes = b""
    claims: Claims | None = None
    options: Any = None


class X5c(Struct, rename="camel", kw_only=True):
    """Type X5C."""

    type: str = ""
    name: str = ""
    roots: bytes | None = None
    claims: Claims | None = None
    options: Any = None


class K8sSa(Struct, rename="camel", kw_only=True):
    """Type K8sSA."""

    type: str = ""
    name: str = ""
    public_keys: bytes = b""
    claims: Claims | None = None
    options: Any = None


class SshPop(Struct, kw_only=True):
    """Type SSHPOP."""

    type: str = ""
    name: str = ""
    claims: Claims | None = None


class Scep(Struct, rename="camel", kw_only=True):
    """Type SCEP."""

    type: str = ""
    name: str = ""
    force_cn: bool = field(name="forceCN", default=False)
    challenge: str = ""
    capabilities: list[str] | None = None
    include_root: bool = False
    exclude_intermediate: bool = False
    minimum_public_key_length: int = 0
    decrypter_certificate: bytes = b""
    decrypter_key_pem: bytes = field(name="decrypterKeyPEM", default=b"")
    decrypter_key: str = ""
    decrypter_key_password: str = ""
    encryption_algorithm_identifier: int = 0
    options: Any = None
    claims: Claims | None = None


class Nebula(Struct, rename="camel", kw_only=True):
    """Type Nebula."""

    type: str = ""
    name: str = ""
    roots: bytes | None = None
    claims: Claims | None = None
    options: Any = None


Entry: TypeAlias = Jwk | Oidc | Acme | X5c | K8sSa | SshPop | Scep | Nebula

SHAPES: Final[Mapping[str, type[Entry]]] = {
    "JWK": Jwk,
    "OIDC": Oidc,
    "ACME": Acme,
    "X5C": X5c,
    "K8sSA": K8sSa,
    "SSHPOP": SshPop,
    "SCEP": Scep,
    "Nebula": Nebula,
}

NOT_YET: Final = ("AWS", "GCP", "Azure")

ALWAYS: Final[Mapping[type[Entry], frozenset[str]]] = {
    Jwk: frozenset({"key"}),
    Oidc: frozenset({"clientID", "clientSecret", "configurationEndpoint"}),
    X5c: frozenset({"roots"}),
    Nebula: frozenset({"roots"}),
    Scep: frozenset(
        {
            "forceCN", "challenge", "includeRoot", "excludeIntermediate",
            "minimumPublicKeyLength", "decrypterCertificate", "decrypterKeyPEM", "decrypterKey",
            "decrypterKeyPassword", "encryptionAlgorithmIdentifier",
        }
    ),
}  # fmt: skip


# ---- options, as they are shown: what only we know, or nobody may see, is not among them


class TemplateOptions(Struct, rename="camel", kw_only=True):
    """`options.x509` and `options.ssh`."""

    template: str = ""
    template_file: str = ""
    template_data: Any = None


class WebhookOptions(Struct, rename="camel", kw_only=True):
    """One of `options.webhooks`."""

    id: str = ""
    name: str = ""
    url: str = ""
    kind: str = ""
    disable_client_auth: bool = field(name="disableTLSClientAuth", default=False)
    cert_type: str = ""


class WireProvider(Struct, rename="camel", kw_only=True):
    """`options.wire.oidc.provider`."""

    discovery_base_url: str = ""
    issuer_url: str = ""
    authorization_url: str = ""
    token_url: str = ""
    jwks_url: str = ""
    user_info_url: str = ""
    signature_algorithms: list[str] | None = None


class WireConfig(Struct, rename="camel", kw_only=True):
    """`options.wire.oidc.config`."""

    client_id: str = ""
    signature_algorithms: list[str] | None = None


class WireOidc(Struct, rename="camel", kw_only=True):
    """`options.wire.oidc`."""

    provider: WireProvider | None = None
    config: WireConfig | None = None
    transform: str = ""


class WireDpop(Struct, rename="camel", kw_only=True):
    """`options.wire.dpop`."""

    key: bytes | None = None
    target: str = ""


class WireOptions(Struct, rename="camel", kw_only=True):
    """`options.wire`, of type ACME."""

    oidc: WireOidc | None = None
    dpop: WireDpop | None = None


class ShownOptions(Struct, rename="camel", kw_only=True):
    """`options`."""

    x509: TemplateOptions | None = None
    ssh: TemplateOptions | None = None
    webhooks: list[WebhookOptions] | None = None
    wire: WireOptions | None = None


ALWAYS_IN_OPTIONS: Final[Mapping[type[Struct], frozenset[str]]] = {
    WebhookOptions: frozenset({"id", "name", "url", "kind", "certType"}),
    WireDpop: frozenset({"key", "target"}),
}
