"""`hearth ca init --kms`: the keys of a new authority are made on a token.

    --kms yubikey            slots 82 (root), 83 (intermediate), 84 and 85 (SSH hosts and users)
    --kms pkcs11:…;token=ca  ids 7331 to 7334, unless --kms-root and its like say otherwise

Nothing is made unless all places are free: what is on a token is never overwritten here.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from appliance.cli.prompts import say, selected
from appliance.cli.token_keys import token_key
from appliance.cli.token_places import Place, place
from appliance.cli.token_thread import use_token
from appliance.config.creation import Authority, HeldKeys
from appliance.config.key_schemes import ELSEWHERE, SCHEMES, refusal
from appliance.formats import keyuri
from appliance.formats.keyuri import SECRETS, KeyUri
from appliance.model.ceremony import Role
from appliance.model.errors import BadRequest, HearthError, NotFound, NotSupported
from appliance.model.tokens import KeyKind, KeyPolicies, PinPolicy
from appliance.ports.keys import KeyManager
from appliance.server.ceremony import plan

_NAMES: Final = {
    Role.ROOT: "kms_root",
    Role.INTERMEDIATE: "kms_intermediate",
    Role.SSH_HOST: "kms_ssh_host",
    Role.SSH_USER: "kms_ssh_user",
}
# A CA signs unattended: a PIN for each signature would only be given by itself.
_POLICIES: Final = KeyPolicies(pin=PinPolicy.ONCE)

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class KmsFlags:
    """The flags as given; `kms` "" means that keys are in files."""

    kms: str
    uris: Mapping[Role, str]  # where given


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
    uris = {role: given.pop(name) for role, name in _NAMES.items()}
    found = KmsFlags(kms=kms, uris={role: uri for role, uri in uris.items() if uri})
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


def make_keys(flags: KmsFlags, *, root: bool, ssh: bool) -> HeldKeys:
    """Make the keys, that of the root where it is wanted; none where keys are in files.

    Raises BadRequest when a key is there already, and what tokens raise.
    """
    if not flags.kms:
        return HeldKeys()
    places = dict(_places(flags, root=root, ssh=ssh))
    for where in places.values():
        use_token(where, partial(_is_free, where))
    for where in places.values():
        use_token(where, partial(_make, where))
    say("Generating keys on the token... done!")
    homes = {role: _home(where) for role, where in places.items()}
    opening = {str(places[Role.INTERMEDIATE].token): _sources(flags)}
    return HeldKeys(
        places=plan.key_places(homes, opening),
        keys={plan.FILES[role]: token_key(where) for role, where in places.items()},
    )


def keep_certificates(flags: KmsFlags, made: Authority) -> None:
    """Store the certificates beside their keys; the authority does not need them there."""
    if not flags.kms:
        return
    certificates = {Role.ROOT: made.root, Role.INTERMEDIATE: made.intermediate}
    root = plan.FILES[Role.ROOT] in made.places.uris
    for role, where in _places(flags, root=root):
        try:
            use_token(where, partial(_keep, where, certificates[role]))
        except HearthError as error:
            say(f"The certificate was not stored on the token: {error}")


def is_shown(name: str, made: Authority, *, brought: bool) -> bool:
    """Say whether it was written: keys that were brought, or made on a token, were not."""
    if "private key" not in name:
        return True
    return not made.places.kms and not (brought and name == "Root private key")


def tell(made: Authority) -> None:
    """Show where the keys are, and what the authority needs to open them."""
    if not made.places.kms:
        return
    titles = (
        (Role.ROOT, "Root private key"),
        (Role.INTERMEDIATE, "Intermediate private key"),
        (Role.SSH_USER, "SSH user private key"),
        (Role.SSH_HOST, "SSH host private key"),
    )
    for role, title in titles:
        if (at := made.places.uris.get(plan.FILES[role])) is not None:
            selected(title, at)
    if "pin-source" not in made.places.kms["uri"]:
        say(
            "The PIN is not in ca.json: the CA asks for it at start, or gets it by `hearth token "
            "unlock`; name a file with '?pin-source=FILE' in `kms.uri` to have it opened by itself."
        )


def _places(flags: KmsFlags, *, root: bool, ssh: bool = False) -> Iterator[tuple[Role, Place]]:
    scheme = _scheme(flags.kms)
    for role in Role:
        if (role is Role.ROOT and not root) or (role in plan.SSH and not ssh):
            continue
        usual = plan.home(f"{scheme}:", role, Path())
        yield role, place(flags.uris.get(role, usual), flags.kms)


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


def _home(where: Place) -> str:
    """Write both parts as one URI, without what opens the token."""
    key = where.key.without(*SECRETS)
    attributes = (*where.token.attributes, *key.attributes)
    return str(KeyUri(scheme=key.scheme, attributes=attributes))


def _sources(flags: KmsFlags) -> tuple[tuple[str, str], ...]:
    """Give what opens the token only where it is the name of a file, for ca.json."""
    given = keyuri.parse(flags.kms if ":" in flags.kms else f"{flags.kms}:")
    names = ("pin-source", "management-key-source")
    return tuple((name, value) for name in names if (value := given.get(name)))


def _scheme(kms: str) -> str:
    return kms.partition(":")[0].lower()
