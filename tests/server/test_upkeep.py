"""The server has its store learn what there is where mostly nothing is found."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
import trio

from appliance.authority import index, records, retention
from appliance.authority.conditions import ConditionBoard
from appliance.authority.gate import IssuanceGate
from appliance.authority.kinds import SOUGHT_IN_VAIN
from appliance.authority.ssh import records as ssh_records
from appliance.config.loading import load
from appliance.model.errors import Broken
from appliance.model.upkeep import Retention
from appliance.ports.store import Store
from appliance.server.system import SystemClock
from appliance.server.upkeep import Upkeep
from appliance.stores.leveldb import LevelDbStore, open_store
from tests.server.conftest import Authority, Start
from tests.support.web import PATIENCE


def test_nearly_every_request_looks_there_in_vain() -> None:
    assert set(SOUGHT_IN_VAIN) == {
        records.USED_TOKENS, records.REVOCATIONS, ssh_records.REVOCATIONS, index.SSH.serials,
    }  # fmt: skip


async def test_a_server_learns_and_refuses_a_token_of_before_its_start(
    start: Start, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Sequence[str]] = []
    learn = LevelDbStore.learn

    async def noted(self: LevelDbStore, buckets: Sequence[str]) -> None:
        await learn(self, buckets)
        asked.append(buckets)

    monkeypatch.setattr(LevelDbStore, "learn", noted)
    body = authority.request("a.test")
    async with start() as appliance:
        assert (await appliance.client.post("/sign", json=body)).status_code == 201
    asked.clear()
    async with start() as appliance:
        with trio.fail_after(PATIENCE):
            while not asked:
                await trio.sleep(0.005)
        assert (await appliance.client.post("/sign", json=body)).status_code == 401
    assert asked == [SOUGHT_IN_VAIN]


async def test_it_learns_anew_when_much_has_gone_and_serves_without_when_it_cannot(
    authority: Authority, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    done: list[str] = []

    async def much(store: Store, kept: Retention, now: datetime, *, leeway: timedelta) -> int:
        return 20_000

    async def compact(self: Any) -> None:
        done.append("compacted")

    async def learn(self: Any, buckets: Sequence[str]) -> None:
        done.append("learned")
        raise Broken("the database cannot be read")

    monkeypatch.setattr(retention, "tidy", much)
    monkeypatch.setattr(LevelDbStore, "compact", compact)
    monkeypatch.setattr(LevelDbStore, "learn", learn)
    store = await open_store(authority.directory / "db")
    settings = load(authority.directory / "ca.json")
    looking = Upkeep(store, IssuanceGate(), ConditionBoard(SystemClock()), lambda: settings)
    await looking.begin()
    await looking.tidy()
    await store.aclose()
    assert done == ["compacted", "learned"]
    assert "the database cannot be read" in caplog.text
