"""Which hosts are told, and how they are reached."""

import pytest

from appliance.authority.ssh import records
from appliance.authority.ssh.hosts import SshHosts
from appliance.config.settings import BastionSettings, SshSettings
from appliance.formats import gojson
from appliance.formats.ssh.certificate import FOREVER
from appliance.issuance.ssh import periods
from appliance.model.errors import Broken, NotFound
from appliance.ports.store import Put
from appliance.stores.memory import MemoryStore
from tests.support.authority import START, StandingClock

NOW = periods.seconds(START)


def row(name: str, expiry: int) -> Put:
    value = gojson.encode(records.HostPrincipal(serial="1", expiry=expiry))
    return Put(records.HOST_PRINCIPALS, name.encode(), value)


async def test_hosts_whose_certificates_have_ended_are_left_out() -> None:
    store = MemoryStore()
    ends = {"old": NOW, "new": NOW + 1, "ever": FOREVER, "older": 0, "ü.example": NOW + 60}
    await store.commit([row(name, end) for name, end in ends.items()])
    hosts = SshHosts(store=store, clock=StandingClock(), settings=None)
    assert await hosts.names() == ["ever", "new", "ü.example"]


async def test_all_hosts_of_many_are_told() -> None:
    store = MemoryStore()
    names = [f"host-{number:05}" for number in range(2500)]
    await store.commit([row(name, NOW + 60) for name in names])
    hosts = SshHosts(store=store, clock=StandingClock(), settings=None)
    assert await hosts.names() == names


async def test_a_damaged_row_is_named_in_the_log_only() -> None:
    store = MemoryStore()
    await store.commit([Put(records.HOST_PRINCIPALS, b"h", b"x")])
    hosts = SshHosts(store=store, clock=StandingClock(), settings=None)
    with pytest.raises(Broken) as failed:
        await hosts.names()
    assert failed.value.detail == "h"


async def test_an_old_certificate_still_makes_a_host_known() -> None:
    """As in step-ca: what SSH asks is whether the CA speaks for the host."""
    store = MemoryStore()
    await store.commit([Put(records.HOSTS, b"web.example", b"1")])
    hosts = SshHosts(store=store, clock=StandingClock(), settings=None)
    assert await hosts.has_certificate("Web.EXAMPLE")
    assert not await hosts.has_certificate("other.example")


def test_the_bastion_is_not_reached_over_itself() -> None:
    bastion = BastionSettings(hostname="Bastion.example")
    hosts = SshHosts(
        store=MemoryStore(), clock=StandingClock(), settings=SshSettings(bastion=bastion)
    )
    assert hosts.bastion("web.example") is bastion
    assert hosts.bastion("bastion.EXAMPLE") is None
    nowhere = SshHosts(store=MemoryStore(), clock=StandingClock(), settings=None)
    with pytest.raises(NotFound):
        nowhere.bastion("web.example")
