"""A Founding without a disk: what it finds is given, what it makes is a sample."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from appliance.model.ceremony import Stage, Step, StepState
from appliance.model.errors import HearthError
from appliance.model.founding import (
    Began,
    Check,
    ClockSeen,
    Device,
    Draft,
    FirstCertificate,
    Founded,
    Mark,
    Passwords,
    Progress,
    Question,
    QuestionKind,
    Told,
    Topic,
    Utterance,
)
from appliance.model.secret import Password

NOW = datetime(2026, 11, 21, 14, 2, 11, tzinfo=UTC)
DRAFT = Draft(
    name="Home CA",
    dns_names="ca.home.arpa, 192.0.2.1",
    address=":443",
    insecure_address=":80",
    provisioner="admin",
)
PROGRESS = Progress(
    draft=DRAFT, topic=Topic.NAME, directory="/var/lib/hearth", addresses=("192.0.2.1",)
)
YUBIKEY = Device(
    uri="yubikey:serial=12345678",
    model="YubiKey",
    serial="12345678",
    firmware="5.4.3",
    state="factory PIN: will be changed",
    is_factory=True,
)
FOUNDED = Founded(
    name="Home CA",
    url="https://ca.home.arpa",
    fingerprint="c8b5e7f23d0c6a914f7e0a2b9d83561c4be07fa2195d3c60e88417d2f96ab053",
    words=("academic", "agency", "alarm") * 8 + ("zero", "yoga"),
    code=tuple(tuple((x * y + x) % 3 == 0 for x in range(33)) for y in range(33)),
    configuration="/var/lib/hearth/config/ca.json",
    sheet="/var/lib/hearth/ceremony/recovery.html",
    start="hearth serve",
)
SECRETS = {"PIN of YubiKey 12345678": "31415926"}
ASKED = (
    Question(kind=QuestionKind.WAIT, text="Plug it in"),
    Question(kind=QuestionKind.SHOW, text="Write these down", secrets=SECRETS),
    Question(kind=QuestionKind.RETYPE, text="PIN of YubiKey 12345678"),
    Question(kind=QuestionKind.AGREE, text="Go on all the same"),
)


class SampleFounding:
    """Answers at once. `wrong` is what judging says; `fails` what making raises."""

    def __init__(self, progress: Progress = PROGRESS) -> None:
        self.progress = progress
        self.kept: list[tuple[Topic, Draft]] = []
        self.checks: dict[Topic, Sequence[Check]] = {}
        self.found: Sequence[Device] = ()
        self.seen = ClockSeen(now=NOW, floor=NOW - timedelta(days=9), is_synchronised=True)
        self.set: list[datetime] = []
        self.passwords: Passwords | None = None
        self.asks: Sequence[Question] = ()
        self.answers: list[bool | str | Password] = []
        self.fails: HearthError | None = None
        self.undone = False
        self._said: asyncio.Queue[Utterance] = asyncio.Queue()
        self._answered: asyncio.Queue[None] = asyncio.Queue()

    async def begin(self) -> Progress:
        return self.progress

    async def judge(self, topic: Topic, draft: Draft) -> Sequence[Check]:
        if topic is Topic.NAME and not draft.name:
            return [Check(mark=Mark.ACT, text="give it a name", field="name")]
        return self.checks.get(topic, ())

    async def keep(self, draft: Draft, topic: Topic) -> None:
        self.kept.append((topic, draft))

    async def clock(self) -> ClockSeen:
        return self.seen

    async def set_clock(self, at: datetime) -> None:
        self.set.append(at)

    async def devices(self) -> Sequence[Device]:
        return self.found

    async def make(self, draft: Draft, passwords: Passwords) -> Founded:
        self.passwords = passwords
        stages = tuple(Stage(step=step, state=StepState.AHEAD) for step in Step)
        self._said.put_nowait(Began(stages=stages, current=stages[0]))
        self._said.put_nowait(Told(text="root key made"))
        for question in self.asks:
            self._said.put_nowait(question)
            await self._answered.get()
        if self.fails is not None:
            raise self.fails
        return FOUNDED

    async def hear(self) -> Utterance:
        return await self._said.get()

    async def answer(self, given: bool | str | Password) -> None:
        self.answers.append(given)
        self._answered.put_nowait(None)

    async def undo(self) -> Sequence[str]:
        self.undone = True
        self.progress = PROGRESS
        return []


class SampleCertificates:
    """Issues without a CA."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.fails: HearthError | None = None

    async def suggest(self) -> str:
        return "nas.home.arpa"

    async def issue(self, name: str) -> FirstCertificate:
        if self.fails is not None:
            raise self.fails
        self.names.append(name)
        return FirstCertificate(
            subject=name,
            serial=77,
            not_after=NOW + timedelta(days=1),
            certificate_file=f"/srv/{name}.crt",
            key_file=f"/srv/{name}.key",
            root_file="/var/lib/hearth/certs/root_ca.crt",
        )
