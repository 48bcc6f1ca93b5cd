"""Each rule finds what it is for, finds nothing else, and says when it is over."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
import trio
import trio.testing

from appliance.authority.alerts import records
from appliance.authority.alerts.delivery import Addressee
from appliance.authority.alerts.monitor import AlertPolicy, Alerts, End
from appliance.authority.conditions import ConditionBoard
from appliance.formats import prometheus
from appliance.model.alerts import Burst, Mute, Watch
from appliance.model.conditions import Severity
from appliance.model.errors import BadRequest, Broken, NotFound
from appliance.model.events import Event, EventKind
from appliance.model.inventory import CertificateKind
from appliance.model.tokens import TokenState, TokenStatus
from appliance.model.validity import Validity
from appliance.ports.store import Operation, Store
from appliance.server.token_notices import TokenNotices
from appliance.stores.memory import MemoryStore
from tests.support.authority import START, RecordedEvents, StandingClock
from tests.support.notices import Mailbox

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
YEAR = 365 * DAY

Told = list[tuple[str, str]]


@dataclass
class Watched:
    """A box, its watch, and who is told."""

    policy: AlertPolicy = field(default_factory=AlertPolicy)
    store: Store = field(default_factory=MemoryStore)
    clock: StandingClock = field(default_factory=StandingClock)
    phone: Mailbox = field(default_factory=Mailbox)
    ends: list[End] = field(default_factory=list)
    serial: int = 0

    def __post_init__(self) -> None:
        self.open()

    def open(self) -> None:
        """Start, or start again."""
        self.board = ConditionBoard(self.clock)
        self.alerts = Alerts(RecordedEvents(), self.store, self.clock, self.board)
        self.alerts.configure(self.policy, lambda: self.ends)
        self.alerts.courier.configure({"phone": Addressee(target=self.phone)})

    async def look(self, after: timedelta = timedelta()) -> Told:
        """Let time pass, look once, and give what was told of it."""
        self.clock.moment += after
        before = len(self.phone.taken)
        await self.alerts.step()
        await self.alerts.courier.deliver_due("phone")
        return self.phone.told[before:]

    def issue(
        self,
        *names: str,
        lifetime: timedelta = DAY,
        kind: EventKind = EventKind.ISSUED,
        operation: str = "sign",
        provisioner: str = "acme",
        client: str = "",
    ) -> None:
        """Tell of a certificate."""
        self.serial += 1
        now = self.clock.now()
        self.alerts.record(
            Event(
                at=now, kind=kind, operation=operation, subject=names[0], sans=names,
                provisioner=provisioner, provisioner_type="ACME", serial=self.serial,
                certificate_type="host" if operation.startswith("ssh") else "",
                not_before=now, not_after=now + lifetime, client=client,
            )
        )  # fmt: skip

    def severity(self) -> Severity:
        """Give that of what was told last."""
        return self.phone.taken[-1].severity

    def refuse(self, times: int) -> None:
        """Tell of refusals."""
        for _ in range(times):
            self.alerts.record(
                Event(at=self.clock.now(), kind=EventKind.REFUSED, operation="sign", reason="no")
            )


# ---- habits


@pytest.mark.parametrize("operation", ["sign", "ssh-sign"])
@pytest.mark.parametrize("lifetime", [5 * MINUTE, DAY, 90 * DAY])
async def test_a_renewal_is_no_news_however_short_the_life(
    lifetime: timedelta, operation: str
) -> None:
    """Renewed at four fifths of its life, as always; looked at in between and just before."""
    box = Watched()
    for _ in range(30):
        box.issue("a.test", lifetime=lifetime, operation=operation)
        assert await box.look() == []
        assert await box.look(lifetime * 0.5) == []
        assert await box.look(lifetime * 0.3) == []


async def test_who_renewed_and_now_does_not_is_late_then_expired_then_quiet() -> None:
    box = Watched()
    for _ in range(4):
        box.issue("a.test")
        await box.look(DAY * 0.6)
    box.issue("a.test")
    assert await box.look(DAY * 0.75) == []
    assert await box.look(DAY * 0.06) == [("firing", "renewal-late:a.test")]
    assert box.severity() is Severity.WARNING
    assert "is not renewed, which was usual before" in box.phone.taken[-1].text
    assert await box.look(HOUR) == []
    assert await box.look(DAY * 0.2) == [("firing", "renewal-late:a.test")]
    assert box.severity() is Severity.CRITICAL
    assert await box.look(DAY * 0.5) == [("firing", "host-quiet:a.test")]
    box.issue("a.test")
    assert sorted(await box.look()) == [
        ("recovered", "host-quiet:a.test"),
        ("recovered", "renewal-late:a.test"),
    ]


async def test_what_is_revoked_is_not_waited_for() -> None:
    box = Watched()
    for _ in range(4):
        box.issue("a.test")
        await box.look(DAY * 0.6)
    assert await box.look(DAY * 0.3) == [("firing", "renewal-late:a.test")]
    box.alerts.record(
        Event(at=box.clock.now(), kind=EventKind.REVOKED, operation="revoke", serial=box.serial)
    )
    assert await box.look() == [("recovered", "renewal-late:a.test")]
    assert await box.look(YEAR) == []


# ---- ends


@pytest.mark.parametrize(
    ("name", "length", "early", "near", "last"),
    [
        ("root:Home Root", 20 * YEAR, 400 * DAY, 360 * DAY, 90 * DAY),
        ("root:Small Root", 5 * YEAR, YEAR, 180 * DAY, 40 * DAY),
        ("intermediate:Home CA", 10 * YEAR, 190 * DAY, 179 * DAY, 44 * DAY),
        ("own-certificate", DAY, 7 * HOUR, 5.9 * HOUR, HOUR),
        ("ocsp-responder", 7 * DAY, 2 * DAY, 1.7 * DAY, 10 * HOUR),
        ("crl", DAY, 7 * HOUR, 5.9 * HOUR, HOUR),
    ],
)
async def test_an_end_that_comes_near_is_told_and_again_when_it_is_close(
    name: str, length: timedelta, early: timedelta, near: timedelta, last: timedelta
) -> None:
    """What the CA renews by itself is told a hold later, when it lasts."""
    box = Watched()
    end = START + length
    box.ends = [(name, Validity(not_before=START, not_after=end))]
    box.clock.moment = end - early
    assert await box.look() == []
    box.clock.moment = end - near
    await box.look()
    await box.look(3 * MINUTE)
    assert box.phone.told == [("firing", name)]
    assert box.severity() is Severity.WARNING
    assert f"ends {end:%F %H:%M} UTC, in " in box.phone.taken[-1].text
    box.clock.moment = end - last
    assert await box.look() == [("firing", name)]
    assert box.severity() is Severity.CRITICAL
    box.ends = [(name, Validity(not_before=box.clock.now(), not_after=end + 2 * length))]
    await box.look()
    await box.look(3 * MINUTE)
    assert box.phone.told[2:] == [("recovered", name)]


async def test_what_should_be_there_and_is_not_is_told() -> None:
    box = Watched(ends=[("crl", None)])
    assert await box.look() == []
    assert await box.look(3 * MINUTE) == [("firing", "crl")]
    assert box.phone.taken[-1].text == "there is none yet"
    box.ends = []  # lists were switched off
    await box.look()
    assert await box.look(3 * MINUTE) == [("recovered", "crl")]


# ---- the box


def token(state: TokenState, tries: int | None = 3) -> TokenStatus:
    return TokenStatus(name="yubikey 1", uri="yubikey:", state=state, tries_left=tries)


async def test_a_token_that_is_away_is_told_when_it_stays_away() -> None:
    box = Watched()
    notices = TokenNotices(box.board, RecordedEvents(), box.clock)
    notices.changed(token(TokenState.READY))
    assert await box.look() == []
    notices.changed(token(TokenState.ABSENT))
    assert await box.look(MINUTE) == [], "somebody moves it to another port"
    notices.changed(token(TokenState.READY))
    assert await box.look(MINUTE) == []
    notices.changed(token(TokenState.ABSENT))
    assert await box.look(3 * MINUTE) == [("firing", "token:yubikey 1")]
    assert box.severity() is Severity.CRITICAL
    notices.changed(token(TokenState.READY))
    await box.look()
    assert await box.look(3 * MINUTE) == [("recovered", "token:yubikey 1")]


async def test_a_lost_try_of_a_pin_is_told_at_once() -> None:
    box = Watched()
    box.alerts.token_changed(token(TokenState.READY, 3))
    assert await box.look() == []
    box.alerts.token_changed(token(TokenState.LOCKED, None))  # it does not tell now
    assert await box.look() == []
    box.alerts.token_changed(token(TokenState.LOCKED, 2))
    assert await box.look() == [("firing", "token-pin:yubikey 1")]
    assert box.phone.taken[-1].text == "2 tries of its PIN are left, of 3"
    box.alerts.token_changed(token(TokenState.LOCKED, 1))
    assert await box.look() == [("firing", "token-pin:yubikey 1")]
    assert box.severity() is Severity.CRITICAL
    box.alerts.token_changed(token(TokenState.READY, 3))
    assert await box.look() == [("recovered", "token-pin:yubikey 1")]
    box.alerts.token_changed(token(TokenState.LOCKED, 2))
    await box.look()
    box.alerts.token_left("yubikey 1")
    assert await box.look() == [("recovered", "token-pin:yubikey 1")]


@pytest.mark.parametrize("name", ["clock", "disk", "store", "backup"])
async def test_what_others_report_of_the_box_is_told(name: str) -> None:
    box = Watched()
    box.board.report(name, ok=True)
    assert await box.look(DAY) == []
    box.board.report(name, ok=False, text="wrong", severity=Severity.CRITICAL)
    await box.look()
    await box.look(3 * MINUTE)
    assert box.phone.told == [("firing", name)]
    assert (box.phone.taken[0].text, box.phone.taken[0].severity) == ("wrong", Severity.CRITICAL)
    assert await box.look(DAY) == []
    box.board.report(name, ok=True)
    await box.look()
    await box.look(3 * MINUTE)
    assert box.phone.told[1:] == [("recovered", name)]


# ---- what clients do


async def test_a_burst_of_refusals_is_told_and_a_few_are_not() -> None:
    box = Watched(AlertPolicy(burst=Burst(count=5, within=10 * MINUTE)))
    for _ in range(30):
        box.refuse(1)
        assert await box.look(4 * MINUTE) == []
    box.refuse(5)
    assert await box.look() == [("firing", "refusals")]
    assert box.phone.taken[-1].text == "7 requests were refused within 10m0s"
    box.refuse(100)
    assert await box.look() == []
    assert await box.look(11 * MINUTE) == [("recovered", "refusals")]


@pytest.mark.parametrize(
    ("watch", "expected"),
    [
        (Watch(title="t", name="*.bank.test"), ["www.bank.test", "new www.bank.test"]),
        (Watch(title="t", name="*.bank.test", first_only=True), ["www.bank.test"]),
        (Watch(title="t", kind=CertificateKind.SSH), ["ssh.test"]),
        (Watch(title="t", client="192.0.2.9"), ["guest.test"]),
        (Watch(title="t", provisioner="admin", name="ssh.test"), ["ssh.test"]),
    ],
)
async def test_an_issuance_that_is_watched_for_is_told_each_time(
    watch: Watch, expected: list[str]
) -> None:
    box = Watched(AlertPolicy(watches=(watch,)))
    box.issue("www.bank.test")
    box.issue("new www.bank.test", "www.bank.test", kind=EventKind.RENEWED)
    box.issue("bank.test")
    box.issue("ssh.test", operation="ssh-sign", provisioner="admin")
    box.issue("guest.test", client="192.0.2.9")
    box.refuse(1)
    assert await box.look() == [("noted", "watched:t")] * len(expected)
    for notice, name in zip(box.phone.taken, expected, strict=True):
        assert name in notice.text
    assert await box.look(DAY) == [], "there is nothing to recover from"
    ended = (await box.alerts.report()).ended
    assert [each.name for each in ended] == ["watched:t"] * len(expected)


# ---- once, and kept


async def test_a_start_does_not_tell_again_and_tells_what_was_not_taken() -> None:
    box = Watched()
    box.board.report("disk", ok=False, text="full")
    assert await box.look() == [("firing", "disk")]
    box.phone.trouble = Broken("no network")
    box.board.report("backup", ok=False, text="old")
    assert await box.look() == []
    box.phone.trouble = None
    box.open()  # the server ends and starts
    box.board.report("disk", ok=False, text="full")
    box.board.report("backup", ok=False, text="old")
    assert await box.look(HOUR) == [("firing", "backup")]
    box.open()
    box.board.report("disk", ok=True)
    box.board.report("backup", ok=True)
    assert sorted(await box.look()) == [("recovered", "backup"), ("recovered", "disk")]


async def test_what_was_issued_while_nobody_watched_is_learned_at_the_start() -> None:
    """Habits and lateness go on over a restart; a watched name, too."""
    box = Watched()
    for _ in range(4):
        box.issue("a.test")
        await box.look(DAY * 0.6)
    box.open()
    assert await box.look(DAY * 0.1) == []
    assert await box.look(DAY * 0.3) == [("firing", "renewal-late:a.test")]


class Disk:
    """A store whose disk can be full."""

    description = "a disk"

    def __init__(self) -> None:
        self.room = math.inf  # transactions
        self._rows = MemoryStore()
        self.get, self.scan, self.aclose = self._rows.get, self._rows.scan, self._rows.aclose

    async def commit(self, operations: Sequence[Operation]) -> None:
        """Write, if there is room."""
        if self.room <= 0:
            raise Broken("the disk is full")
        self.room -= 1
        await self._rows.commit(operations)

    note = commit


async def test_a_full_disk_is_told_though_it_cannot_be_written_down() -> None:
    store = Disk()
    box = Watched(store=store)
    store.room = 0
    box.board.report("disk", ok=False, text="full")
    with pytest.raises(Broken):
        await box.alerts.step()
    await box.alerts.courier.deliver_due("phone")
    assert box.phone.told == [("firing", "disk")]
    with pytest.raises(Broken):
        await box.alerts.step()
    store.room = math.inf
    assert await box.look() == []
    box.open()
    box.board.report("disk", ok=True)
    assert await box.look() == [("recovered", "disk")]


async def test_what_a_busy_time_teaches_is_written_whole_though_the_disk_was_full_midway() -> None:
    """In parts; and that all is looked at is written when all of it is there, not before."""
    store = Disk()
    box = Watched(store=store)
    for number in range(450):
        box.issue(f"pc{number}.test")
    store.room = 1
    with pytest.raises(Broken):
        await box.alerts.step()
    assert 0 < len(await store.scan(records.LINES)) < 450
    assert await records.read_seen(store) is None
    store.room = math.inf
    await box.look()
    assert len(await store.scan(records.LINES)) == 450
    assert await records.read_seen(store) == box.clock.now()


async def test_rules_can_be_switched_off_and_their_holds_changed() -> None:
    policy = AlertPolicy(disabled=frozenset({"backup"}), holds={"disk": HOUR})
    box = Watched(policy)
    box.board.report("backup", ok=False)
    box.board.report("disk", ok=False)
    assert await box.look() == []
    assert await box.look(59 * MINUTE) == []
    assert await box.look(MINUTE) == [("firing", "disk")]


async def test_a_mute_ends_when_it_was_to_end_or_is_taken_back() -> None:
    box = Watched()
    await box.alerts.mute(Mute(name="disk", until=box.clock.now() + HOUR))
    await box.alerts.mute(Mute(name="*"))
    box.board.report("disk", ok=False)
    box.board.report("backup", ok=False)
    assert await box.look() == []
    box.open()
    box.board.report("disk", ok=False)
    box.board.report("backup", ok=False)
    assert await box.look() == [], "mutes are kept"
    assert [each.name for each in (await box.alerts.report()).mutes] == ["disk", "*"]
    await box.alerts.unmute("*")
    assert await box.look() == [("firing", "backup")]
    assert await box.look(HOUR) == [("firing", "disk")]


async def test_a_mute_that_cannot_be_is_refused() -> None:
    box = Watched()
    with pytest.raises(BadRequest):
        await box.alerts.mute(Mute(name=""))
    with pytest.raises(BadRequest):
        await box.alerts.mute(Mute(name="disk", until=box.clock.now()))
    with pytest.raises(NotFound, match="'disk' is not muted"):
        await box.alerts.unmute("disk")


async def test_a_test_goes_to_targets_and_is_no_alert() -> None:
    box = Watched()
    deliveries = await box.alerts.test()
    assert [(each.target, each.problem) for each in deliveries] == [("phone", "")]
    assert box.phone.told == [("test", "test")]
    assert (await box.alerts.report()).open == []
    with pytest.raises(NotFound, match="there is no target 'x'"):
        await box.alerts.test("x")
    box.alerts.courier.configure({})
    with pytest.raises(BadRequest, match="nobody is told"):
        await box.alerts.test()


async def test_a_target_that_hangs_costs_nothing_else(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Others are told, alerts go on, and a sign request's event is taken at once."""
    box = Watched()
    hanging = Mailbox(hangs=True)
    box.alerts.courier.configure(
        {"hook": Addressee(target=hanging), "phone": Addressee(target=box.phone)}
    )
    box.board.report("disk", ok=False)
    async with trio.open_nursery() as tasks:
        await tasks.start(box.alerts.run)
        await trio.sleep(25)
        assert box.phone.told == [("firing", "disk")]
        box.board.report("disk", ok=True)
        box.issue("a.test")
        await trio.sleep(25)
        assert box.phone.told[1:] == [("recovered", "disk")]
        assert hanging.tries >= 1
        waiting = (await box.alerts.report()).pending
        assert [(each.target, each.notice.change.value) for each in waiting] == [
            ("hook", "firing"), ("hook", "recovered"),
        ]  # fmt: skip
        tasks.cancel_scope.cancel()


async def test_alerts_are_numbers_by_rule_and_by_target() -> None:
    box = Watched(ends=[("root:R", Validity(not_before=START, not_after=START + 20 * YEAR))])
    box.phone.trouble = Broken("no network")
    for name in ("disk", "backup"):
        box.board.report(name, ok=False)
    await box.look()
    lines = prometheus.render(box.alerts.families()).splitlines()
    end = (START + 20 * YEAR).timestamp()
    assert [line for line in lines if not line.startswith("#")] == [
        'hearth_alerts_firing{rule="backup"} 1',
        'hearth_alerts_firing{rule="disk"} 1',
        'hearth_alerts_undelivered{target="phone"} 2',
        f'hearth_end_timestamp_seconds{{name="root:R"}} {end}',
    ]
