"""The server's own certificate is renewed in memory when two thirds of its life are over."""

import ssl
from datetime import UTC, datetime, timedelta

import pytest
import trio
from trio.testing import MockClock

from appliance.config.loading import load
from appliance.model.algorithms import SignatureAlgorithm
from appliance.model.errors import Unavailable
from appliance.operator.ring import EventRing
from appliance.server.assembly import Assembly, assemble, lay_foundation
from appliance.server.certificate import OwnCertificate
from appliance.server.system import SystemChance
from appliance.stores.memory import MemoryStore
from appliance.web.tls import TlsHolder
from tests.server.conftest import Authority

START = datetime(2030, 1, 1, tzinfo=UTC)


class VirtualClock:
    """The wall clock that goes with Trio's mock clock; `jump` is what somebody has set it by."""

    def __init__(self) -> None:
        self.jump = timedelta()

    def now(self) -> datetime:
        return START + timedelta(seconds=trio.current_time()) + self.jump


def assembled(authority: Authority, clock: VirtualClock) -> Assembly:
    authority.configure(db=...)
    foundation = lay_foundation(
        MemoryStore(), clock=clock, chance=SystemChance(), events=EventRing(), password=None
    )
    return assemble(load(authority.file), foundation, lambda fields: None)


async def renewals(
    own: OwnCertificate, assembly: Assembly, holder: TlsHolder, span: timedelta
) -> int:
    """How often the context changes in a span of virtual time."""
    seen: list[ssl.SSLContext] = [holder.context]
    with trio.move_on_after(span.total_seconds()):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(own.keep_fresh, lambda: assembly, holder)
            while True:
                await trio.sleep(30)
                if holder.context is not seen[-1]:
                    seen.append(holder.context)
    return len(seen) - 1


async def test_it_is_renewed_at_two_thirds_of_its_life(
    authority: Authority, autojump_clock: MockClock
) -> None:
    virtual = VirtualClock()
    own, assembly = OwnCertificate(virtual, SystemChance()), assembled(authority, virtual)
    holder = TlsHolder(await own.issue(assembly))
    assert await renewals(own, assembly, holder, timedelta(hours=15, minutes=59)) == 0
    assert await renewals(own, assembly, holder, timedelta(minutes=3)) == 1
    assert await renewals(own, assembly, holder, timedelta(days=2)) == 3


async def test_it_is_renewed_soon_after_the_clock_was_set_forward(
    authority: Authority, autojump_clock: MockClock
) -> None:
    virtual = VirtualClock()
    own, assembly = OwnCertificate(virtual, SystemChance()), assembled(authority, virtual)
    holder = TlsHolder(await own.issue(assembly))
    virtual.jump = timedelta(days=30)
    assert await renewals(own, assembly, holder, timedelta(minutes=2)) == 1


async def test_a_renewal_that_fails_is_tried_again(
    authority: Authority, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    virtual = VirtualClock()
    own, assembly = OwnCertificate(virtual, SystemChance()), assembled(authority, virtual)
    holder = TlsHolder(await own.issue(assembly))
    tried = 0
    signer = assembly.issuers.first.signer
    sign = type(signer).sign

    async def failing(self: object, message: bytes, algorithm: SignatureAlgorithm) -> bytes:
        nonlocal tried
        tried += 1
        if tried < 4:
            raise Unavailable("the key is away")
        return await sign(signer, message, algorithm)

    monkeypatch.setattr(type(signer), "sign", failing)
    virtual.jump = timedelta(hours=20)
    assert await renewals(own, assembly, holder, timedelta(minutes=10)) == 1
    assert tried == 4
