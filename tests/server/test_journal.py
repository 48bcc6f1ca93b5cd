"""What the box and its operator do is in the journal, beside what its clients ask for."""

import hashlib

import pytest

from appliance.authority.journal_reading import JournalReader
from appliance.authority.journal_verification import Verification
from appliance.model.alerts import Mute
from appliance.model.errors import NotFound
from appliance.model.events import EventKind
from appliance.model.journal import JournalQuery
from appliance.model.version import VERSION
from appliance.operator.remote import connected
from appliance.stores.leveldb import open_store
from tests.server.conftest import Authority, Start

NOTED, WARNED = EventKind.NOTED, EventKind.WARNED
TARGET = {"type": "command", "command": ["/bin/true"]}


def digest(authority: Authority) -> str:
    return hashlib.sha256(authority.file.read_bytes()).hexdigest()


async def test_a_day_of_the_box_is_told_from_start_to_stop(
    start: Start, authority: Authority
) -> None:
    """Start, reloads, an operator's deeds, a backup's reading, the stop: in order, and chained."""
    authority.configure(alerts={"targets": [TARGET]})
    first = digest(authority)
    async with start() as appliance:
        signed = await appliance.client.post("/sign", json=authority.request("a.test"))
        assert signed.status_code == 201
        authority.configure(alerts={"targets": [TARGET]}, dnsNames=["localhost", "b.test"])
        second = digest(authority)
        await appliance.reload("Serving HTTPS")
        authority.file.write_text("{")
        wrong = await appliance.reload("error reloading")
        async with connected(authority.directory / "db") as operator:
            await operator.mute_alert(Mute(name="disk"))
            await operator.unmute_alert("disk")
            await operator.test_alerts()
            with pytest.raises(NotFound):
                await operator.unlock_token("nowhere", "123456")
            await operator.close_snapshot(await operator.open_snapshot())
    store = await open_store(authority.directory / "db")
    try:
        page = await JournalReader(store).page(JournalQuery())
    finally:
        await store.aclose()
    verification = Verification()
    events = [read.event for entry in page.entries if (read := verification.take(entry))]
    verification.finish()
    assert verification.problems == []
    told = [(e.kind, e.operation, e.reason) for e in events if e.kind in (NOTED, WARNED)]
    no_such_token = next(text for _, operation, text in told if operation == "token-unlock")
    assert "nowhere" in no_such_token
    assert "123456" not in no_such_token
    assert told == [
        (NOTED, "start", f"Hearth {VERSION}, ca.json with SHA-256 {first} is in force"),
        (NOTED, "reload", f"ca.json with SHA-256 {second} is in force"),
        (WARNED, "reload", wrong.partition("error reloading: ")[2]),
        (NOTED, "alerts-mute", "disk"),
        (NOTED, "alerts-unmute", "disk"),
        (NOTED, "alerts-test", "command: told"),
        (WARNED, "token-unlock", no_such_token),
        (NOTED, "backup", "the whole database is read for a backup"),
        (NOTED, "stop", "as asked"),
    ]
    assert [e.operation for e in events if e.kind is EventKind.ISSUED] == ["sign"]
