"""A notice is told until its target took it; a target that hangs costs no other anything."""

from datetime import timedelta

import pytest
import trio
import trio.testing

from appliance.authority.alerts import records
from appliance.authority.alerts.delivery import Addressee, Courier
from appliance.model.alerts import Change, Notice
from appliance.model.conditions import Severity
from appliance.model.errors import Forbidden, NotFound, Unavailable
from appliance.stores.memory import MemoryStore
from tests.support.authority import START, StandingClock
from tests.support.notices import Mailbox


def notice(number: int, severity: Severity = Severity.WARNING, name: str = "disk") -> Notice:
    return Notice(
        id=f"{number:04}", change=Change.FIRING, name=name, severity=severity, text="full",
        at=START, since=START, authority="Home CA",
    )  # fmt: skip


class Post:
    """A courier with two targets."""

    def __init__(self, store: MemoryStore | None = None) -> None:
        self.store = store or MemoryStore()
        self.clock = StandingClock()
        self.phone, self.mail = Mailbox(), Mailbox()
        self.courier = Courier(self.store, self.clock)
        self.courier.configure(
            {"phone": Addressee(target=self.phone), "mail": Addressee(target=self.mail)}
        )

    async def send(self, *notices: Notice) -> None:
        for each in notices:
            rows = self.courier.addressed(each)
            await self.store.commit([records.pending(row) for row in rows])
            self.courier.send(rows)

    async def deliver(self) -> None:
        for name in self.courier.targets:
            await self.courier.deliver_due(name)


async def test_what_a_target_does_not_take_waits_in_its_order_and_is_taken_once() -> None:
    post = Post()
    post.phone.trouble = Unavailable("no network")
    await post.send(notice(1), notice(2))
    await post.deliver()
    assert [each.id for each in post.mail.taken] == ["0001", "0002"]
    assert post.phone.tries == 1, "the first one showed that it is gone"
    await post.deliver()
    assert post.phone.tries == 1, "it is not tried again before its time"
    post.phone.trouble = None
    post.clock.advance(31)
    await post.deliver()
    assert [each.id for each in post.phone.taken] == ["0001", "0002"]
    assert await post.store.scan("hearth_alerts_outbox") == []


async def test_the_pauses_grow_and_have_an_end() -> None:
    post = Post()
    post.phone.trouble = Unavailable("no network")
    await post.send(notice(1))
    for _ in range(12):
        await post.deliver()
        post.clock.moment = max(each.due for each in post.courier.pending)
    (row,) = post.courier.pending
    assert row.attempts == 12
    await post.deliver()
    assert post.courier.pending[0].due - post.clock.now() == timedelta(minutes=15)


async def test_news_have_a_target_tried_at_once() -> None:
    post = Post()
    post.phone.trouble = Unavailable("no network")
    await post.send(notice(1))
    for _ in range(6):
        await post.deliver()
        post.clock.moment = max(each.due for each in post.courier.pending)
    await post.deliver()
    post.phone.trouble = None
    await post.send(notice(2))
    await post.deliver()
    assert [each.id for each in post.phone.taken] == ["0001", "0002"]


async def test_a_notice_that_is_refused_lets_others_pass() -> None:
    post = Post()
    post.phone.trouble = Forbidden("too long")
    await post.send(notice(1), notice(2))
    await post.deliver()
    assert post.phone.tries == 2


async def test_what_waited_at_the_end_of_the_server_is_told_after_its_start() -> None:
    post = Post()
    post.phone.trouble = Unavailable("no network")
    await post.send(notice(1))
    await post.deliver()
    later = Post(post.store)
    later.clock.advance(60)
    await later.courier.load()
    await later.deliver()
    assert [each.id for each in later.phone.taken] == ["0001"]
    assert later.mail.taken == []


async def test_a_clock_that_was_set_back_delays_nothing() -> None:
    post = Post()
    post.phone.trouble = Unavailable("no network")
    await post.send(notice(1))
    await post.deliver()
    post.phone.trouble = None
    post.clock.advance(-86_400)
    await post.deliver()
    assert len(post.phone.taken) == 1


async def test_a_target_that_hangs_holds_up_no_other(
    autojump_clock: trio.testing.MockClock,
) -> None:
    post = Post()
    post.phone.hangs = True
    async with trio.open_nursery() as nursery:
        nursery.start_soon(post.courier.run)
        await trio.testing.wait_all_tasks_blocked()
        for number in range(5):
            await post.send(notice(number))
            await trio.sleep(1)
        assert [each.id for each in post.mail.taken] == [f"{n:04}" for n in range(5)]
        await trio.sleep(60)
        assert "no answer" in post.courier.pending[0].problem
        nursery.cancel_scope.cancel()


async def test_what_waits_for_a_target_that_is_gone_is_let_go(
    autojump_clock: trio.testing.MockClock,
) -> None:
    post = Post()
    post.phone.trouble = Unavailable("no network")
    await post.send(notice(1))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(post.courier.run)
        await trio.sleep(1)
        post.courier.configure({"mail": Addressee(target=post.mail)})
        await trio.sleep(1)
        assert post.courier.pending == ()
        nursery.cancel_scope.cancel()
    assert await post.store.scan("hearth_alerts_outbox") == []


def test_a_target_is_told_of_what_it_wants() -> None:
    mailbox = Mailbox()
    urgent = Addressee(target=mailbox, least=Severity.CRITICAL)
    assert not urgent.wants(notice(1))
    assert urgent.wants(notice(1, Severity.CRITICAL))
    tokens = Addressee(target=mailbox, rules=frozenset({"token"}))
    assert tokens.wants(notice(1, name="token:yubikey 1"))
    assert not tokens.wants(notice(1))


async def test_a_test_says_how_each_target_took_it() -> None:
    post = Post()
    post.phone.trouble = Unavailable("no network")
    found = await post.courier.try_out(notice(1))
    assert [(each.target, each.problem) for each in found] == [
        ("phone", "no network"),
        ("mail", ""),
    ]
    with pytest.raises(NotFound, match="no target 'fax'"):
        await post.courier.try_out(notice(1), "fax")
