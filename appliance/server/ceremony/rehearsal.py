"""The proof that the papers are enough: every key is opened from them alone, as after a loss."""

from appliance.config import creation
from appliance.formats import pem
from appliance.model.ceremony import Role
from appliance.model.errors import BadRequest, Broken
from appliance.model.secret import Password
from appliance.server.ceremony import making, shares, sheet
from appliance.server.ceremony.papers import TEXT
from appliance.server.ceremony.person import Person
from appliance.server.ceremony.plan import token_of
from appliance.server.ceremony.scene import Scene

_LEFT_OUT = "the restore was not rehearsed"


async def rehearse(scene: Scene) -> None:
    """Forget what opens the keys, and get it back from paper; sign with each; compare the sheet.

    What was given by files is not on paper, and is not asked for.
    """
    if not scene.plan.rehearse:
        scene.record.notes.append(_LEFT_OUT)
        await scene.person.tell("Left out. Try soon whether your papers open the keys.")
        return
    text = (scene.journal.directory / TEXT).read_text()
    _compare(scene, text)
    names = dict.fromkeys(scene.opened_by(role) for role in scene.plan.roles)
    for name in names:
        scene.forget(name)
    if scene.plan.shares is not None:
        await scene.person.tell("Fetch the shares, as if all else were lost.")
        for name, secret in (await opened(scene.person, sheet.envelope_in(text))).items():
            scene.secrets.learn(name, Password(secret.encode()))
    for token in scene.plan.tokens:
        pin = next(
            scene.opened_by(role)
            for role in scene.plan.roles
            if (uri := scene.plan.uri(role)) is not None and token_of(uri) == token
        )
        await scene.unlock(await scene.token(token), pin)
    await making.check(scene)
    await scene.person.tell("Rehearsed: what is on paper opens every key")


async def opened(person: Person, envelope: str) -> dict[str, str]:
    """Have shares typed until there are enough, and open an envelope with them."""
    while True:
        given = await _dictated(person)
        try:
            return shares.unseal(envelope, shares.join(given))
        except BadRequest as error:
            await person.tell(f"{error.public}; once more, from the first.")


async def _dictated(person: Person) -> list[str]:
    given: list[str] = []
    wanted = 1
    while len(given) < wanted:
        words = " ".join((await person.dictate(f"Words of share {len(given) + 1}")).lower().split())
        try:
            wanted = shares.needed(words)
        except BadRequest as error:
            await person.tell(f"{error.public}; once more.")
            continue
        if words in given:
            await person.tell("This share was given already; another one is needed.")
            continue
        given.append(words)
    return given


def _compare(scene: Scene, text: str) -> None:
    """See that the papers are of this CA. Raises Broken."""
    root = scene.record.certificates[Role.ROOT]
    fingerprint = sheet.grouped(creation.fingerprint(root))
    if any(part not in text for part in (fingerprint[:39], fingerprint[40:])):
        raise Broken("the recovery sheet has another fingerprint than the root")
    if pem.certificates(text.encode()) != [root]:
        raise Broken("the recovery sheet has another certificate than the root's")
    file = scene.location.certs / "root_ca.crt"
    if pem.certificates(file.read_bytes())[0] != root:
        raise Broken(f"{file} is not the root that was made")
