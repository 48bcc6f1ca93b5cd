"""All that the steps of a ceremony share: record, person, secrets, and tokens that are opened.

A token is opened when a step first needs it, and waited for: the root's may come out of a safe
later than the other one goes in.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

import trio

from appliance.config.location import Location
from appliance.formats.keyfile import WrongPassword
from appliance.formats.keyuri import KeyUri
from appliance.keys.opening import open_token
from appliance.keys.pins import PinGuard
from appliance.model.ceremony import Role, Step
from appliance.model.errors import BadRequest, Broken, Forbidden
from appliance.model.secret import Password
from appliance.model.tokens import TokenState, TokenStatus
from appliance.ports.credentials import Credential
from appliance.ports.keys import KeyManager
from appliance.ports.signer import Signer
from appliance.server.ceremony.journal import Journal, Record
from appliance.server.ceremony.links import LINKS
from appliance.server.ceremony.person import Person
from appliance.server.ceremony.places import FileHome, Home, TokenHome, encoded
from appliance.server.ceremony.plan import Plan, key_of, token_name, token_of
from appliance.server.ceremony.secrets import Secrets, as_typed, named

_COMING: Final = 2.0  # seconds in which a token that was plugged in shows itself
_OPEN: Final = (TokenState.READY, TokenState.LOCKED, TokenState.PIN_NEEDED)


@dataclass(slots=True, kw_only=True)
class Scene:
    """A ceremony under way."""

    record: Record
    journal: Journal
    location: Location
    person: Person
    secrets: Secrets
    now: Callable[[], datetime]
    octets: Callable[[int], bytes]
    links: Path = LINKS
    nursery: trio.Nursery | None = None
    homes: dict[Role, FileHome] = field(default_factory=dict)
    opened: dict[str, KeyManager] = field(default_factory=dict)
    chosen: set[str] = field(default_factory=set)  # names of secrets that nobody has to type
    told: trio.Event = field(default_factory=trio.Event)  # of a token's new state

    @property
    def plan(self) -> Plan:
        """What is to be made."""
        return self.record.plan

    def save(self) -> None:
        """Write down what has been done."""
        self.journal.write(self.record)

    def name_of(self, token: KeyUri) -> str:
        """Name a token for people, as it was first seen."""
        before = self.record.before.get(str(token))
        return before.name if before else token_name(token)

    # ---- keys

    async def home(self, role: Role) -> Home:
        """Open the place where a key lives."""
        uri = self.plan.uri(role)
        if uri is not None:
            return TokenHome(await self.token(token_of(uri)), key_of(uri))
        if role not in self.homes:
            file, certificate = self.files_of(role)
            password = await self.need(self.plan.opened_by(role), is_phrase=True)
            self.homes[role] = FileHome(file, password, certificate, self.octets)
        return self.homes[role]

    def files_of(self, role: Role) -> tuple[Path, Path]:
        """Name the files of a key and of its certificate: the root's lie side by side."""
        file = Path(self.plan.homes[role])
        if role is not Role.ROOT:
            return file, self.location.certs / "intermediate_ca.crt"
        return file, file.with_name(f"{file.name.removesuffix('_key')}.crt")

    async def find(self, role: Role) -> Signer | None:
        """Open a key if it is there, with a password that a person may have to type again."""
        while True:
            home = await self.home(role)
            try:
                return await home.find()
            except WrongPassword:
                del self.homes[role]
                await self.refuse(self.plan.opened_by(role))

    async def signer(self, role: Role) -> Signer:
        """Open a key that was made. Raises Broken when it is not there any more."""
        signer = await self.find(role)
        if signer is None or encoded(signer.public_key) != self.record.keys[role]:
            raise Broken(f"the {role} key is not at {self.plan.homes[role]} any more")
        return signer

    def opened_by(self, role: Role) -> str:
        """Name the secret that opens a key."""
        uri = self.plan.uri(role)
        if uri is None:
            return self.plan.opened_by(role)
        return named(Credential.PIN, self.name_of(token_of(uri)))

    # ---- secrets

    async def need(self, name: str, *, is_phrase: bool = False, twice: bool = False) -> Password:
        """Give a secret that is known, or have it typed from where it was written down.

        What nothing here can verify is typed twice.
        """
        secret = self.secrets.get(name)
        while secret is None:
            secret = await self.person.retype(name)
            if twice and await self.person.retype(f"{name} (again)") != secret:
                await self.person.tell("The two are not the same; once more.")
                secret = None
        if is_phrase and name not in self.chosen:
            secret = self.phrase(secret)
        self.secrets.learn(name, secret)
        return secret

    def forget(self, name: str) -> None:
        """Forget a secret that a person can give again, and what it opened."""
        if name not in self.chosen:
            self.secrets.forget(name)
            self.homes.clear()

    @staticmethod
    def phrase(typed: Password) -> Password:
        """Read a passphrase that was made here, as a person copies it."""
        return Password(as_typed(typed.reveal().decode("utf-8", "replace")).encode())

    async def refuse(self, name: str) -> None:
        """Have a secret typed once more, because this one does not open what it should.

        Raises Forbidden for one that nobody typed.
        """
        if name in self.chosen:
            raise Forbidden(f"the {name} that was given is wrong")
        await self.person.tell(f"This is not the {name}; once more.")
        self.secrets.forget(name)

    def rename(self, old: str, new: str) -> None:
        """Know a secret by another name from now on."""
        secret = self.secrets.get(old)
        if secret is not None:
            self.secrets.forget(old)
            self.secrets.learn(new, secret)
            self.chosen = {new if name == old else name for name in self.chosen}

    # ---- tokens

    async def token(self, token: KeyUri) -> KeyManager:
        """Open a token, waiting for it to be plugged in and for its PIN."""
        key = str(token)
        if key not in self.opened:
            self.opened[key] = await self._start(token)
        manager = self.opened[key]
        await self._present(manager, self.name_of(token))
        if manager.status.state is not TokenState.READY:
            await self.unlock(manager, named(Credential.PIN, self.name_of(token)))
        return manager

    async def _start(self, token: KeyUri) -> KeyManager:
        name = named(Credential.MANAGEMENT_KEY, self.name_of(token))
        before = self.record.before.get(str(token))
        own = before is not None and (
            Credential.MANAGEMENT_KEY not in before.factory or name in self.record.changed
        )
        writing = Step.STORAGE not in self.record.done
        management_key = await self.need(name) if own and writing and _has_one(token) else None
        manager = open_token(
            token,
            pin=None,
            management_key=management_key,
            guard=PinGuard(None),
            told=self._hear,
        )
        if self.nursery is None:
            raise RuntimeError("tokens are opened within `at_work`")
        await self.nursery.start(manager.run)
        return manager

    async def _present(self, manager: KeyManager, name: str) -> None:
        while (status := await self._settled(manager)).state not in _OPEN:
            if status.state is TokenState.BLOCKED:
                raise Forbidden(f"{name} is blocked: unblock its PIN with its PUK, then go on")
            reason = f": {status.detail}" if status.detail else ""
            await self.person.wait_until(f"{name} is {status.state}{reason}. Plug it in")

    async def _settled(self, manager: KeyManager) -> TokenStatus:
        """Give the token a moment to be seen."""
        with trio.move_on_after(_COMING):
            while manager.status.state not in (*_OPEN, TokenState.BLOCKED):
                await self.told.wait()
        return manager.status

    def _hear(self, _status: TokenStatus) -> None:
        self.told.set()
        self.told = trio.Event()

    async def unlock(self, manager: KeyManager, name: str) -> None:
        """Give a token its PIN, which a person types where it is not known."""
        while True:
            pin = await self.need(name)
            last = manager.status.tries_left == 1
            if last and name in self.chosen:
                raise Forbidden(f"one try of the {name} is left: not used for one of a file")
            if last and not await self.person.agree(f"One try of the {name} is left. Use it"):
                raise BadRequest(f"the last try of the {name} was not used; nothing is lost")
            try:
                await manager.unlock(pin, last_try=last)
            except Forbidden as error:  # WrongPin, and what can be no PIN and was not tried
                await self.person.tell(error.public)
                await self.refuse(name)
            else:
                return


@asynccontextmanager
async def at_work(scene: Scene) -> AsyncIterator[Scene]:
    """Hold the tokens that a scene opens, and let them go at the end."""
    try:
        async with trio.open_nursery() as nursery:
            scene.nursery = nursery
            yield scene
            nursery.cancel_scope.cancel()
    except ExceptionGroup as group:
        if len(group.exceptions) == 1:
            raise group.exceptions[0] from None
        raise
    finally:
        scene.nursery = None
        scene.opened.clear()


def _has_one(token: KeyUri) -> bool:
    return token.scheme == "yubikey"
