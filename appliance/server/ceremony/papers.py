"""What a ceremony writes: the configuration, the recovery sheet, and shares of its secrets."""

from dataclasses import replace
from pathlib import Path
from typing import Final

from appliance.config import creation, placing
from appliance.formats import jwe, keyfile
from appliance.model.ceremony import Role
from appliance.server.ceremony import opening, shares, sheet
from appliance.server.ceremony.journal import write_whole
from appliance.server.ceremony.plan import FILES, key_of, key_places, token_of
from appliance.server.ceremony.scene import Scene
from appliance.server.ceremony.sheet import Place, Sheet

TEXT: Final = "recovery.txt"
PAGE: Final = "recovery.html"


# ---- configuration


async def configuration(scene: Scene) -> None:
    """Write ca.json and what goes with it: all of it or nothing."""
    wishes, made = scene.plan.wishes, scene.record.certificates
    await opening.phrases(scene, [scene.plan.provisioner])
    password = await scene.need(scene.plan.provisioner)
    keys = {FILES[role]: keyfile.public_key_of_der(der) for role, der in scene.record.keys.items()}
    pair = made[Role.ROOT], made[Role.INTERMEDIATE]
    sources = {at: (("pin-source", file),) for at, file in scene.plan.pin_sources.items() if file}
    authority = replace(
        creation.assembled(wishes, pair, keys, password, scene.octets),
        places=key_places(scene.plan.homes, sources),
    )
    files = creation.files(authority, scene.location)
    scene.record.files += [str(file.path) for file in files if not file.path.exists()]
    scene.save()
    placing.place(files, creation.directories(authority, scene.location))


# ---- the sheet


async def write_sheet(scene: Scene) -> None:
    """Write the sheet; and shares, if they were asked for, which only people keep."""
    envelope, split = "", list[str]()
    if scene.plan.shares is not None:
        await _gather(scene)
        key = scene.octets(shares.KEY)
        envelope = shares.seal(scene.secrets.revealed(), key, scene.octets(jwe.ENTROPY))
        split = shares.split(key, *scene.plan.shares)
    written = sheet_of(scene, envelope)
    directory = scene.journal.directory
    write_whole(directory / TEXT, sheet.as_text(written).encode())
    write_whole(directory / PAGE, sheet.as_page(written).encode())
    await scene.person.tell(f"The recovery sheet: {directory / TEXT} and {directory / PAGE}")
    if "shares" in scene.record.shown:
        await scene.person.tell("Shares that you have of this ceremony are void: destroy them.")
    if split:
        scene.record.shown.append("shares")
        scene.save()
    for number, words in enumerate(split, 1):
        await _hand_out(scene, written, number, words)


async def _hand_out(scene: Scene, written: Sheet, number: int, words: str) -> None:
    title = f"Share {number} of {(scene.plan.shares or (0, 0))[1]}"
    if scene.plan.shares_to:
        page = Path(scene.plan.shares_to) / f"share-{number}.html"
        write_whole(page, sheet.share_page(written, number, words).encode())
        await scene.person.tell(f"{title}: {page}: print it, and destroy the file")
    else:
        text = f"{title}. Write it down for the one who keeps it; it is shown once."
        await scene.person.show_once(text, {"": sheet.numbered(words)})


def sheet_of(scene: Scene, envelope: str = "") -> Sheet:
    """Say what is where."""
    record = scene.record
    return Sheet(
        name=scene.plan.wishes.name,
        made=scene.now(),
        url=scene.plan.wishes.ca_url or creation.url(scene.plan.wishes),
        fingerprint=creation.fingerprint(record.certificates[Role.ROOT]),
        root=record.certificates[Role.ROOT],
        places=[
            Place(role=role, where=_where(scene, role), opened_by=scene.opened_by(role))
            for role in scene.plan.roles
        ],
        notes=record.notes,
        envelope=envelope,
        shares=scene.plan.shares,
    )


def _where(scene: Scene, role: Role) -> str:
    uri = scene.plan.uri(role)
    if uri is None:
        return f"file {scene.plan.homes[role]}"
    token = scene.name_of(token_of(uri))
    before = scene.record.before.get(str(token_of(uri)))
    firmware = f" (firmware {before.firmware})" if before and before.firmware else ""
    place = f"slot {uri.get('slot-id')}" if uri.scheme == "yubikey" else str(key_of(uri))
    return f"{token}{firmware}, {place}"


async def _gather(scene: Scene) -> None:
    """Have all secrets at hand, those that an interruption took typed again and verified."""
    for role in scene.plan.roles:
        name = scene.opened_by(role)
        uri = scene.plan.uri(role)
        if uri is None:
            await scene.signer(role)
        elif scene.secrets.get(name) is None:
            await scene.unlock(await scene.token(token_of(uri)), name)
    for name in [*scene.record.changed, scene.plan.provisioner]:
        await scene.need(name, is_phrase=name == scene.plan.provisioner, twice=True)
