"""`hearth ca init --kms`: the keys of a new authority are made on a token.

    --kms yubikey            slots 82 (root), 83 (intermediate), 84 and 85 (SSH hosts and users)
    --kms pkcs11:…;token=ca  ids 7331 to 7334, unless --kms-root and its like say otherwise

Nothing is made unless all places are free: what is on a token is never overwritten here.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeVar

import click

from appliance.cli.prompts import say, selected
from appliance.cli.token_keys import token_key
from appliance.cli.token_places import Place, place
from appliance.cli.token_thread import use_token
from appliance.config.creation import Authority, TokenKeys
from appliance.config.key_schemes import ELSEWHERE, SCHEMES, refusal
from appliance.formats import keyuri
from appliance.formats.keyuri import SECRETS, KeyUri
from appliance.model.errors import BadRequest, HearthError, NotFound, NotSupported
from appliance.model.tokens import KeyKind, KeyPolicies, PinPolicy
from appliance.ports.keys import KeyManager

_ROOT, _INTERMEDIATE = "root_ca_key", "intermediate_ca_key"
_NAMES: Final = {
    _ROOT: "kms_root",
    _INTERMEDIATE: "kms_intermediate",
    "ssh_host_ca_key": "kms_ssh_host",
    "ssh_user_ca_key": "kms_ssh_user",
}
_USUAL: Final[Mapping[str, Mapping[str, str]]] = {
    "pkcs11": {
        _ROOT: "pkcs11:id=7331;object=root-ca",
        _INTERMEDIATE: "pkcs11:id=7332;object=intermediate-ca",
        "ssh_host_ca_key": "pkcs11:id=7333;object=ssh-host-ca",
        "ssh_user_ca_key": "pkcs11:id=7334;object=ssh-user-ca",
    },
    "yubikey": {
        _ROOT: "yubikey:slot-id=82",
        _INTERMEDIATE: "yubikey:slot-id=83",
        "ssh_host_ca_key": "yubikey:slot-id=84",
        "ssh_user_ca_key": "yubikey:slot-id=85",
    },
}
# A CA signs unattended: a PIN for each signature would only be given by itself.
_POLICIES: Final = KeyPolicies(pin=PinPolicy.ONCE)

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class KmsFlags:
    """The flags as given; `kms` "" means that keys are in files."""

    kms: str
    uris: Mapping[str, str]  # by file name, where given


def kms_flags(function: F) -> F:
    """Add them."""
    for name, what in (
        ("kms-ssh-user", "key that signs users' SSH certificates"),
        ("kms-ssh-host", "key that signs hosts' SSH certificates"),
        ("kms-intermediate", "intermediate's key"),
        ("kms-root", "root's key"),
    ):
        function = click.option(f"--{name}", metavar="<uri>", help=f"The place of the {what}.")(
            function
        )
    return click.option(
        "--kms",
        metavar="<uri>",
        help="Make the keys on this token: yubikey, or pkcs11:module-path=…;token=….",
    )(function)


def taken(given: dict[str, Any]) -> KmsFlags:
    """Take these flags out of all flags. Raises BadRequest, NotSupported."""
    kms = given.pop("kms") or ""
    uris = {file: given.pop(name) for file, name in _NAMES.items()}
    found = KmsFlags(kms=kms, uris={file: uri for file, uri in uris.items() if uri})
    if not kms:
        if found.uris:
            flag = _NAMES[next(iter(found.uris))].replace("_", "-")
            raise BadRequest(f"flag '--{flag}' requires the '--kms' flag")
        return found
    scheme = _scheme(kms)
    if scheme in ELSEWHERE:
        raise NotSupported(refusal(scheme))
    if scheme not in SCHEMES:
        raise BadRequest(f"invalid value '{scheme}' for flag '--kms': {', '.join(SCHEMES)}")
    return found


def make_keys(flags: KmsFlags, *, root: bool, ssh: bool) -> TokenKeys | None:
    """Make the keys, that of the root where it is wanted; None where keys are in files.

    Raises BadRequest when a key is there already, and what tokens raise.
    """
    if not flags.kms:
        return None
    places = dict(_places(flags, root=root, ssh=ssh))
    for where in places.values():
        use_token(where, partial(_is_free, where))
    for where in places.values():
        use_token(where, partial(_make, where))
    say("Generating keys on the token... done!")
    intermediate = places[_INTERMEDIATE]
    return TokenKeys(
        kms={"type": intermediate.token.scheme, "uri": _written(flags, intermediate)},
        uris={file: _named(where, intermediate) for file, where in places.items()},
        keys={file: token_key(where) for file, where in places.items()},
    )


def keep_certificates(flags: KmsFlags, made: Authority) -> None:
    """Store the certificates beside their keys; the authority does not need them there."""
    certificates = {_ROOT: made.root, _INTERMEDIATE: made.intermediate}
    places = dict(_places(flags, root=made.tokens is not None and _ROOT in made.tokens.uris))
    for file, where in places.items():
        try:
            use_token(where, partial(_keep, where, certificates[file]))
        except HearthError as error:
            say(f"The certificate was not stored on the token: {error}")


def is_shown(name: str, made: Authority, *, brought: bool) -> bool:
    """Say whether it was written: keys that were brought, or made on a token, were not."""
    if "private key" not in name:
        return True
    return made.tokens is None and not (brought and name == "Root private key")


def tell(made: Authority) -> None:
    """Show where the keys are, and what the authority needs to open them."""
    if made.tokens is None:
        return
    titles = (
        (_ROOT, "Root private key"),
        (_INTERMEDIATE, "Intermediate private key"),
        ("ssh_user_ca_key", "SSH user private key"),
        ("ssh_host_ca_key", "SSH host private key"),
    )
    for file, title in titles:
        if file in made.tokens.uris:
            selected(title, made.tokens.uris[file])
    if "pin-source" not in made.tokens.kms["uri"]:
        say(
            "The PIN is not in ca.json: the CA asks for it at start, or gets it by `hearth token "
            "unlock`; name a file with '?pin-source=FILE' in `kms.uri` to have it opened by itself."
        )


def _places(flags: KmsFlags, *, root: bool, ssh: bool = False) -> Iterator[tuple[str, Place]]:
    scheme = _scheme(flags.kms)
    for file, usual in _USUAL[scheme].items():
        if (file == _ROOT and not root) or (file.startswith("ssh") and not ssh):
            continue
        yield file, place(flags.uris.get(file, usual), flags.kms)


async def _is_free(where: Place, manager: KeyManager) -> None:
    try:
        await manager.open_signer(where.key)
    except NotFound:
        return
    raise BadRequest(
        f"there is a key already at '{where.key}' on the token {manager.status.name}: nothing was "
        "made. Choose other places with --kms-root, --kms-intermediate, --kms-ssh-host and "
        "--kms-ssh-user, or destroy it with 'kms delete'"
    )


async def _make(where: Place, manager: KeyManager) -> None:
    on_card = where.token.scheme == "yubikey"
    await manager.create_key(where.key, KeyKind.EC_P256, _POLICIES if on_card else KeyPolicies())


async def _keep(where: Place, certificate: bytes, manager: KeyManager) -> None:
    await manager.store_certificate(where.key, certificate)


def _written(flags: KmsFlags, intermediate: Place) -> str:
    """Give `kms.uri` for ca.json: what opens the token only where it is the name of a file."""
    given = keyuri.parse(flags.kms if ":" in flags.kms else f"{flags.kms}:")
    sources = [(name, given.get(name)) for name in ("pin-source", "management-key-source")]
    return str(
        KeyUri(
            scheme=given.scheme,
            attributes=intermediate.token.attributes,
            query=tuple((name, value) for name, value in sources if value),
        )
    )


def _named(where: Place, intermediate: Place) -> str:
    """Name a key for ca.json; with its token where that is another one."""
    if where.token == intermediate.token:
        return str(where.key)
    both = (*where.token.attributes, *where.key.without(*SECRETS).attributes)
    return str(KeyUri(scheme=where.key.scheme, attributes=both))


def _scheme(kms: str) -> str:
    return kms.partition(":")[0].lower()
