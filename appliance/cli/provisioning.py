"""From a provisioner to a token: choosing it, opening its key, signing. Asks what is missing."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import click

from appliance.cli.command import location
from appliance.cli.credentials import Credentials, account_token
from appliance.cli.credentials import signing_key as credentials_key
from appliance.cli.files import read_file
from appliance.cli.keys import asked_kms, read_private_key
from appliance.cli.login import identity_token
from appliance.cli.online import now, octets, read_roots, talk
from appliance.cli.prompts import ask, choose, read_password, selected
from appliance.cli.token_places import file_of, on_token
from appliance.client.ca import CaClient
from appliance.client.provisioners import (
    audience_of,
    candidates,
    describe,
    kid_of,
    kind_of,
    require_tokens,
    signing_key,
)
from appliance.client.tokens import (
    ENTROPY_OCTETS,
    TOKEN_ID_OCTETS,
    SigningKey,
    TokenRequest,
    Window,
    audience,
    one_time_token,
    window,
)
from appliance.config.loading import ConfigNotFound
from appliance.formats import goduration, jwe, jwk, names, timeorduration
from appliance.formats.keyfile import WrongPassword
from appliance.formats.keys import PrivateKey
from appliance.model.errors import BadRequest, ConfigError, FormatError
from appliance.model.names import SanKind
from appliance.model.secret import Password
from appliance.model.ssh import CertificateType


@dataclass(frozen=True, slots=True, kw_only=True)
class SshWish:
    """What an SSH certificate shall be. Times are RFC 3339 or Go durations, or empty."""

    type: CertificateType
    principals: Sequence[str] = ()
    valid_after: str = ""
    valid_before: str = ""

    def claims(self, key_id: str) -> dict[str, Any]:
        """Write it as a token carries it."""
        return {
            "certType": self.type.label,
            "keyID": key_id,
            "principals": list(self.principals),
            "validAfter": self.valid_after,
            "validBefore": self.valid_before,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenWish:
    """What a token shall be for. `operation` is sign, revoke, ssh/sign, ssh/revoke …"""

    operation: str
    subject: str
    sans: Sequence[str] = ()
    confirmation: str = ""
    user: Mapping[str, Any] | None = None
    window: Window | None = None
    ssh: SshWish | None = None

    @property
    def question(self) -> str:
        """Ask for the subject."""
        if self.ssh is not None and self.ssh.type is CertificateType.USER:
            return "What user principal would you like to use? (e.g. alice)"
        return "What DNS names or IP addresses would you like to use? (e.g. internal.example.com)"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySource:
    """What the person said about the provisioner and its key."""

    name: str = ""
    kid: str = ""
    key_file: str = ""
    password_file: str | None = None
    name_flag: str = "--provisioner"  # what to give where nobody can be asked
    opened_by: str = "--provisioner-password-file"
    console: bool = False  # log in on another device, where it comes to that
    credentials: Credentials = field(default_factory=Credentials)


@dataclass(frozen=True, slots=True, kw_only=True)
class _OfflineCa:
    """What a token needs to know of ca.json."""

    url: str
    root: str
    provisioners: list[Mapping[str, Any]]


def online_token(wish: TokenWish, source: KeySource, url: str, root: str) -> str:
    """Make a token with what the CA knows of its provisioners."""
    roots = read_roots(root)
    entry = _choose(talk(url, roots, CaClient.provisioners), source)
    if (brought := _brought_token(entry, source, roots, wish.operation)) is not None:
        return brought
    wish = _with_subject(wish)
    key = _key_of_credentials(entry, source)
    if key is None:
        kid = kid_of(entry)
        encrypted = talk(url, roots, partial(CaClient.encrypted_key, kid=kid))
        key = _decrypted(encrypted, kid, source)
    where = audience_of(entry, audience(url, wish.operation))
    return _token(wish, key, issuer=str(entry["name"]), audience=where, root=roots[0])


def offline_token(wish: TokenWish, source: KeySource, ca_config: str | None) -> str | None:
    """Make a token from ca.json alone; None where there is no such file."""
    file = Path(ca_config) if ca_config else location().ca_json
    if not file.exists():
        return None
    configured = _read_ca_json(file)
    entry = _choose(configured.provisioners, source)
    roots = read_roots(configured.root)
    if (brought := _brought_token(entry, source, roots, wish.operation)) is not None:
        return brought
    key = _key_of_credentials(entry, source)
    if key is None:
        encrypted = str(entry.get("encryptedKey", ""))
        if not encrypted:
            raise BadRequest(f"provisioner '{entry['name']}' has no encryptedKey: give --key")
        key = _decrypted(encrypted, kid_of(entry), source)
    where = audience_of(entry, f"{configured.url}/{wish.operation}")
    return _token(wish, key, issuer=str(entry["name"]), audience=where, root=roots[0])


def required_offline_token(wish: TokenWish, source: KeySource, ca_config: str | None) -> str:
    """Make a token from ca.json. Raises ConfigNotFound."""
    made = offline_token(wish, source, ca_config)
    if made is None:
        raise ConfigNotFound(
            "there is no such file; --offline is for the machine that has the CA's: name it with "
            "--ca-config",
            file=ca_config or str(location().ca_json),
        )
    return made


def offline_url(ca_config: str | None) -> str:
    """Give the URL that tokens for the CA of a ca.json are made out to. Raises ConfigError."""
    return _read_ca_json(Path(ca_config) if ca_config else location().ca_json).url


def self_made_token(wish: TokenWish, source: KeySource, url: str, root: str) -> str:
    """Make a token from a key and a provisioner's name, knowing nothing of the CA."""
    kind = source.credentials.kind or "JWK"
    entry = {"type": kind, "name": source.name}
    key = _key_of_credentials(entry, source) or _key_of_file(source, source.kid)
    where = audience_of(entry, audience(url, wish.operation))
    return _token(wish, key, issuer=source.name, audience=where, root=read_roots(root)[0])


def _brought_token(
    entry: Mapping[str, Any], source: KeySource, roots: Sequence[bytes], operation: str
) -> str | None:
    """Get the token that somebody else makes: an identity provider, or a cluster."""
    require_tokens(entry, operation)
    match kind_of(entry):
        case "OIDC":
            return identity_token(entry, tuple(roots), console=source.console)
        case "K8sSA":
            return account_token(source.credentials)
        case _:
            return None


def _key_of_credentials(entry: Mapping[str, Any], source: KeySource) -> SigningKey | None:
    """Read the key that the person brings; None when the CA keeps it."""
    kind = kind_of(entry)
    if kind != "JWK":
        return credentials_key(kind, source.credentials, source.password_file)
    return _key_of_file(source, kid_of(entry)) if source.key_file else None


def template_data(pairs: Sequence[str], file: str | None) -> dict[str, Any]:
    """Read --set and --set-file: JSON where it is JSON, else text. Raises BadRequest."""
    data: dict[str, Any] = {}
    if file:
        try:
            content = json.loads(read_file(file))
        except ValueError as error:
            raise BadRequest(f"{file} is not JSON: {error}") from error
        if not isinstance(content, dict):
            raise BadRequest(f"{file} is not a JSON object")
        data |= content
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise BadRequest(f"invalid value '{pair}' for flag '--set'; write it as key=value")
        try:
            data[name] = json.loads(value)
        except ValueError:
            data[name] = value
    return data


def canonical_time(flag: str, text: str | None) -> str:
    """Read a time or a duration, and write it as a CA reads it best. Raises BadRequest."""
    try:
        found = timeorduration.parse(text or "")
    except FormatError as error:
        raise BadRequest(f"invalid value '{text}' for flag '--{flag}': {error}") from error
    match found:
        case None:
            return ""
        case timedelta():
            return goduration.format_duration(found)
        case _:
            return timeorduration.format_time(found)


def _choose(entries: Sequence[Mapping[str, Any]], source: KeySource) -> Mapping[str, Any]:
    """Pick the provisioner: the only one that fits the flags, or the one that the person picks."""
    found = candidates(entries, name=source.name, kid=source.kid, kind=source.credentials.kind)
    lines = [describe(entry) for entry in found]
    if len(found) == 1:
        entry = found[0]
        selected("Provisioner", lines[0])
    else:
        question = "What provisioner key do you want to use?"
        entry = found[choose(question, lines, name="Provisioner", flag=source.name_flag)]
    return entry


def _with_subject(wish: TokenWish) -> TokenWish:
    """Ask for the subject when it is missing."""
    if wish.subject:
        return wish
    return replace(wish, subject=ask(wish.question))


def _token(wish: TokenWish, key: SigningKey, *, issuer: str, audience: str, root: bytes) -> str:
    """Sign what is wished. Only tokens for certificates name SANs."""
    signs = wish.operation in ("sign", "ssh/sign")
    sans = (list(wish.sans) or [wish.subject]) if wish.operation == "sign" else None
    request = TokenRequest(
        subject=wish.subject,
        audience=audience,
        issuer=issuer,
        window=wish.window or window(now()),
        root_fingerprint=hashlib.sha256(root).hexdigest(),
        sans=sans,
        confirmation=wish.confirmation if signs else "",
        user=wish.user if signs else None,
        ssh=wish.ssh.claims(wish.subject) if wish.ssh and wish.operation == "ssh/sign" else None,
    )
    return one_time_token(
        request, key, token_id=octets(TOKEN_ID_OCTETS), entropy=octets(ENTROPY_OCTETS)
    )


def _decrypted(encrypted: str, kid: str, source: KeySource) -> SigningKey:
    """Open a provisioner's key. Raises BadRequest when the password is not the right one."""
    password = read_password(
        "Please enter the password to decrypt the provisioner key",
        file=source.password_file,
        flag=source.opened_by,
    )
    return _opened(encrypted, password, kid, "the provisioner key")


def _key_of_file(source: KeySource, kid: str) -> SigningKey:
    """Read a signing key: a JWK, an encrypted JWK or a PEM key."""
    if on_token(source.key_file, asked_kms()):
        return _signing_key(read_private_key(source.key_file), kid)
    content = read_file(file_of(source.key_file))
    text = content.decode("utf-8", "replace").strip()
    if jwe.is_encrypted(text):
        password = read_password(
            f"Please enter the password to decrypt {source.key_file}",
            file=source.password_file,
            flag=source.opened_by,
        )
        return _opened(text, password, kid, source.key_file)
    if text.startswith("{"):
        return signing_key(_private_jwk(content), kid)
    key = read_private_key(source.key_file, password_file=source.password_file)
    return _signing_key(key, kid)


def _signing_key(key: PrivateKey, kid: str) -> SigningKey:
    return SigningKey(key=key, kid=kid or jwk.thumbprint(jwk.public_members(key.public_key())))


def _opened(encrypted: str, password: Password, kid: str, what: str) -> SigningKey:
    """Decrypt a JWK."""
    try:
        content = jwe.decrypt(encrypted, password)
    except WrongPassword as error:
        raise BadRequest(f"the password does not decrypt {what}") from error
    return signing_key(_private_jwk(content), kid)


def _private_jwk(content: bytes) -> dict[str, Any]:
    """Read a JWK; nothing of it may get into an error."""
    try:
        value = json.loads(content)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise FormatError("the key of the provisioner is not a JWK")
    return value


def _read_ca_json(file: Path) -> _OfflineCa:
    """Read the three things of ca.json that a token is made of. Raises ConfigError."""
    try:
        document = json.loads(read_file(str(file)))
        root, dns_names = document["root"], document["dnsNames"]
        provisioners = document["authority"]["provisioners"]
        first = root[0] if isinstance(root, list) else root
        host = str(dns_names[0])
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise ConfigError(
            "root, dnsNames and authority.provisioners are needed to make a token offline",
            file=str(file),
        ) from error
    if names.classify(host).kind is SanKind.IP and ":" in host:
        host = f"[{host}]"
    return _OfflineCa(url=f"https://{host}", root=str(first), provisioners=list(provisioners))


def one_of_flags(flag: str, unless: str) -> click.UsageError:
    """Say that a flag is needed unless another is given."""
    ctx = click.get_current_context()
    text = f"flag '--{flag}' is required unless the '--{unless}' flag is provided"
    return click.UsageError(text, ctx)
