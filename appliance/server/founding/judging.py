"""The answers of each step, judged: what cannot be, what is unwise, what is fine."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from appliance.config import answers
from appliance.config.location import Location
from appliance.formats import keyuri
from appliance.formats.keyuri import KeyUri
from appliance.model.ceremony import Role
from appliance.model.errors import BadRequest, FormatError, HearthError
from appliance.model.founding import Boot, Check, ClockSeen, ClockState, Draft, Mark, Unlock
from appliance.server.ceremony import plan
from appliance.server.founding.surroundings import judge_address

_CLOCK: Final = {
    ClockState.SYNCHRONISED: (Mark.GOOD, "the clock is kept right by the network"),
    ClockState.UNSURE: (
        Mark.LOOK,
        "nobody keeps this clock right: look at the time above, and set it if it is wrong",
    ),
    ClockState.PAST: (
        Mark.ACT,
        "this box has booted in the past, and must not sign: wait for the network's time, or "
        "type the time",
    ),
}


def judge_directory(location: Location) -> Iterator[Check]:
    """See that nothing is there that a new CA would replace."""
    for file in (location.ca_json, location.defaults_json, location.root_certificate):
        if file.exists():
            text = (
                f"{file} is of another CA, which this user is a client of: begin elsewhere, by "
                "STEPPATH=/some/directory hearth"
            )
            yield Check(mark=Mark.ACT, text=text)
            return


def judge_texts(draft: Draft) -> Iterator[Check]:
    """Judge name and addresses as they are written."""
    if not draft.name.strip():
        yield Check(mark=Mark.ACT, text="give it a name, such as Home CA", field="name")
    try:
        answers.dns_names(draft.dns_names)
    except BadRequest as error:
        missing = "give a name or address by which clients find it"
        text = error.public if draft.dns_names.strip(" ,") else missing
        yield Check(mark=Mark.ACT, text=text, field="dns_names")
    yield from judge_listening(draft.address, "address")


def judge_listening(address: str, field: str) -> Iterator[Check]:
    """Judge an address to listen on: as it is written, and by doing so."""
    try:
        answers.address(address)
    except BadRequest as error:
        yield Check(mark=Mark.ACT, text=error.public, field=field)
        return
    yield judge_address(address, field)


def judge_clock(seen: ClockSeen) -> Check:
    """Say what to do about the clock."""
    mark, text = _CLOCK[seen.state]
    return Check(mark=mark, text=text, field="time")


def homes(draft: Draft, location: Location) -> dict[Role, str]:
    """Say where each key is to be. Raises BadRequest, FormatError."""
    roles = tuple(Role) if draft.ssh else (Role.ROOT, Role.INTERMEDIATE)
    root_at = draft.root_at or str(location.secrets / plan.FILES[Role.ROOT])
    found = {
        role: plan.home(root_at if role is Role.ROOT else draft.keys_at, role, location.secrets)
        for role in roles
    }
    plan.check(found)
    return found


def judge_keys(draft: Draft, location: Location) -> Iterator[Check]:
    """Judge where keys are to live."""
    for field, at in (("keys_at", draft.keys_at), ("root_at", draft.root_at)):
        problem = _wrong_place(at)
        if problem:
            yield Check(mark=Mark.ACT, text=problem, field=field)
            return
    try:
        found = homes(draft, location)
    except HearthError as error:
        yield Check(mark=Mark.ACT, text=error.public, field="keys_at")
        return
    for role, at in found.items():
        if not keyuri.scheme_of(at) and Path(at).exists():
            text = f"there is a file already where the {role} key is to be: {at}"
            yield Check(mark=Mark.ACT, text=text, field="root_at" if role is Role.ROOT else "")
            return
    yield from _separation(draft, found)


def _wrong_place(at: str) -> str:
    scheme = keyuri.scheme_of(at)
    if not scheme:
        missing = at and not Path(at).is_dir()
        return f"{at} is no directory: is the medium plugged in and mounted?" if missing else ""
    try:
        uri = keyuri.parse(at)
    except FormatError as error:
        return error.public
    if scheme == "pkcs11" and not any(name in uri for name in ("token", "serial", "slot-id")):
        return "say which token: pkcs11:module-path=/usr/lib/….so;token=NAME"
    return "" if scheme in ("pkcs11", "yubikey") else f"keys cannot live at {scheme}:"


def _separation(draft: Draft, found: dict[Role, str]) -> Iterator[Check]:
    """Say what whoever has the box has."""
    root, box = found[Role.ROOT], found[Role.INTERMEDIATE]
    if _token(root) is not None and _token(root) == _token(box):
        text = "root and intermediate are on one token: who takes it, and knows the PIN, has both"
    elif not draft.root_at:
        text = (
            "the root's key stays on this disk, under a password: move secrets/root_ca_key to a "
            "safe place afterwards, and better take a stick or a second token"
        )
    else:
        yield Check(mark=Mark.GOOD, text="the root can be taken away: that is how it should be")
        return
    yield Check(mark=Mark.LOOK, text=text)


def _token(at: str) -> KeyUri | None:
    return plan.token_of(keyuri.parse(at)) if keyuri.scheme_of(at) else None


def judge_services(draft: Draft) -> Iterator[Check]:
    """Judge what is to be served."""
    if not draft.published:
        yield Check(mark=Mark.GOOD, text="short-lived certificates need no revocation lists")
        return
    if draft.insecure_address == draft.address:
        text = "TLS is at that address already: plain HTTP needs another"
        yield Check(mark=Mark.ACT, text=text, field="insecure_address")
        return
    yield from judge_listening(draft.insecure_address, "insecure_address")


def judge_start(draft: Draft, boot: Boot) -> Iterator[Check]:
    """Judge who opens the keys at the start."""
    on_token = bool(keyuri.scheme_of(draft.keys_at))
    if draft.unlock is Unlock.SEALED and on_token:
        text = "a token's PIN cannot be sealed: have it typed, or in a file"
        yield Check(mark=Mark.ACT, text=text, field="unlock")
    elif draft.unlock is Unlock.SEALED and not (draft.service and boot.can_seal):
        text = "only a service of systemd gets what is sealed: take another way"
        yield Check(mark=Mark.ACT, text=text, field="unlock")
    elif draft.service and draft.unlock is Unlock.ASK and not (boot.can_ask or on_token):
        text = "what starts services here asks nobody: a file opens the keys, or start it by hand"
        yield Check(mark=Mark.ACT, text=text, field="unlock")


def judge_access(draft: Draft) -> Iterator[Check]:
    """Judge the first provisioner."""
    if not draft.provisioner.strip():
        text = "give the provisioner a name, such as admin"
        yield Check(mark=Mark.ACT, text=text, field="provisioner")
