"""The first steps: a quiet machine, tokens that are free, and secrets that only one person has."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from appliance.formats.keyuri import KeyUri
from appliance.keys.opening import token_credentials
from appliance.model.ceremony import Role
from appliance.model.errors import BadRequest, Unavailable
from appliance.model.secret import Password
from appliance.ports.credentials import Credential, TokenSeen
from appliance.ports.keys import TokenUnavailable
from appliance.server.ceremony import links, secrets
from appliance.server.ceremony.journal import Before
from appliance.server.ceremony.plan import token_name, token_of
from appliance.server.ceremony.scene import Scene
from appliance.server.ceremony.secrets import named

_PHRASE: Final = 16  # octets
_WARNING: Final = (
    "Write these down, on paper that you lock away. They are shown once, and nowhere kept."
)


async def network(scene: Scene) -> None:
    """See that the clock is right, and that no link is up where none may be."""
    await links_down(scene)
    time = scene.now().strftime("%Y-%m-%d %H:%M UTC")
    if not await scene.person.agree(f"It is {time}. Is that right"):
        raise BadRequest(
            "set the clock first (date -u -s 'YYYY-MM-DD HH:MM'), then go on: certificates begin "
            "to be valid when they are made"
        )


async def links_down(scene: Scene) -> None:
    """Wait until no link is up, where that was asked for. Raises Unavailable with nobody there."""
    while scene.plan.links_down and (up := links.up(scene.links)):
        try:
            await scene.person.wait_until(f"The network is up: {', '.join(up)}. Take it down")
        except BadRequest as error:
            raise Unavailable(f"the network is up: {', '.join(up)}") from error


async def tokens(scene: Scene) -> None:
    """Look at each token, and refuse places that have a key or a certificate already."""
    for token in scene.plan.tokens:
        if token.scheme == "yubikey":
            await _look(scene, token)
        else:
            name = token_name(token)
            scene.record.before[str(token)] = Before(name=name)
            await scene.person.tell(f"{name}, by its PKCS#11 module")
            await scene.token(token)
    for role in scene.plan.roles:
        uri = scene.plan.uri(role)
        if uri is None:
            _check_file(scene, role)
        elif uri.scheme == "pkcs11" and await (await scene.home(role)).find() is not None:
            raise _taken(role, scene.plan.homes[role])


async def _look(scene: Scene, token: KeyUri) -> None:
    seen = await _seen(scene, token)
    name = f"YubiKey {seen.serial}"
    if not token.get("serial"):
        if not await scene.person.agree(f"{name} is plugged in. Use it"):
            raise BadRequest("name the YubiKey that is meant by its serial number: yubikey:serial=")
        scene.record.plan = scene.plan.with_serial(token, seen.serial)
        for each in Credential:
            scene.rename(named(each, token_name(token)), named(each, name))
        token = KeyUri(scheme="yubikey", attributes=(("serial", seen.serial),))
    for role in scene.plan.roles:
        uri = scene.plan.uri(role)
        if uri is not None and token_of(uri) == token and uri.get("slot-id").lower() in seen.keys:
            raise _taken(role, f"slot {uri.get('slot-id')} of {name}")
    factory = [str(each) for each in seen.factory]
    scene.record.before[str(token)] = Before(
        name=name,
        serial=seen.serial,
        firmware=seen.firmware,
        factory=factory,
        keys=list(seen.keys),
    )
    await scene.person.tell(
        f"{name}, firmware {seen.firmware}; from the factory: {', '.join(factory) or 'nothing'}"
    )
    if scene.plan.keep_secrets and factory:
        raise BadRequest(
            f"{name} still has the factory's {', '.join(factory)}, which everybody knows: leave "
            "--keep-pins out, and they are changed"
        )


def _check_file(scene: Scene, role: Role) -> None:
    file = Path(scene.plan.homes[role])
    if file.exists():
        raise _taken(role, str(file))
    if role is Role.ROOT and not file.parent.is_dir():
        raise BadRequest(f"{file.parent} is no directory: is the medium for the root there?")


def _taken(role: Role, place: str) -> BadRequest:
    return BadRequest(
        f"there is a key already where that of the {role} is to be made: {place}. Name another "
        "place, or remove it"
    )


async def change(scene: Scene) -> None:
    """Replace the factory's secrets by new ones that a person holds on paper; make passwords.

    They are on paper before the token hears of them, so that an interruption locks nobody out.
    """
    for token in scene.plan.tokens:
        if token.scheme == "yubikey" and not scene.plan.keep_secrets:
            await _change(scene, token)
    await phrases(scene, scene.plan.phrases)


async def phrases(scene: Scene, names: Iterable[str]) -> None:
    """Make those passwords of which nothing was made yet, and that are not known."""
    files = scene.plan.phrases
    missing = [
        name
        for name in names
        if scene.secrets.get(name) is None and not any(file.exists() for file in files[name])
    ]
    made = {name: secrets.passphrase(scene.octets(_PHRASE)) for name in missing}
    await _hand_over(scene, "the passwords", made, read=scene.phrase)


async def _change(scene: Scene, token: KeyUri) -> None:
    seen = await _seen(scene, token)
    name = scene.name_of(token)
    wanted = [each for each in Credential if each in seen.factory]
    new = {
        named(each, name): secrets.made(each, scene.octets, seen.management_key_octets)
        for each in wanted
    }
    if not new:
        return
    await _hand_over(scene, name, new)
    for each in wanted:
        text = named(each, name)
        await token_credentials(token).replace(each, Password(new[text].encode()))
        scene.record.changed.append(text)
        scene.save()
    await scene.person.tell(f"{name}: {', '.join(wanted)} changed")


async def _hand_over(
    scene: Scene,
    what: str,
    made: dict[str, str],
    *,
    read: Callable[[Password], Password] = lambda typed: typed,
) -> None:
    """Show new secrets once, and have each typed from where it was written down."""
    if not made:
        return
    if what in scene.record.shown:
        await scene.person.tell(
            f"Strike out what you wrote down for {what} and has not been taken: it was interrupted."
        )
    scene.record.shown.append(what)
    scene.save()
    await scene.person.show_once(f"{what[0].upper()}{what[1:]}. {_WARNING}", made)
    for name, text in made.items():
        while read(await scene.person.retype(name)).reveal().decode("utf-8", "replace") != text:
            if await scene.person.agree(f"That is not the {name}. Show it again"):
                await scene.person.show_once(_WARNING, {name: text})
    for name, text in made.items():
        scene.secrets.learn(name, Password(text.encode()))


async def _seen(scene: Scene, token: KeyUri) -> TokenSeen:
    while True:
        try:
            return await token_credentials(token).look()
        except TokenUnavailable as error:
            await scene.person.wait_until(f"{token_name(token)}: {error.public}. Plug it in")
