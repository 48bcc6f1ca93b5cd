"""Ceremonies for tests: a person with paper and pencil, and what stands on the table."""

import secrets as chance
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from appliance.config.creation import Wishes
from appliance.config.location import Location
from appliance.model.ceremony import Role, Stage, Step
from appliance.model.secret import Password
from appliance.server.ceremony import plan
from appliance.server.ceremony.journal import Journal, Record
from appliance.server.ceremony.person import Person
from appliance.server.ceremony.plan import Plan
from appliance.server.ceremony.scene import Scene
from appliance.server.ceremony.secrets import Secrets

WISHES = Wishes(
    name="Hearth",
    dns_names=("localhost",),
    address="127.0.0.1:0",
    provisioner="admin",
    ssh=True,
    acme=True,
)


@dataclass(slots=True)
class Paper:
    """A person who writes down all that is shown, and types it from there."""

    written: dict[str, str] = field(default_factory=dict)
    shares: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    no_to: tuple[str, ...] = ()
    handed: int = 0

    async def begin(self, stages: tuple[Stage, ...], current: Stage) -> None:
        assert len(stages) == len(Step)
        self.steps.append(current.step)

    async def tell(self, text: str) -> None:
        self.told.append(text)

    async def agree(self, question: str) -> bool:
        self.asked.append(question)
        return not any(part in question for part in self.no_to)

    async def wait_until(self, done: str) -> None:
        self.asked.append(done)
        await self.act(done)

    async def act(self, done: str) -> None:
        raise AssertionError(f"nobody does this: {done}")

    async def show_once(self, title: str, secrets: Mapping[str, str]) -> None:
        for name, text in secrets.items():
            if name:
                self.written[name] = text
            else:
                words = [word for word in text.split() if not word[0].isdigit()]
                self.shares.append(" ".join(words))

    async def retype(self, name: str) -> Password:
        self.asked.append(name)
        return Password(self.written[name.removesuffix(" (again)")].encode())

    async def dictate(self, name: str) -> str:
        self.handed += 1
        return self.shares[-(self.handed % len(self.shares)) - 1]

    @property
    def everything(self) -> list[str]:
        """All that must be nowhere but on paper."""
        return [*self.written.values(), *self.shares]


def planned(base: Path, root_at: str, keys_at: str, **others: object) -> Plan:
    """Plan a ceremony as the command line does."""
    secrets = base / "step" / "secrets"
    homes = {role: plan.home(root_at if role is Role.ROOT else keys_at, role, secrets)
             for role in Role}  # fmt: skip
    plan.check(homes)
    return Plan(wishes=WISHES, homes=homes, pin_sources={}, **others)  # type: ignore[arg-type]


def scene(
    base: Path,
    person: Person,
    made: Plan | None = None,
    *,
    known: Mapping[str, Password] = {},
    journal: Journal | None = None,
) -> Scene:
    """Lay the table: for the ceremony that is planned, or the one that was interrupted."""
    location = Location(base=base / "step")
    journal = journal or Journal(location.path)
    record = journal.read() if made is None else Record(plan=made, started=datetime.now(UTC))
    assert record is not None
    return Scene(
        record=record,
        journal=journal,
        location=location,
        person=person,
        secrets=Secrets(known),
        chosen=set(known),
        now=lambda: datetime.now(UTC),
        octets=chance.token_bytes,
    )


def files(base: Path) -> dict[str, bytes]:
    """All files below a directory."""
    return {str(path.relative_to(base)): path.read_bytes()
            for path in sorted(base.rglob("*")) if path.is_file()}  # fmt: skip
