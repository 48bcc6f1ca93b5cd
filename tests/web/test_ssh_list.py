"""The list of revoked SSH certificates over HTTP: its octets, and few for who has them already."""

from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import format_datetime

import pytest

from appliance.authority.ssh import records
from appliance.authority.ssh.krl import KrlPublisher
from appliance.formats.ssh import krl
from appliance.stores.memory import MemoryStore
from appliance.web.application import Application, build_application, mounted
from appliance.web.publish.krl import krl_routes
from tests.support.authority import START, StandingClock, SystemChance
from tests.support.web import Pki, serving
from tests.web.test_application import ask


@dataclass
class Revoked:
    """A publisher of revocations."""

    store: MemoryStore = field(default_factory=MemoryStore)

    def __post_init__(self) -> None:
        self.publisher = KrlPublisher(self.store, StandingClock())
        self.publisher.configure([b"ours"])

    async def revoke(self, serial: int) -> None:
        operations = records.revoked(
            serial=serial, provisioner_id="", reason_code=0, reason="", revoked_at=START,
            token_id="", listed=None,
        )  # fmt: skip
        await self.store.commit(operations)
        await self.publisher.changed()

    @property
    def application(self) -> Application:
        routes = mounted(krl_routes(self.publisher), "", "/1.0")
        return build_application(routes, chance=SystemChance(), access_log=lambda line: None)


@pytest.mark.parametrize("path", ["/ssh/krl", "/1.0/ssh/krl"])
async def test_the_list_is_served_as_it_is(path: str, pki: Pki) -> None:
    revoked = Revoked()
    await revoked.revoke(5)
    async with serving(revoked.application, pki) as server:
        status, headers, body = await ask(server, path)
    assert status == 200
    assert body == (await revoked.publisher.current()).octets
    assert [each.serials for each in krl.parse(body).certificates] == [((5, 5),)]
    assert headers["content-type"] == "application/octet-stream"
    assert headers["last-modified"] == "sun, 01 mar 2026 12:00:00 gmt"


async def test_who_has_it_is_told_so_until_it_changes(pki: Pki) -> None:
    revoked = Revoked()
    async with serving(revoked.application, pki) as server:
        _, headers, _ = await ask(server, "/ssh/krl")
        tag = headers["etag"]
        status, _, body = await ask(server, "/ssh/krl", if_none_match=tag)
        assert (status, body) == (304, b"")
        await revoked.revoke(5)
        status, _, body = await ask(server, "/ssh/krl", if_none_match=tag)
        assert status == 200
        assert krl.parse(body).certificates


@pytest.mark.parametrize(("seconds", "status"), [(-1, 200), (0, 200), (1, 304)])
async def test_a_date_counts_from_the_next_second_on(seconds: int, status: int, pki: Pki) -> None:
    """Another list could have been made in the same second."""
    since = format_datetime(START.replace(microsecond=0) + timedelta(seconds=seconds), usegmt=True)
    async with serving(Revoked().application, pki) as server:
        answered, _, _ = await ask(server, "/ssh/krl", if_modified_since=since)
    assert answered == status


async def test_without_ssh_keys_there_is_none(pki: Pki) -> None:
    revoked = Revoked()
    revoked.publisher.configure([])
    async with serving(revoked.application, pki) as server:
        status, _, body = await ask(server, "/ssh/krl")
    assert status == 404
    assert b"no SSH keys" in body
