"""The way back: what an interrupted ceremony made is removed, as far as the tokens can."""

from pathlib import Path

from appliance.formats.keyuri import KeyUri
from appliance.keys.opening import token_credentials
from appliance.model.ceremony import Role, Step
from appliance.model.errors import HearthError
from appliance.server.ceremony import papers
from appliance.server.ceremony.journal import Before
from appliance.server.ceremony.places import TokenHome
from appliance.server.ceremony.plan import key_of, token_of
from appliance.server.ceremony.scene import Scene, at_work


async def roll_back(scene: Scene) -> list[str]:
    """Remove what was made; give what could not be removed, in words for a person.

    A YubiKey that was as from the factory is so again: by then nobody may know what opens it.
    """
    left: list[str] = []
    new = [token for token in scene.plan.tokens if _is_new(scene, token)]
    for token in new:
        left += await _reset(scene, token)
    async with at_work(scene):
        for role in scene.plan.roles if Step.TOKENS in scene.record.done else ():
            uri = scene.plan.uri(role)
            if uri is None:
                left += _remove_files(scene.files_of(role))
            elif token_of(uri) not in new:
                left += await _remove(scene, role, uri)
    directory = scene.journal.directory
    written = [directory / name for name in (papers.TEXT, papers.PAGE)]
    left += _remove_files([*map(Path, scene.record.files), *written])
    scene.journal.forget()
    return left


def _is_new(scene: Scene, token: KeyUri) -> bool:
    """Say whether it came from the factory, and was changed."""
    before = scene.record.before.get(str(token))
    return before is not None and before.is_new and before.name in scene.record.shown


async def _reset(scene: Scene, token: KeyUri) -> list[str]:
    before: Before = scene.record.before[str(token)]
    ours = {
        uri.get("slot-id").lower()
        for role in scene.plan.roles
        if (uri := scene.plan.uri(role)) is not None and token_of(uri) == token
    }
    try:
        credentials = token_credentials(token)
        others = set((await credentials.look()).keys) - ours
        if others:
            return [f"{before.name} has keys of others ({', '.join(sorted(others))}): not reset"]
        await credentials.reset()
    except HearthError as error:
        return [f"{before.name}: {error.public}"]
    await scene.person.tell(f"{before.name} is as it left the factory")
    return []


async def _remove(scene: Scene, role: Role, uri: KeyUri) -> list[str]:
    if Step.SECRETS not in scene.record.done:
        return []  # no key was made yet
    try:
        await TokenHome(await scene.token(token_of(uri)), key_of(uri)).remove()
    except HearthError as error:
        return [f"{role} key at {scene.plan.homes[role]}: {error.public}"]
    return []


def _remove_files(files: tuple[Path, ...] | list[Path]) -> list[str]:
    left = []
    for file in files:
        try:
            file.unlink(missing_ok=True)
        except OSError as error:
            left.append(f"{file}: {error.strerror}")
    return left
