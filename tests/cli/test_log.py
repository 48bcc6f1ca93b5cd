"""`hearth log`: for people and for programs, whether the CA runs or not."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from threading import Event as Flag
from threading import Thread

import pytest
import trio

from appliance.authority import journal
from appliance.authority.inventory import Inventory
from appliance.authority.journal import EVENTS
from appliance.cli import log
from appliance.cli.clock import SystemClock
from appliance.cli.main import main
from appliance.model.events import Event, EventKind, NumberedEvent
from appliance.model.overview import Overview
from appliance.operator.control import serve_control
from appliance.operator.local import StoredCertificates
from appliance.ports.store import Operation, Put
from appliance.stores.leveldb import LevelDbStore, open_store
from tests.support.external_keys import KeptKeys
from tests.support.inventory import Sample
from tests.support.key_tokens import KeptTokens

NOW = SystemClock().now()
HOUR = timedelta(hours=1)


def event(number: int, kind: EventKind = EventKind.ISSUED) -> Event:
    name = f"host-{number}.example.com"
    return Event(
        at=NOW - (10 - number) * HOUR, kind=kind, operation="sign", subject=name, sans=(name, "x"),
        provisioner="admin", provisioner_type="JWK", serial=number, client="192.0.2.7",
        reason="\x1b[31mno" if kind is EventKind.REFUSED else "",
    )  # fmt: skip


EVENTS_OF_TEN = [event(n, EventKind.REFUSED if n % 3 == 2 else EventKind.ISSUED) for n in range(10)]


class Cli:
    """Runs the command in this process."""

    def __init__(self, directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.database, self.capsys = directory / "db", capsys
        self.config = directory / "ca.json"
        document = {
            "root": "root.crt", "crt": "ca.crt", "key": "ca.key", "address": ":443",
            "dnsNames": ["localhost"], "authority": {"provisioners": []},
            "db": {"type": "leveldb", "dataSource": str(self.database)},
        }  # fmt: skip
        self.config.write_text(json.dumps(document))

    def __call__(self, *arguments: str, code: int = 0) -> str:
        ended = main([*arguments, "--config", str(self.config)])
        output, self.errors = self.capsys.readouterr()
        assert ended == code, self.errors
        return output

    def write(self, operations: list[Operation]) -> None:
        async def run() -> None:
            store = await open_store(self.database)
            await store.commit(operations)
            await store.aclose()

        trio.run(run)

    def rows(self) -> list[tuple[bytes, bytes]]:
        async def run() -> list[tuple[bytes, bytes]]:
            store = await open_store(self.database)
            rows = await store.scan(EVENTS)
            await store.aclose()
            return rows

        return trio.run(run)


@pytest.fixture
def cli(
    steppath: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Cli:  # fmt: skip
    monkeypatch.setattr(SystemClock, "now", lambda _: NOW)
    made = Cli(tmp_path, capsys)
    made.write([journal.row(each) for each in EVENTS_OF_TEN])
    return made


class Running(StoredCertificates, KeptKeys, KeptTokens):
    """A server with nothing but an inventory and a journal."""

    async def overview(self) -> Overview:
        raise AssertionError

    async def events(self, after: int = 0) -> list[NumberedEvent]:
        raise AssertionError


@contextmanager
def running(directory: Path, later: Event) -> Iterator[None]:
    """Serve the control socket in a thread, where something happens after a while."""
    ready, stop = Flag(), Flag()

    async def happen(store: LevelDbStore) -> None:
        await trio.sleep(0.5)
        await store.commit([journal.row(later)])

    async def serve() -> None:
        store = await open_store(directory)
        async with trio.open_nursery() as nursery:
            await nursery.start(serve_control, Running(Inventory(store), SystemClock()), directory)
            nursery.start_soon(happen, store)
            ready.set()
            while not stop.is_set():
                await trio.sleep(0.01)
            nursery.cancel_scope.cancel()
        await store.aclose()

    thread = Thread(target=lambda: trio.run(serve))
    thread.start()
    ready.wait()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def test_the_newest_are_last_and_steer_no_terminal(cli: Cli) -> None:
    lines = cli("log", "list", "--limit", "3").splitlines()
    assert [line.split()[0] for line in lines] == ["8", "9", "10"]
    assert r"(\x1b[31mno)" in lines[1]
    assert lines[2].split()[3:] == [
        "issued", "sign", "host-9.example.com", "+1", "0x09", "by", "admin", "from", "192.0.2.7",
    ]  # fmt: skip


@pytest.mark.parametrize(("flags", "numbers"), [
    ((), range(10)),
    (("--all",), range(10)),
    (("--kind", "refused"), (2, 5, 8)),
    (("--kind", "refused", "--limit", "2"), (5, 8)),
    (("--since", "-150m"), (8, 9)),
    (("--until", "-9h"), (0,)),
    (("--name", "host-7.example.com", "--client", "192.0.2.7", "--operation", "sign"), (7,)),
    (("--serial", "7"), (7,)),
    (("--provisioner", "acme"), ()),
])  # fmt: skip
def test_flags_select(cli: Cli, flags: tuple[str, ...], numbers: list[int]) -> None:
    found = [
        json.loads(line) for line in cli("log", "list", "--format", "json", *flags).splitlines()
    ]
    assert [each["number"] - 1 for each in found] == list(numbers)


def test_csv_has_a_header_and_a_row_for_each(cli: Cli) -> None:
    lines = cli("log", "list", "--format", "csv").splitlines()
    assert (len(lines), lines[0][:15]) == (11, "number,at,kind,")


def test_what_is_wrong_with_flags_is_said(cli: Cli) -> None:
    for flags in (("list", "--since", "x"), ("verify", "--head", "x"), ("list", "--serial", "?"),
                  ("verify", "--file", "f", "--certificates")):  # fmt: skip
        cli("log", *flags, code=1)
        assert cli.errors


def test_verify_prints_a_head_that_it_takes_again(cli: Cli) -> None:
    lines = cli("log", "verify").splitlines()
    assert lines[0] == "entries 1 to 10 are unbroken"
    head = lines[1].removeprefix("head ")
    assert cli("log", "verify", "--head", head).splitlines() == lines[:2]
    changed = head[:-1] + ("0" if head[-1] != "0" else "1")
    cli("log", "verify", "--head", changed, code=1)
    assert "entry 10 is not the one that was noted" in cli.errors


def test_verify_finds_a_changed_entry(cli: Cli) -> None:
    key, value = cli.rows()[4]
    cli.write([Put(EVENTS, key, value.replace(b"host-4", b"evil-4"))])
    cli("log", "verify", code=1)
    assert "entry 6 does not follow entry 5" in cli.errors


def test_an_exported_journal_is_verified_without_the_ca(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "journal.jsonl"
    text = cli("log", "export")
    file.write_text(text)
    assert cli("log", "verify", "--file", str(file)) == cli("log", "verify")
    file.write_text(text.replace("host-4", "evil-4"))
    cli("log", "verify", "--file", str(file), code=1)
    file.write_text("what?\n")
    cli("log", "verify", "--file", str(file), code=1)
    assert "line 1, is no entry" in cli.errors


def test_certificates_are_held_against_the_entries(cli: Cli) -> None:
    made = Sample(serial=77, issued_at=NOW - HOUR)
    told = Event(at=NOW, kind=EventKind.ISSUED, operation="sign", serial=77,
                 not_after=made.not_after, fingerprint=fingerprint(made.der()))  # fmt: skip
    cli.write([*made.operations(), journal.row(told)])
    assert "1 certificates are in the inventory as entered" in cli(
        "log", "verify", "--certificates"
    )
    cli.write([Put("x509_certs", b"77", Sample(serial=77, subject="evil").der())])
    cli("log", "verify", "--certificates", code=1)
    assert "0x4d is not the one that entry 11 tells of" in cli.errors


def fingerprint(der: bytes) -> str:
    return hashlib.sha256(der).hexdigest()


@pytest.mark.parametrize("command", [
    ("log", "list", "--follow", "--limit", "1"),
    ("certs", "watch", "--name", "*.example.com"),
])  # fmt: skip
def test_what_happens_is_shown_as_it_does(
    cli: Cli, command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "_WAIT", 0.7)
    shown: list[str] = []

    def echo(text: str = "", **_: object) -> None:
        shown.append(text)
        if "host-11" in text:
            raise KeyboardInterrupt

    monkeypatch.setattr("click.echo", echo)
    with running(cli.database, event(11)):
        assert main([*command, "--config", str(cli.config)]) == 130
    assert shown[-1].split()[0] == "11"
    assert len(shown) == (2 if command[0] == "log" else 1)
