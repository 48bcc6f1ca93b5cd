"""The engine of the first run, behind `operator.founding`: answers, findings, and the ceremony.

    answers of each step ──first-run.json──> (left, taken up again)
            │ make
            ▼
    plan ──> server.ceremony, as `hearth ca init --ceremony` holds it ──> ca.json, recovery sheet

The keys are made by the ceremony, whether they live in files or on tokens. Passwords are only ever
in memory: who takes up an interrupted run types them again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

import segno
import trio
from shamir_mnemonic.wordlist import WORDLIST

from appliance.config import answers, creation
from appliance.config.creation import Wishes
from appliance.config.location import Location
from appliance.keys.pkcs11 import finding as pkcs11_finding
from appliance.keys.yubikey import finding as yubikey_finding
from appliance.model.ceremony import TITLES, Role
from appliance.model.errors import BadRequest, Broken, Forbidden
from appliance.model.founding import (
    Boot,
    Check,
    ClockSeen,
    ClockState,
    Device,
    Draft,
    Founded,
    Passwords,
    Progress,
    Topic,
    Unlock,
    Utterance,
)
from appliance.model.secret import Password
from appliance.ports.credentials import Credential
from appliance.server.ceremony import course as ceremony
from appliance.server.ceremony import papers, rollback
from appliance.server.ceremony.journal import Journal as CeremonyJournal
from appliance.server.ceremony.journal import Record, write_whole
from appliance.server.ceremony.plan import Plan, token_name, token_of
from appliance.server.ceremony.scene import Scene
from appliance.server.ceremony.secrets import Secrets, named
from appliance.server.founding import clock, judging, surroundings
from appliance.server.founding.journal import Journal
from appliance.server.founding.person import DistantPerson

PASSWORD_FILE: Final = "password"  # noqa: S105 - the name of a file below secrets/
_WORD_BITS: Final = 10
_MADE: Final = "the passwords"  # how the ceremony remembers that it made them


@dataclass(slots=True, kw_only=True)
class FirstRun:
    """The Founding (operator.founding) of one directory. All of it runs in one Trio thread."""

    location: Location
    now: Callable[[], datetime]
    octets: Callable[[int], bytes]
    boot: Boot = field(default_factory=Boot)
    look_at_clock: Callable[[datetime], ClockSeen] = clock.seen
    person: DistantPerson = field(default_factory=DistantPerson)
    secrets: Secrets = field(default_factory=Secrets)
    plan: Plan | None = None  # of what was made
    draft: Draft = field(default_factory=Draft)  # by which it was made

    def is_under_way(self) -> bool:
        """Say whether there is no CA yet, or one whose making was interrupted."""
        return not self.location.ca_json.exists() or self._ceremony.read() is not None

    @property
    def _ceremony(self) -> CeremonyJournal:
        return CeremonyJournal(self.location.path)

    @property
    def _journal(self) -> Journal:
        return Journal(self.location.path)

    # ---- answers

    async def begin(self) -> Progress:
        """Say where it is. Raises ConfigError."""
        kept = self._journal.read()
        record = self._ceremony.read()
        addresses = surroundings.own_addresses()
        draft = kept.draft if kept else self._usual(addresses)
        topic = kept.topic if kept else Topic.NAME
        if record is None and topic in (Topic.START, Topic.MAKING, Topic.SHEET):
            topic = Topic.ACCESS  # the passwords are typed there
        stopped = record.next if record else None
        return Progress(
            draft=draft,
            topic=topic,
            resumed=kept is not None or record is not None,
            stopped_at=(TITLES[stopped] if stopped else "the end") if record else "",
            wants_passwords=record is None or _MADE not in record.shown,
            directory=str(self.location.path),
            addresses=addresses,
            boot=self.boot,
        )

    def _usual(self, addresses: Sequence[str]) -> Draft:
        address = surroundings.usual_address()
        return Draft(
            name="Home CA",
            dns_names=", ".join((surroundings.own_name(), *addresses[:1])),
            address=address,
            insecure_address=answers.plain_address(address),
            provisioner="admin",
            service=self.boot.is_possible,
        )

    async def judge(self, topic: Topic, draft: Draft) -> Sequence[Check]:
        """Look at the answers of one step."""
        found: list[Check] = []
        match topic:
            case Topic.NAME:
                found += judging.judge_directory(self.location)
                found += [*judging.judge_texts(draft), *await _names(draft)]
            case Topic.CLOCK:
                found.append(judging.judge_clock(await self.clock()))
            case Topic.KEYS:
                found += judging.judge_keys(draft, self.location)
            case Topic.SERVICES:
                found += judging.judge_services(draft)
            case Topic.ACCESS:
                found += judging.judge_access(draft)
            case Topic.START:
                found += judging.judge_start(draft, self.boot)
            case Topic.MAKING | Topic.SHEET:
                pass
        return found

    async def keep(self, draft: Draft, topic: Topic) -> None:
        """Write the answers down. Raises ConfigError."""
        self._journal.write(draft, topic)

    async def clock(self) -> ClockSeen:
        """Look at the clock."""
        return self.look_at_clock(self.now())

    async def set_clock(self, at: datetime) -> None:
        """Set the clock. Raises Forbidden."""
        clock.set_to(at)

    async def devices(self) -> Sequence[Device]:
        """Find the tokens that are plugged in."""
        found: list[Device] = []

        async def add(search: Callable[[], object]) -> None:
            found.extend(await search())  # type: ignore[misc] # both give lists

        async with trio.open_nursery() as nursery:
            nursery.start_soon(add, yubikey_finding.plugged_in)
            nursery.start_soon(add, pkcs11_finding.plugged_in)
        return sorted(found, key=lambda each: (each.uri.startswith("pkcs11"), each.model))

    # ---- making

    async def make(self, draft: Draft, passwords: Passwords) -> Founded:
        """Make the CA, or go on with what was interrupted."""
        if (await self.clock()).state is ClockState.PAST:
            raise Forbidden("the clock is in the past, so nothing is signed: set it first")
        record = self._ceremony.read() or self._planned(draft)
        self.plan, self.draft = record.plan, draft
        known = _known(record.plan, passwords)
        self.secrets = Secrets(known)
        self.person.forget()
        scene = self._scene(record, chosen=set(known))
        await ceremony.run(scene)
        self.plan = record.plan
        self._write_opening(draft, record)
        self._journal.forget()
        return self._founded(record)

    async def hear(self) -> Utterance:
        """Wait for what `make` says next."""
        return await self.person.hear()

    async def answer(self, given: bool | str | Password) -> None:  # noqa: FBT001 - an answer
        """Answer the last question."""
        await self.person.answer(given)

    async def undo(self) -> Sequence[str]:
        """Remove what was made."""
        record = self._ceremony.read()
        if record is None:
            return []
        return await rollback.roll_back(self._scene(record, chosen=set()))

    def _scene(self, record: Record, chosen: set[str]) -> Scene:
        return Scene(
            record=record,
            journal=self._ceremony,
            location=self.location,
            person=self.person,
            secrets=self.secrets,
            chosen=chosen,
            now=self.now,
            octets=self.octets,
        )

    def _planned(self, draft: Draft) -> Record:
        homes = judging.homes(draft, self.location)
        if self.location.ca_json.exists():
            raise BadRequest(f"{self.location.ca_json} is there already")
        self.location.secrets.mkdir(mode=0o700, parents=True, exist_ok=True)
        plan = Plan(wishes=_wishes(draft), homes=homes, pin_sources={})
        if draft.unlock is Unlock.FILE:
            sources = {
                str(token): str(
                    self.location.secrets / f"{token_name(token)}.pin".replace(" ", "-")
                )
                for token in plan.tokens
            }
            plan = Plan(wishes=plan.wishes, homes=homes, pin_sources=sources)
        return Record(plan=plan, started=self.now())

    def _write_opening(self, draft: Draft, record: Record) -> None:
        """Write what opens the keys, where a person wants the CA to start by itself.

        The password of a service is put where it belongs when that is installed.
        """
        if draft.unlock is not Unlock.FILE:
            return
        password = self.password
        if password is not None and not draft.service:
            file = self.location.secrets / PASSWORD_FILE
            write_whole(file, password.reveal() + b"\n")
        for token, pin in self.pins.items():
            if source := record.plan.pin_sources.get(token):
                write_whole(Path(source), pin.reveal() + b"\n")

    def _founded(self, record: Record) -> Founded:
        wishes = record.plan.wishes
        fingerprint = creation.fingerprint(record.certificates[Role.ROOT])
        return Founded(
            name=wishes.name,
            url=creation.url(wishes),
            fingerprint=fingerprint,
            words=words(bytes.fromhex(fingerprint)),
            code=code(fingerprint),
            configuration=str(self.location.ca_json),
            sheet=str(self._ceremony.directory / papers.PAGE),
            start=self._start(),
            is_service=self.draft.service,
        )

    def _start(self) -> str:
        if self.draft.service:
            return f"hearth console --ca-config {self.location.ca_json}"
        file = self.location.secrets / PASSWORD_FILE
        serve = f"hearth serve {self.location.ca_json}"
        return f"{serve} --password-file {file}" if file.exists() else serve

    # ---- what the server needs afterwards, from memory

    @property
    def password(self) -> Password | None:
        """What opens the intermediate's key, where that is in a file."""
        plan = self.plan
        if plan is None or plan.uri(Role.INTERMEDIATE) is not None:
            return None
        return self.secrets.get(plan.opened_by(Role.INTERMEDIATE))

    @property
    def pins(self) -> dict[str, Password]:
        """What opens the tokens that sign every day, by their URIs."""
        plan = self.plan
        found: dict[str, Password] = {}
        for role in plan.roles if plan else ():
            uri = plan.uri(role) if plan else None
            if uri is None or role is Role.ROOT:
                continue
            pin = self.secrets.get(named(Credential.PIN, token_name(token_of(uri))))
            if pin is not None:
                found[str(token_of(uri))] = pin
        return found

    @property
    def schemes(self) -> frozenset[str]:
        """How the tokens that sign every day are reached."""
        plan = self.plan
        uris = (plan.uri(role) for role in plan.roles if role is not Role.ROOT) if plan else ()
        return frozenset(uri.scheme for uri in uris if uri is not None)

    @property
    def provisioner(self) -> tuple[str, Password | None]:
        """The first provisioner's name and password."""
        if self.plan is None:
            raise Broken("nothing was made yet")
        return self.plan.wishes.provisioner, self.secrets.get(self.plan.provisioner)


async def _names(draft: Draft) -> list[Check]:
    try:
        names = answers.dns_names(draft.dns_names)
    except BadRequest:
        return []
    return [surroundings.judge_name(name, await surroundings.look_up(name)) for name in names]


def _wishes(draft: Draft) -> Wishes:
    return Wishes(
        name=draft.name.strip(),
        dns_names=answers.dns_names(draft.dns_names),
        address=answers.address(draft.address),
        provisioner=draft.provisioner.strip(),
        ssh=draft.ssh,
        acme=draft.acme,
        crl=draft.published,
        ocsp=draft.published,
        insecure_address=draft.insecure_address if draft.published else "",
    )


def _known(plan: Plan, passwords: Passwords) -> dict[str, Password]:
    """Name the passwords as the ceremony does; those that are left to it are not there."""
    found = {
        name: passwords.provisioner if name == plan.provisioner else passwords.keys
        for name in plan.phrases
    }
    return {name: password for name, password in found.items() if password}


def words(octets: bytes) -> tuple[str, ...]:
    """Write octets as words that are hard to mishear: SLIP-39's list, ten bits each."""
    bits = "".join(f"{octet:08b}" for octet in octets)
    bits += "0" * (-len(bits) % _WORD_BITS)
    return tuple(
        WORDLIST[int(bits[at : at + _WORD_BITS], 2)] for at in range(0, len(bits), _WORD_BITS)
    )


def code(fingerprint: str) -> tuple[tuple[bool, ...], ...]:
    """Draw a QR code, with the border that readers need."""
    drawn = segno.make(fingerprint.upper(), error="l", micro=False, boost_error=False)
    return tuple(
        tuple(bool(module) for module in row) for row in drawn.matrix_iter(scale=1, border=2)
    )
