"""The middle steps: keys where they are to stay, vouched for, certified, and tried."""

from datetime import datetime
from typing import Final

from appliance.config import hierarchy
from appliance.config.hierarchy import Occasion
from appliance.formats import keyfile
from appliance.issuance import paths, yubikey_attestation
from appliance.issuance.algorithms import is_signed, natural_algorithm
from appliance.issuance.certificates import Prepared
from appliance.model.ceremony import Role
from appliance.model.errors import BadRequest, Broken, FormatError, NotSupported, Unauthorized
from appliance.model.tokens import KeyPolicies, PinPolicy, TouchPolicy
from appliance.server.ceremony import opening
from appliance.server.ceremony.places import encoded
from appliance.server.ceremony.scene import Scene

CERTIFIED: Final = (Role.ROOT, Role.INTERMEDIATE)


async def keys(scene: Scene) -> None:
    """Make each key; one that an interrupted step has made already is taken as it is."""
    await opening.phrases(scene, [name for name in scene.plan.phrases if _opens_files(scene, name)])
    for role in scene.plan.roles:
        if role in scene.record.keys:
            await scene.signer(role)
            continue
        if await scene.find(role) is None:
            kind = scene.plan.root_kind if role is Role.ROOT else scene.plan.kind
            await (await scene.home(role)).make(kind, _policies(scene, role))
        signer = await scene.find(role)
        if signer is None:
            raise Broken(f"the {role} key cannot be found after it was made")
        scene.record.keys[role] = encoded(signer.public_key)
        scene.save()
        await scene.person.tell(f"{role} key made at {scene.plan.homes[role]}")


def _policies(scene: Scene, role: Role) -> KeyPolicies:
    """A CA signs unattended: a PIN for each signature would only be given by itself."""
    uri = scene.plan.uri(role)
    if uri is None or uri.scheme != "yubikey":
        return KeyPolicies()
    touch = scene.plan.root_touch if role is Role.ROOT else TouchPolicy.DEFAULT
    return KeyPolicies(pin=PinPolicy.ONCE, touch=touch)


def _opens_files(scene: Scene, name: str) -> bool:
    return bool(scene.plan.phrases[name])


async def attestation(scene: Scene) -> None:
    """Keep what the devices say of their keys, checked up to the maker's root."""
    for role in scene.plan.roles:
        try:
            chain = list(await (await scene.home(role)).vouch())
        except NotSupported as error:
            scene.record.notes.append(f"{role}: not attested: {error.public}")
            await scene.person.tell(scene.record.notes[-1])
            continue
        await _check_chain(scene, role, chain)
        scene.record.attestations[role] = chain


async def _check_chain(scene: Scene, role: Role, chain: list[bytes]) -> None:
    key = keyfile.public_key_of_der(scene.record.keys[role])
    roots = scene.plan.attestation_roots or yubikey_attestation.YUBICO
    try:
        found = yubikey_attestation.checked(chain, key, now=scene.now(), roots=roots)
    except Unauthorized as error:
        problem = f"{role}: what vouches for the key does not come from its maker: {error.public}"
        await scene.person.tell(problem)
        if not await scene.person.agree("This may be no genuine YubiKey. Go on all the same"):
            raise BadRequest(problem) from error
        scene.record.notes.append(problem)
        return
    uri = scene.plan.uri(role)
    if uri is not None and found.serial not in ("", uri.get("serial")):
        raise Broken(f"{role}: attested by another YubiKey, {found.serial}")
    pin, touch = found.policies.pin or "default", found.policies.touch or "default"
    note = f"{role}: made in YubiKey {found.serial}, attested (PIN {pin}, touch {touch})"
    scene.record.notes.append(note)
    await scene.person.tell(note)


async def certificates(scene: Scene) -> None:
    """Have the root sign itself, and the intermediate."""
    record, name = scene.record, scene.plan.wishes.name
    signer = await scene.signer(Role.ROOT)

    async def sign(prepared: Prepared) -> bytes:
        if scene.plan.root_touch:
            await scene.person.tell("Touch the root's token when it blinks.")
        return await signer.sign(prepared.to_be_signed, prepared.algorithm)

    def occasion() -> Occasion:
        return Occasion(now=scene.now(), serial=scene.octets(16))

    if Role.ROOT not in record.certificates:
        record.certificates[Role.ROOT] = await hierarchy.root(
            name, signer.public_key, sign, occasion()
        )
        scene.save()
    below = keyfile.public_key_of_der(record.keys[Role.INTERMEDIATE])
    record.certificates[Role.INTERMEDIATE] = await hierarchy.intermediate(
        name, below, record.certificates[Role.ROOT], sign, occasion()
    )


async def storage(scene: Scene) -> None:
    """Put the certificates beside their keys, so that a token tells what it is for."""
    for role in CERTIFIED:
        await (await scene.home(role)).store(scene.record.certificates[role])


async def check(scene: Scene) -> None:
    """Sign something with every key, verify it, and read the certificates back."""
    now = scene.now()
    for role in scene.plan.roles:
        await prove(scene, role)
        made = scene.record.certificates.get(role)
        if made is not None and await (await scene.home(role)).load() != made:
            raise Broken(f"the {role} certificate beside its key is not the one that was made")
    check_path(scene, now)
    await scene.person.tell(f"{len(scene.plan.roles)} keys sign, and what they sign holds")


async def prove(scene: Scene, role: Role) -> None:
    """Have a key sign chance octets, and verify that by what was written down of it.

    Raises Broken.
    """
    message = scene.octets(32)
    key = keyfile.public_key_of_der(scene.record.keys[role])
    algorithm = natural_algorithm(key)
    signer = await scene.signer(role)
    if not is_signed(message, await signer.sign(message, algorithm), algorithm, key):
        raise Broken(f"a signature of the {role} key does not hold")


def check_path(scene: Scene, now: datetime) -> None:
    """See that the intermediate leads to the root. Raises Broken."""
    made = scene.record.certificates
    trust = paths.Trust(roots=[made[Role.ROOT]])
    try:
        paths.verify(made[Role.INTERMEDIATE], trust, now=now)
    except (Unauthorized, FormatError) as error:
        raise Broken(f"the intermediate does not lead to the root: {error.public}") from error
