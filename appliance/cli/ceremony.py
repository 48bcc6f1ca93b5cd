"""`hearth ca init --ceremony`: begun, resumed or rolled back at the terminal."""

import secrets as chance
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import trio

from appliance.cli.ceremony_flags import CeremonyFlags, is_same_disk
from appliance.cli.ceremony_person import TerminalPerson
from appliance.cli.clock import SystemClock
from appliance.cli.prompts import ask, choose, read_password, say, selected
from appliance.config import creation
from appliance.config.creation import Wishes
from appliance.config.location import Location
from appliance.formats import keyuri
from appliance.formats.keyuri import KeyUri
from appliance.model.ceremony import TITLES, Role
from appliance.model.errors import BadRequest
from appliance.model.secret import Password
from appliance.model.tokens import KeyKind, TouchPolicy
from appliance.ports.credentials import Credential
from appliance.server.ceremony import course, plan, rollback
from appliance.server.ceremony.journal import Journal, Record
from appliance.server.ceremony.plan import Plan, token_name, token_of
from appliance.server.ceremony.scene import Scene
from appliance.server.ceremony.secrets import Secrets, named


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """What `ca init` knows; `wishes` asks for what was not given, and is called for new ones."""

    flags: CeremonyFlags
    location: Location
    wishes: Callable[[], Wishes]
    password_file: str | None
    provisioner_password_file: str | None


def hold(occasion: Occasion) -> None:
    """Hold a ceremony, or go on with the one that is under way."""
    flags = occasion.flags
    journal = Journal(occasion.location.path)
    record = journal.read()
    known: dict[str, Password] = {}
    if record is None:
        if flags.resume or flags.roll_back:
            raise BadRequest(f"no ceremony is under way in {journal.directory}")
        record, known = _begin(occasion)
    elif not (flags.resume or flags.roll_back):
        flags = _chosen(record, flags)
    known |= _given(occasion, record.plan)
    scene = Scene(
        record=record,
        journal=journal,
        location=occasion.location,
        person=TerminalPerson(yes=flags.yes),
        secrets=Secrets(known),
        chosen=set(known),
        now=SystemClock().now,
        octets=chance.token_bytes,
    )
    if flags.roll_back:
        _roll_back(scene)
        return
    trio.run(course.run, scene)
    _tell(scene)


def _begin(occasion: Occasion) -> tuple[Record, dict[str, Password]]:
    """Make a plan of flags and answers; give the secrets that the URIs had, too."""
    flags = occasion.flags
    wishes = occasion.wishes()
    root_at = flags.root_at or ask(
        "Where is the root to live? (yubikey:serial=…, pkcs11:…, or a directory on a medium that "
        "you take away)",
        flag="--root-at",
    )
    usual = occasion.location.secrets
    _check_medium(occasion, plan.home(root_at, Role.ROOT, usual))
    keys_at = flags.keys_at or ask(
        "Where are intermediate and SSH keys to live? (the token in the box, or a directory)",
        "yubikey:",
        flag="--keys-at",
    )
    roles = tuple(Role) if wishes.ssh else (Role.ROOT, Role.INTERMEDIATE)
    homes = {
        role: plan.home(root_at if role is Role.ROOT else keys_at, role, usual) for role in roles
    }
    plan.check(homes)
    kind = KeyKind(flags.key_kind or KeyKind.EC_P256)
    made = Plan(
        wishes=wishes,
        homes=homes,
        pin_sources=_pin_sources(root_at, keys_at),
        kind=kind,
        root_kind=KeyKind(flags.root_key_kind or kind),
        root_touch=TouchPolicy(flags.root_touch or ""),
        keep_secrets=flags.keep_pins,
        shares=flags.numbers(),
        shares_to=flags.pages(occasion.location.base),
        links_down=flags.network_down,
        attestation_roots=flags.roots(),
        rehearse=not flags.no_rehearsal,
    )
    return Record(plan=made, started=SystemClock().now()), _in_uris(root_at, keys_at)


def _check_medium(occasion: Occasion, root: str) -> None:
    """See that a root in a file is on something that can be taken away."""
    if keyuri.scheme_of(root) or occasion.flags.yes:
        return
    directory = Path(root).parent
    if is_same_disk(directory, occasion.location.base):
        raise BadRequest(
            f"{directory} is on the disk of the CA: whoever has the box has the root then. Name a "
            "medium that you take away, or say --yes"
        )


def _chosen(record: Record, flags: CeremonyFlags) -> CeremonyFlags:
    """Ask what is to become of a ceremony that was interrupted."""
    title = TITLES[record.next] if record.next else "the end"
    say(f"A ceremony of {record.started:%Y-%m-%d %H:%M} UTC was interrupted at: {title}.")
    ways = ("Go on with it", "Undo what it did", "Leave it as it is")
    way = choose("What is to become of it", ways, name="Ceremony", flag="--resume or --roll-back")
    if way == 2:
        raise BadRequest("nothing was done; the ceremony can be taken up again")
    given = {each: getattr(flags, each) for each in CeremonyFlags.__dataclass_fields__}
    return CeremonyFlags(**{**given, "resume": way == 0, "roll_back": way == 1})


def _roll_back(scene: Scene) -> None:
    left = trio.run(rollback.roll_back, scene)
    for each in left:
        say(f"Not undone: {each}")
    say("What the ceremony made is gone." if not left else "Everything else is gone.")


def _tell(scene: Scene) -> None:
    """Name what was made, and what comes next."""
    say("")
    root = scene.record.certificates[Role.ROOT]
    selected("Root fingerprint", creation.fingerprint(root))
    for role in scene.plan.roles:
        selected(f"{role} key", scene.plan.homes[role])
    selected("Recovery sheet", str(scene.journal.directory / "recovery.html"))
    selected("Certificate Authority configuration", str(scene.location.ca_json))
    say("")
    say("Print the recovery sheet, and take the root away. Start the CA with 'hearth serve'.")


# ---- secrets that nobody has to type


def _given(occasion: Occasion, made: Plan) -> dict[str, Password]:
    """Read the files that were named: passwords of keys and provisioner, PINs."""
    found: dict[str, Password] = {}
    if occasion.password_file:
        found = dict.fromkeys(made.phrases, _password(occasion.password_file))
    if occasion.provisioner_password_file:
        found[made.provisioner] = _password(occasion.provisioner_password_file)
    for token, file in made.pin_sources.items():
        found[named(Credential.PIN, token_name(keyuri.parse(token)))] = _password(file)
    return found


def _password(file: str) -> Password:
    password = read_password("password", file=file)
    if not password:
        raise BadRequest(f"{file} is empty")
    return password


def _pin_sources(*homes: str) -> dict[str, str]:
    return {str(token_of(uri)): uri.pin_source for uri in _uris(homes) if uri.pin_source}


def _in_uris(*homes: str) -> dict[str, Password]:
    found: dict[str, Password] = {}
    for uri in _uris(homes):
        name = token_name(token_of(uri))
        if uri.pin is not None:
            found[named(Credential.PIN, name)] = uri.pin
        if key := uri.get("management-key"):
            found[named(Credential.MANAGEMENT_KEY, name)] = Password(key.encode())
        elif file := uri.get("management-key-source"):
            found[named(Credential.MANAGEMENT_KEY, name)] = _password(file)
    return found


def _uris(homes: tuple[str, ...]) -> list[KeyUri]:
    return [keyuri.parse(each) for each in homes if keyuri.scheme_of(each)]
