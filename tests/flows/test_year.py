"""A year of a house, day by day: the store stays bounded, alerts are those that should be, and the
revocation list and the journal are valid at every step.

All of it is the real authority on a store in memory; the time goes on by argument. Clients renew at
the rates of a house, ACME daily and SSH hosts weekly, but there are two of the first and one of
the second, and 40 revocations; `FULL`, with 50, 20 and 1,000, takes some minutes.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import trio
from cryptography import x509

from appliance.authority import retention
from appliance.authority.alerts.delivery import Addressee
from appliance.authority.alerts.monitor import AlertPolicy, Alerts
from appliance.authority.conditions import ConditionBoard
from appliance.authority.crl import CrlPublisher
from appliance.authority.diskguard import DiskGuard, Room
from appliance.authority.journal import EVENTS
from appliance.authority.journal_verification import Verification
from appliance.authority.revocation import RevokeRequest
from appliance.authority.timeguard import TimeGuard
from appliance.formats import chain
from appliance.model.errors import Unavailable
from appliance.model.grants import Credential
from appliance.model.journal import JournalEntry
from appliance.model.upkeep import Retention
from appliance.ports.timekeeping import Reading
from appliance.provisioners.acme import AcmeProvisioner
from appliance.stores.memory import MemoryStore
from tests.authority.acme.test_bounded_store import renewed
from tests.authority.ssh_scenarios import host, provisioners
from tests.authority.test_ssh_signing import body, made
from tests.support.acme_by_hand import AcmeWorld, csr
from tests.support.authority import CONTEXT, START, RecordedEvents
from tests.support.lists import Lists
from tests.support.notices import Mailbox
from tests.support.ssh import SshAppliance

HOUR, DAY, MB = timedelta(hours=1), timedelta(days=1), 2**20
ACME = {
    "type": "ACME", "name": "acme",
    "claims": {"maxTLSCertDuration": "48h", "defaultTLSCertDuration": "48h"},
}  # fmt: skip
KEPT = Retention(certificates=30 * DAY, events=60 * DAY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """How many there are of each; `days` are always a year but for a glance."""

    acme: int = 2
    ssh: int = 1
    revocations: int = 40
    days: int = 365


FULL = Scale(acme=50, ssh=20, revocations=1000)


@dataclass
class House:
    """A CA, its clients, and who looks after it."""

    scale: Scale
    store: MemoryStore = field(default_factory=MemoryStore)
    phone: Mailbox = field(default_factory=Mailbox)
    last: dict[str, str] = field(default_factory=dict)  # what each client has, as ARI names it
    revoked: dict[int, datetime] = field(default_factory=dict)  # when each one ends
    refused: int = 0

    def __post_init__(self) -> None:
        self.world = AcmeWorld(entries=(ACME,), store=self.store)
        self.clock = self.world.clock
        self.ssh = SshAppliance(
            entries=provisioners(), clock=self.clock, store=self.store,
            sink=self.world.appliance.sink,
        )  # fmt: skip
        board, gate = ConditionBoard(self.clock), self.world.appliance.x509.gate
        self.disk, self.time = DiskGuard(gate, board), TimeGuard(self.store, gate, board)
        self.alerts = Alerts(RecordedEvents(), self.store, self.clock, board)
        self.alerts.configure(AlertPolicy(), tuple)
        self.alerts.courier.configure({"phone": Addressee(target=self.phone)})
        self.publisher = CrlPublisher(self.store, self.clock, gate)
        self.number = 0
        self.verification = Verification()

    @property
    def reading(self) -> Reading:
        elapsed = (self.clock.now() - START).total_seconds()
        return Reading(wall=self.clock.now(), elapsed=elapsed, synchronized=True)

    async def begin(self) -> None:
        provisioner = self.world.endpoints.registry.by_name("acme")
        assert isinstance(provisioner, AcmeProvisioner)
        self.provisioner = provisioner
        self.accounts = [
            (await self.world.client()).kid.rpartition("/")[2] for _ in range(self.scale.acme)
        ]
        self.requests = [csr(f"c{each}.home.arpa") for each in range(self.scale.acme)]
        await self.time.load(self.reading)

    async def renewals(self, away: frozenset[int] = frozenset()) -> None:
        """Let ACME clients renew what they have."""
        for each in range(self.scale.acme):
            name = f"c{each}.home.arpa"
            if each in away:
                continue
            try:
                self.last[name] = await renewed(
                    self.world, self.provisioner, self.accounts[each], name, self.requests[each],
                    self.last.get(name, ""),
                )  # fmt: skip
            except Unavailable:
                self.refused += 1

    async def day(self, number: int, *, away: frozenset[int] = frozenset()) -> None:
        """Let everybody do what is due."""
        await self.renewals(away)
        for each in range(self.scale.ssh):
            if number % 7 == each % 7:
                await self.ssh_host(each)
        due = self.scale.revocations * (number + 1) // self.scale.days - len(self.revoked)
        await self.revoke(due)
        for event in self.world.appliance.sink.events:
            self.alerts.record(event)
        self.world.appliance.sink.events.clear()

    async def ssh_host(self, each: int) -> None:
        name = f"h{each}.home.arpa"
        asked = body(self.ssh, host(keyID=name, principals=[name]))
        made(await self.ssh.ask("POST", "/ssh/sign", asked))

    async def revoke(self, count: int) -> None:
        """Revoke the newest certificates of some clients, as their holders may."""
        rows = await self.store.scan("hearth_x509_issued", reverse=True, limit=2 * count + 10)
        for place, _ in rows:
            if count <= 0:
                return
            serial = int.from_bytes(place[7:])
            if serial in self.revoked:
                continue
            der = await self.store.get("x509_certs", b"%d" % serial)
            assert der is not None
            chain = self.world.appliance.pki.trust.intermediates
            shown = Credential(certificate=der, chain=chain)
            request = RevokeRequest(
                serial=str(serial), token="", reason_code=1, reason="", passive=True,
                credential=shown, context=CONTEXT,
            )  # fmt: skip
            await self.world.appliance.revocation.revoke(request)
            self.revoked[serial] = x509.load_der_x509_certificate(der).not_valid_after_utc
            count -= 1

    async def look(self, free: int = 900) -> None:
        """Do what the box does by itself."""
        self.time.look(self.reading)
        await self.time.keep(self.clock.now())
        self.disk.look(Room(free=free * MB))
        await self.alerts.step()
        await self.alerts.courier.deliver_due("phone")

    async def tidy(self) -> None:
        await retention.tidy(self.store, KEPT, self.clock.now(), leeway=timedelta(minutes=1))

    async def check_list(self) -> None:
        """The list is newer than the one before, is ours, and has just what it should have."""
        await self.publisher.publish()
        published = await self.publisher.current()
        assert published.number > self.number
        self.number = published.number
        found = x509.load_der_x509_crl(published.der)
        issuer = x509.load_der_x509_certificate(self.world.appliance.pki.trust.intermediates[0])
        key = issuer.public_key()
        assert found.is_signature_valid(key)  # type: ignore[arg-type] # of the kinds that we have
        listed = {each.serial_number for each in found}
        now = self.clock.now()
        assert {each for each, end in self.revoked.items() if end > now} <= listed
        assert listed <= self.revoked.keys()

    async def check_journal(self, *, whole: bool = False) -> None:
        """Each entry follows the one before; of the whole, the beginning is accounted for, too."""
        verification = Verification() if whole else self.verification
        start = b"" if whole else chain.key(verification.head.number + 1)
        while rows := await self.store.scan(EVENTS, start=start, limit=1000):
            for key, value in rows:
                entry = chain.read(key, value)
                verification.take(
                    JournalEntry(number=entry.number, previous=entry.previous, body=entry.body)
                )
            start = rows[-1][0] + b"\0"
        if whole:
            verification.finish()
        assert verification.problems == []

    def sizes(self) -> Counter[str]:
        return Counter({name: len(each.rows) for name, each in self.store._buckets.items()})


async def live(scale: Scale) -> tuple[House, list[Counter[str]]]:
    """Live for the days of a scale, with some mishaps; give the house and its months."""
    house = House(scale)
    await house.begin()
    months = []
    plan = Lists(store=house.store, clock=house.clock, pki=house.world.appliance.pki).plan()
    async with trio.open_nursery() as nursery:
        house.publisher.configure(plan)
        nursery.start_soon(house.publisher.keep_fresh)
        for number in range(scale.days):
            if number == 250:  # the clock falls back by ten years for an hour
                house.clock.moment -= 3650 * DAY
                await house.look()
                house.clock.moment += HOUR
                await house.look()
                await house.renewals()  # nobody gets anything
                house.clock.moment += 3650 * DAY - HOUR
                await house.look()
            full = number == 120
            if full:
                await house.look(free=20)
            await house.day(number, away=frozenset({1}) if 200 <= number < 204 else frozenset())
            for quarter in range(4):
                house.clock.moment += 6 * HOUR
                await house.look(free=20 if full and quarter < 3 else 900)
            await house.tidy()
            await house.check_list()
            await house.check_journal()
            if number % 30 == 29:
                await house.check_journal(whole=True)
                months.append(house.sizes())
        nursery.cancel_scope.cancel()
    return house, months


STORY = [
    ("firing", "disk"),
    ("recovered", "disk"),
    ("firing", "renewal-late:c1.home.arpa"),
    ("firing", "renewal-late:c1.home.arpa"),  # worse: it has expired
    ("firing", "host-quiet:c1.home.arpa"),
    ("recovered", "renewal-late:c1.home.arpa"),
    ("recovered", "host-quiet:c1.home.arpa"),
    ("firing", "clock"),
    ("recovered", "clock"),
]
GROWING = {"revoked_x509_certs", "hearth_x509_revoked_entries"}  # what is kept for ever


async def test_a_year_leaves_a_bounded_store_valid_lists_and_the_alerts_that_should_be() -> None:
    """Lists and journal are checked every day; what is kept is what thirty or sixty days leave."""
    house, months = await live(Scale())
    judge(house, months)


def judge(house: House, months: list[Counter[str]]) -> None:
    assert house.phone.told == STORY
    assert house.refused == 2 * house.scale.acme, "on the day of the full disk, and in the past"
    totals = [sum(n for name, n in each.items() if name not in GROWING) for each in months]
    assert max(totals[3:]) <= 1.1 * min(totals[3:])
    last = months[-1]
    assert last["x509_certs"] <= 33 * house.scale.acme
    assert last["used_ott"] == 0
    assert {last[name] for name in GROWING} == {house.scale.revocations * 360 // 365}
