"""A year of a small house, six hours at a time: alerts are exactly those that somebody should get.

A larger house, with its store and its lists, has its year in tests/flows/test_year.py.
"""

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from appliance.authority.alerts.delivery import Addressee
from appliance.authority.alerts.monitor import AlertPolicy, Alerts
from appliance.authority.conditions import ConditionBoard
from appliance.model.alerts import Watch
from appliance.model.conditions import Severity
from appliance.model.errors import Unavailable
from appliance.model.events import Event, EventKind
from appliance.model.validity import Validity
from appliance.stores.memory import MemoryStore
from tests.support.authority import START, RecordedEvents, StandingClock
from tests.support.notices import Mailbox

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
YEARS = 3650 * DAY

FRESH = Validity(not_before=START - YEARS, not_after=START + YEARS)


@dataclass(slots=True)
class Client:
    """Who renews every so often, a little earlier or later each time."""

    name: str
    period: timedelta
    lifetime: timedelta
    operation: str = "sign"
    due: datetime = START
    serial: int | None = None
    away: bool = False
    certificate_type: str = ""

    def renewed(self, at: datetime, serial: int, luck: random.Random) -> Event:
        self.serial = serial
        self.due = at + self.period * luck.uniform(0.95, 1.05)
        return Event(
            at=at,
            kind=EventKind.ISSUED,
            operation=self.operation,
            subject=self.name,
            sans=(self.name,),
            provisioner="acme",
            provisioner_type="ACME",
            serial=serial,
            certificate_type=self.certificate_type,
            not_before=at,
            not_after=at + self.lifetime,
        )


@dataclass
class House:
    """A CA's surroundings: its clients, its clock, what it is told, and who hears of it."""

    clock: StandingClock = field(default_factory=StandingClock)
    store: MemoryStore = field(default_factory=MemoryStore)
    phone: Mailbox = field(default_factory=Mailbox)
    luck: random.Random = field(default_factory=lambda: random.Random(8))
    serial: int = 0
    intermediate: Validity = FRESH

    def __post_init__(self) -> None:
        self.board = ConditionBoard(self.clock)
        self.alerts = self.opened()
        self.acme = [Client(f"c{n}.home.arpa", DAY, 2 * DAY) for n in range(12)]
        self.ssh = [
            Client(f"h{n}.home.arpa", 7 * DAY, 30 * DAY, "ssh-sign", certificate_type="host")
            for n in range(8)
        ]
        self.people = [
            Client(f"p{n}", DAY, HOUR * 16, "ssh-sign", certificate_type="user") for n in range(3)
        ]

    def opened(self) -> Alerts:
        alerts = Alerts(RecordedEvents(), self.store, self.clock, self.board)
        watch = Watch(title="bank", name="*.bank.home.arpa")
        alerts.configure(
            AlertPolicy(watches=(watch,)), lambda: [("intermediate:Home CA", self.intermediate)]
        )
        alerts.courier.configure({"phone": Addressee(target=self.phone)})
        return alerts

    def issue(self, client: Client) -> None:
        self.serial += 1
        self.alerts.record(client.renewed(self.clock.now(), self.serial, self.luck))

    def hour(self, *, able: bool = True) -> None:
        for client in (*self.acme, *self.ssh, *self.people):
            if able and not client.away and client.due <= self.clock.now():
                self.issue(client)

    def revoke(self, client: Client) -> None:
        operation = "ssh-revoke" if client.operation.startswith("ssh") else "revoke"
        self.alerts.record(
            Event(
                at=self.clock.now(), kind=EventKind.REVOKED, operation=operation,
                serial=client.serial,
            )
        )  # fmt: skip

    def event(self, kind: EventKind, at: datetime) -> None:
        self.alerts.record(Event(at=at, kind=kind, operation="sign", reason="no"))

    async def look(self) -> None:
        await self.alerts.step()
        await self.alerts.courier.deliver_due("phone")


async def test_a_year_has_exactly_the_alerts_that_it_should_have() -> None:
    house = House()
    gone: list[tuple[str, str]] = []
    for hour in range(0, 365 * 24, 6):
        day, o_clock = divmod(hour, 24)
        house.clock.moment = START + hour * HOUR
        await happen(house, day, o_clock)
        house.hour(able=not (day == 220 and o_clock < 12))
        await house.look()
        if (day, o_clock) == (105, 0):
            gone = list(house.phone.told)
    story = [(change, name) for change, name in house.phone.told]
    assert gone == story[: len(gone)]
    assert story == [
        ("noted", "watched:bank"),
        ("firing", "renewal-late:c7.home.arpa"),  # while the phone was off: told in order, later
        ("firing", "renewal-late:c7.home.arpa"),  # worse: it has expired
        ("firing", "host-quiet:c7.home.arpa"),
        ("recovered", "renewal-late:c7.home.arpa"),
        ("recovered", "host-quiet:c7.home.arpa"),
        ("firing", "renewal-late:c8.home.arpa"),
        ("firing", "renewal-late:c8.home.arpa"),
        ("firing", "host-quiet:c8.home.arpa"),
        ("firing", "refusals"),
        ("recovered", "refusals"),
        ("recovered", "renewal-late:c8.home.arpa"),  # nobody expects it any more
        ("recovered", "host-quiet:c8.home.arpa"),
        ("firing", "clock"),
        ("recovered", "clock"),
        ("firing", "disk"),
        ("firing", "disk"),
        ("recovered", "disk"),
        ("firing", "renewal-late:h5.home.arpa (SSH)"),
        ("firing", "renewal-late:h5.home.arpa (SSH)"),
        ("firing", "host-quiet:h5.home.arpa (SSH)"),
        ("firing", "intermediate:Home CA"),
        ("recovered", "intermediate:Home CA"),
        ("recovered", "renewal-late:h5.home.arpa (SSH)"),
        ("recovered", "host-quiet:h5.home.arpa (SSH)"),
    ]
    assert len({each.id for each in house.phone.taken}) == len(story), "each is told once"


async def test_the_rows_of_a_year_stay_few() -> None:
    house = House()
    for hour in range(0, 60 * 24, 6):
        house.clock.moment = START + hour * HOUR
        for _ in range(2):  # names that come once, and are not seen again
            house.issue(Client(f"x{house.serial}.home.arpa", DAY, DAY))
        house.hour()
        await house.look()
    lines = await house.store.scan("hearth_alerts_lines", limit=10_000)
    assert len(lines) < 12 + 8 + 3 * 4 * 2
    assert await house.store.scan("hearth_alerts_outbox") == []
    assert house.phone.told == []


async def happen(house: House, day: int, o_clock: int) -> None:
    at = house.clock.now()
    if o_clock == 12 and day < 334:
        house.serial += 1
        guest = Client(f"guest{house.serial}.home.arpa", DAY, DAY, serial=house.serial)
        house.issue(guest)
        house.revoke(guest)
    match day, o_clock:
        case (60, 6):
            house.issue(Client("www.bank.home.arpa", DAY, DAY))
        case (100, 0):
            house.acme[7].away = True
            house.phone.trouble = Unavailable("no network")
        case (102, 0):
            house.phone.trouble = None
        case (104, 0):
            house.acme[7].away = False
        case (150, 0):
            house.acme[8].away = True
        case (180, 6):
            for _ in range(30):
                house.event(EventKind.REFUSED, at)
        case (200, 0):
            house.revoke(house.ssh[3])
            house.ssh[3].away = True
        case (210, 0):  # a restart in the middle of it all
            house.alerts = house.opened()
        case (220, 0):
            house.board.report("clock", ok=False, text="not synchronised")
        case (220, 12):
            house.board.report("clock", ok=True)
        case (250, 0):
            house.board.report("disk", ok=False, text="90 % full")
        case (250, 6):
            house.board.report("disk", ok=False, text="99 % full", severity=Severity.CRITICAL)
        case (251, 0):
            house.board.report("disk", ok=True)
        case (260, 0):
            house.ssh[5].away = True
        case (340, 0):
            house.intermediate = Validity(not_before=START - YEARS, not_after=at + 60 * DAY)
        case (350, 0):
            house.intermediate = Validity(not_before=at, not_after=at + YEARS)
        case _:
            pass
