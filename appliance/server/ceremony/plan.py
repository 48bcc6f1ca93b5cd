"""What a ceremony is to make, and where: without any secret, so that it can be written down."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from appliance.config.creation import KeyPlaces, Wishes
from appliance.formats import keyuri
from appliance.formats.keyuri import KeyUri
from appliance.model.ceremony import Role
from appliance.model.errors import BadRequest
from appliance.model.tokens import KeyKind, TouchPolicy
from appliance.server.ceremony.secrets import password_of

SLOTS: Final = {
    Role.ROOT: "82",
    Role.INTERMEDIATE: "83",
    Role.SSH_HOST: "84",
    Role.SSH_USER: "85",
}
OBJECTS: Final = {
    Role.ROOT: ("7331", "root-ca"),
    Role.INTERMEDIATE: ("7332", "intermediate-ca"),
    Role.SSH_HOST: ("7333", "ssh-host-ca"),
    Role.SSH_USER: ("7334", "ssh-user-ca"),
}
FILES: Final = {
    Role.ROOT: "root_ca_key",
    Role.INTERMEDIATE: "intermediate_ca_key",
    Role.SSH_HOST: "ssh_host_ca_key",
    Role.SSH_USER: "ssh_user_ca_key",
}
SSH: Final = (Role.SSH_HOST, Role.SSH_USER)
_TOKEN: Final = {
    "yubikey": ("serial",),
    "pkcs11": ("module-path", "token", "serial", "slot-id", "max-sessions"),
}
_OPENING: Final = ("pin-value", "pin-source", "management-key", "management-key-source")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A ceremony to be. `homes` are key URIs without secrets, or paths of encrypted files."""

    wishes: Wishes
    homes: dict[Role, str]
    pin_sources: dict[str, str]  # by the tokens' URIs: files with PINs, for ca.json as well
    kind: KeyKind = KeyKind.EC_P256
    root_kind: KeyKind = KeyKind.EC_P256
    root_touch: TouchPolicy = TouchPolicy.DEFAULT
    keep_secrets: bool = False
    shares: tuple[int, int] | None = None  # how many of how many
    shares_to: str = ""  # a directory for pages to print
    links_down: bool = False
    attestation_roots: tuple[bytes, ...] = ()  # DER; none: Yubico's
    rehearse: bool = True

    @property
    def roles(self) -> tuple[Role, ...]:
        """The keys to make."""
        return tuple(role for role in Role if role in self.homes)

    @property
    def tokens(self) -> tuple[KeyUri, ...]:
        """The tokens to use, each once; that of the root first."""
        found = (token_of(uri) for role in self.roles if (uri := self.uri(role)) is not None)
        return tuple(dict.fromkeys(found))

    def uri(self, role: Role) -> KeyUri | None:
        """Give a key's URI; None for a file."""
        return _uri(self.homes[role])

    def opened_by(self, role: Role) -> str:
        """Name the password of a key in a file: that of the root, or of all in the box."""
        file = Path(self.homes[role])
        return password_of(str(file) if role is Role.ROOT else f"the keys in {file.parent}")

    @property
    def phrases(self) -> dict[str, tuple[Path, ...]]:
        """Name the passwords, each with the files that it opens; the provisioner's opens none."""
        found: dict[str, tuple[Path, ...]] = {}
        for role in self.roles:
            if self.uri(role) is None:
                name = self.opened_by(role)
                found[name] = (*found.get(name, ()), Path(self.homes[role]))
        return found | {self.provisioner: ()}

    @property
    def provisioner(self) -> str:
        """Name the password of the first provisioner."""
        return password_of(f"the provisioner {self.wishes.provisioner}")

    def with_serial(self, token: KeyUri, serial: str) -> "Plan":
        """Say which YubiKey it is that was plugged in."""
        homes = dict(self.homes)
        for role in self.roles:
            uri = self.uri(role)
            if uri is not None and token_of(uri) == token:
                added = (*uri.attributes, ("serial", serial))
                homes[role] = str(replace(uri, attributes=added))
        named = str(KeyUri(scheme="yubikey", attributes=(("serial", serial),)))
        sources = {named if at == str(token) else at: file for at, file in self.pin_sources.items()}
        return replace(self, homes=homes, pin_sources=sources)


def key_places(
    homes: Mapping[Role, str], opening: Mapping[str, tuple[tuple[str, str], ...]]
) -> KeyPlaces:
    """Say how ca.json names keys: those on the token of `kms`, on another one, or in files.

    `opening` is what opens tokens, by their URIs: the names of files, never what is in them.
    """
    uris = {role: _uri(at) for role, at in homes.items()}
    main = uris[Role.INTERMEDIATE]

    def opened(uri: KeyUri) -> str:
        query = opening.get(str(token_of(uri)), ())
        return str(replace(uri, query=query))

    def named(role: Role) -> str:
        uri = uris[role]
        if uri is None:
            return homes[role]
        if main is not None and token_of(uri) == token_of(main):
            return str(key_of(uri))
        parts = (*token_of(uri).attributes, *key_of(uri).attributes)
        return opened(KeyUri(scheme=uri.scheme, attributes=parts))

    kms = {"type": main.scheme, "uri": opened(token_of(main))} if main is not None else {}
    return KeyPlaces(uris={FILES[role]: named(role) for role in homes}, kms=kms)


def token_of(uri: KeyUri) -> KeyUri:
    """Give the part of a key's URI that names its token."""
    names = _TOKEN[uri.scheme]
    kept = tuple((name, uri.get(name)) for name in names if name in uri)
    return KeyUri(scheme=uri.scheme, attributes=kept)


def key_of(uri: KeyUri) -> KeyUri:
    """Give the part of a key's URI that names the key on its token."""
    return uri.without(*_TOKEN[uri.scheme], *_OPENING)


def _uri(home: str) -> KeyUri | None:
    return keyuri.parse(home) if keyuri.scheme_of(home) in _TOKEN else None


def token_name(token: KeyUri) -> str:
    """Name a token for people."""
    if token.scheme == "yubikey":
        return f"YubiKey {token.get('serial')}".rstrip()
    return f"token {token.get('token') or token.get('serial') or token.get('slot-id')}"


def home(written: str, role: Role, usual: Path) -> str:
    """Read where a key is to live: a token, a key on it, a directory, or the root's file.

    "" is a file at the usual place. Raises BadRequest.
    """
    scheme = keyuri.scheme_of(written)
    if not scheme:
        path = Path(written) if written else usual
        is_file = role is Role.ROOT and not path.is_dir()
        return str((path if is_file else path / FILES[role]).absolute())
    if scheme not in _TOKEN:
        raise BadRequest(f"keys can live at yubikey: or pkcs11: URIs, or in a file; not {scheme}:")
    uri = keyuri.parse(written).without("pin-value", "pin-source", "management-key")
    added: tuple[tuple[str, str], ...]
    if scheme == "yubikey":
        added = () if "slot-id" in uri else (("slot-id", SLOTS[role]),)
    else:
        identifier, label = OBJECTS[role]
        named = "id" in uri or "object" in uri
        added = () if named else (("id", identifier), ("object", label))
    return str(replace(uri, attributes=(*uri.attributes, *added), query=uri.query))


def check(homes: Mapping[Role, str]) -> None:
    """Refuse two keys in one place. Raises BadRequest."""
    seen: dict[str, Role] = {}
    for role, at in homes.items():
        if at in seen:
            raise BadRequest(
                f"the keys of {seen[at]} and {role} cannot both be at {at}: name tokens only, or a "
                "place for each"
            )
        seen[at] = role
