"""`hearth import`: a step-ca's database becomes ours, whole or not at all."""

import fcntl
import json
import os
import stat
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio

from appliance.authority import importing, reindexing
from appliance.authority.acme import records as acme
from appliance.authority.inventory import Inventory
from appliance.cli.main import main
from appliance.model.inventory import CertificateKind, CertificateQuery, CertificateState
from appliance.operator.local import StoredCertificates
from appliance.ports.store import Put, Store
from appliance.server.system import SystemClock
from appliance.stores.leveldb import LevelDbStore, open_store
from tests.support.databases import FILLED, Rows, expected, unpack

SKIPPED = 18  # nonces


@pytest.fixture(params=FILLED)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def source(name: str, tmp_path: Path) -> Path:
    return unpack(name, tmp_path / "step")


def beside(folder: Path) -> Path:
    """Where `hearth serve` keeps its own database."""
    told = json.loads((folder / "config" / "ca.json").read_text())["db"]["dataSource"]
    return Path(f"{told}.leveldb")


def looked_at(folder: Path) -> dict[str, tuple[bytes, int, int]]:
    """Content, mode and time of change of every file."""
    found = {}
    for file in folder.rglob("*"):
        status = file.stat()
        content = file.read_bytes() if file.is_file() else b""
        found[str(file)] = content, status.st_mode, status.st_mtime_ns
    return found


def asked(directory: Path, use: Callable[[LevelDbStore], Any]) -> Any:
    """Open a database of ours and use it."""

    async def run() -> Any:
        store = await open_store(directory, create=False)
        try:
            return await use(store)
        finally:
            await store.aclose()

    return trio.run(run)


async def rows_of(rows: Rows, store: Store) -> Rows:
    """What a store has of these rows."""
    found = {}
    for table, key in rows:
        value = await store.get(table, key)
        if value is not None:
            found[table, key] = value
    return found


def wanted(name: str) -> Rows:
    return {place: value for place, value in expected(name).items() if place[0] != "nonces"}


def report(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    capsys.readouterr()
    main(["import", *arguments, "--format", "json"])
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_every_row_is_in_our_database_octet_by_octet(
    source: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = looked_at(source)
    found = report(capsys, str(source), "--database-only")
    assert found["written"]
    assert found["rows"] == found["verified"] == len(wanted(name)) == 236 - SKIPPED
    assert sum(found["imported"].values()) == found["rows"]
    (skipped,) = found["skipped"]
    assert (skipped["table"], skipped["rows"]) == ("nonces", SKIPPED)
    assert found["unreadable"]["count"] == found["damaged"]["count"] == 0
    assert found["unknownIssuers"] == 0
    assert asked(beside(source), partial(rows_of, wanted(name))) == wanted(name)
    ours = {path: value for path, value in looked_at(source).items() if "leveldb" not in path}
    changed = {path for path in before if before[path] != ours.get(path)}
    assert changed <= {str(beside(source).parent)}  # the time of the directory that it stands in
    assert ours.keys() == before.keys()


def test_the_inventory_is_complete_and_knows_who_granted_and_what_was_revoked(
    source: Path,
) -> None:
    assert main(["import", str(source), "--database-only"]) == 0
    states = CertificateState

    async def use(store: LevelDbStore) -> None:
        assert await reindexing.is_current(store)
        certificates = StoredCertificates(Inventory(store), SystemClock())
        listed = await certificates.certificates(CertificateQuery(limit=100))
        assert len(listed.certificates) == 45
        assert {each.provisioner for each in listed.certificates} == {"admin", "acme"}
        revoked = await certificates.certificates(CertificateQuery(state=states.REVOKED, limit=100))
        assert len(revoked.certificates) == 3
        hosts = await certificates.certificates(
            CertificateQuery(kind=CertificateKind.SSH, limit=100)
        )
        assert len(hosts.certificates) == 16

    asked(beside(source), use)


def test_what_acme_is_done_with_some_day_will_be_forgotten(badger: Path) -> None:
    assert main(["import", str(badger), "--database-only"]) == 0

    async def use(store: LevelDbStore) -> None:
        noted = [each for row in await store.scan(acme.EXPIRY) for each in acme.read_expiring(*row)]
        tables = [table for table, _ in noted]
        assert tables.count(acme.ORDERS) == tables.count(acme.AUTHORIZATIONS) == 2
        assert tables.count(acme.CHALLENGES) == 6

    asked(beside(badger), use)


@pytest.mark.parametrize(
    ("name", "moved"), [("badgerv1", True), ("badgerv2", False), ("bbolt", True)]
)
def test_a_new_step_directory_has_files_configuration_and_database(
    name: str, moved: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also where the old one has been moved since its ca.json was written, as a backup has."""
    old, new = unpack(name, tmp_path / "old", moved=moved), tmp_path / "new"
    before = looked_at(old)
    assert main(["import", str(old), "--to", str(new)]) == 0
    assert f"hearth serve {new}/config/ca.json" in capsys.readouterr().out
    assert looked_at(old) == before
    config = json.loads((new / "config" / "ca.json").read_text())
    theirs = json.loads((old / "config" / "ca.json").read_text())
    assert config["db"] == {"type": "leveldb", "dataSource": str(new / "db")}
    assert config["crt"] == str(new / "certs" / "intermediate_ca.crt")
    assert config["ssh"]["hostKey"] == str(new / "secrets" / "ssh_host_ca_key")
    assert config["authority"] == theirs["authority"]
    assert json.loads((new / "config" / "defaults.json").read_text())["root"].startswith(str(new))
    for folder in ("certs", "secrets"):
        for file in (old / folder).iterdir():
            assert (new / folder / file.name).read_bytes() == file.read_bytes()
            assert stat.S_IMODE((new / folder / file.name).stat().st_mode) == 0o600
    assert stat.S_IMODE(new.stat().st_mode) == 0o700
    assert asked(new / "db", partial(rows_of, wanted(name))) == wanted(name)
    assert not list(tmp_path.glob("*.importing"))


def test_a_dry_run_reads_everything_and_writes_nothing(
    badger: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = looked_at(tmp_path)
    found = report(capsys, str(badger), "--dry-run")
    assert (found["rows"], found["verified"], found["written"]) == (236 - SKIPPED, 0, False)
    assert main(["import", str(badger), "--dry-run", "--to", str(tmp_path / "new")]) == 0
    assert "218 rows can be imported; nothing was written" in capsys.readouterr().out
    assert looked_at(tmp_path) == before


def test_a_database_in_use_is_refused_and_its_holder_named(
    source: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the locks that step-ca takes; and while it is read, step-ca cannot take them."""
    database = source / "db" / "stepca.bolt" if name == "bbolt" else source / "db"
    if name != "bbolt":
        (source / "db" / "LOCK").write_text("4711\n")
    descriptor = os.open(database, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        assert main(["import", str(source), "--database-only"]) == 1
    finally:
        os.close(descriptor)
    said = capsys.readouterr().err
    assert f"the database {database} is in use" in said
    assert ("by process 4711" in said) == (name != "bbolt")
    assert not beside(source).exists()


# ---- one kind is enough for what follows


@pytest.fixture
def badger(tmp_path: Path) -> Path:
    return unpack("badgerv1", tmp_path / "step")


def damage(folder: Path) -> tuple[str, bytes]:
    """Flip a bit in the value of one row, and give the row."""
    log = folder / "db" / "000000.vlog"
    place = next(each for each in sorted(expected("badgerv1")) if each[0] == "x509_certs")
    octets = bytearray(log.read_bytes())
    octets[octets.index(expected("badgerv1")[place]) + 50] ^= 1
    log.write_bytes(octets)
    return place


def test_with_a_row_that_cannot_be_read_nothing_is_imported(
    badger: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table, key = damage(badger)
    assert main(["import", str(badger), "--database-only"]) == 1
    said = capsys.readouterr().out
    assert f"cannot be read: {table}/{key.decode()}: 000000.vlog" in said
    assert "nothing was imported, since 1 cannot be read" in said
    assert not beside(badger).exists()
    assert not list(badger.glob("*.importing"))
    assert main(["import", str(badger), "--dry-run"]) == 1


def test_the_rest_is_imported_by_wish(badger: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lost = damage(badger)
    found = report(capsys, str(badger), "--database-only", "--leave-out-unreadable")
    assert found["written"]
    ((told,), count) = found["unreadable"]["rows"], found["unreadable"]["count"]
    assert (told["table"], told["key"].encode(), count) == (*lost, 1)
    rest = {place: value for place, value in wanted("badgerv1").items() if place != lost}
    assert asked(beside(badger), partial(rows_of, wanted("badgerv1"))) == rest


def test_a_row_that_looks_damaged_is_taken_as_it_is_and_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """bbolt has no checksums, but a certificate is signed."""
    folder = unpack("bbolt", tmp_path / "step")
    file = folder / "db" / "stepca.bolt"
    place = next(each for each in sorted(expected("bbolt")) if each[0] == "x509_certs")
    value = expected("bbolt")[place]
    octets = bytearray(file.read_bytes())
    octets = bytearray(octets.replace(value, value[:-1] + bytes((value[-1] ^ 1,))))
    file.write_bytes(octets)
    found = report(capsys, str(folder), "--database-only")
    assert found["written"]
    (told,) = found["damaged"]["rows"]
    assert (told["table"], told["key"].encode()) == place
    assert told["reason"] == "its signature is not its issuer's"
    assert any("bbolt keeps no checksums" in note for note in found["notes"])


def test_what_cannot_be_read_at_all_is_one_line(
    badger: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (badger / "db" / "MANIFEST").write_bytes(b"Bdgr")
    assert main(["import", str(badger), "--database-only"]) == 1
    said = capsys.readouterr().err.splitlines()
    assert said == [f"{badger}/db: MANIFEST is not of a Badger database"]


def test_nothing_is_replaced(badger: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = beside(badger)
    place.mkdir()
    (place / "mine").write_text("x")
    for flags in (["--database-only"], ["--to", str(place)], ["--to", str(badger)]):
        assert main(["import", str(badger), *flags]) == 1
        assert "is there already, and an import replaces nothing" in capsys.readouterr().err
    assert [each.name for each in place.iterdir()] == ["mine"]
    (place / "mine").unlink()
    assert main(["import", str(badger), "--database-only"]) == 0  # an empty one is no loss
    assert main(["import", str(badger), "--database-only"]) == 1
    assert "was imported before" in capsys.readouterr().err


def test_an_import_that_was_cut_off_is_begun_anew(
    badger: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    begun = beside(badger).with_name("db.leveldb.importing")

    async def half() -> None:
        store = await open_store(begun)
        await store.commit([Put("x509_certs", b"1", b"half")])
        await store.aclose()

    trio.run(half)
    assert main(["import", str(badger), "--database-only"]) == 0
    assert not begun.exists()
    assert asked(beside(badger), partial(rows_of, {("x509_certs", b"1"): b""})) == {}


def test_two_imports_at_a_time_do_not_meet(
    badger: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def meanwhile() -> int:
        store = await open_store(beside(badger).with_name("db.leveldb.importing"))
        try:
            return await trio.to_thread.run_sync(main, ["import", str(badger), "--database-only"])
        finally:
            await store.aclose()

    assert trio.run(meanwhile) == 1
    assert "is in use by this process already" in capsys.readouterr().err


def test_a_ca_that_was_served_before_its_import_keeps_what_is_newer(
    badger: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its own rows stay; the database of before is kept."""
    theirs = wanted("badgerv1")
    same = next(place for place in theirs if place[0] == "used_ott")
    newer = ("x509_crl", b"crl")

    async def serve() -> None:
        store = await open_store(beside(badger))
        await reindexing.complete(store)
        await store.commit(
            [Put(*same, theirs[same]), Put(*newer, b'{"Number":9}'), Put("used_ott", b"own", b"x")]
        )
        await store.aclose()

    trio.run(serve)
    assert main(["import", str(badger), "--database-only"]) == 0
    said = capsys.readouterr().out
    assert "skipped: 1 row of x509_crl: it is here already, and newer" in said
    kept = beside(badger).with_name("db.leveldb.before-import")
    assert f"is kept in {kept}" in said
    after = {**theirs, newer: b'{"Number":9}', ("used_ott", b"own"): b"x"}
    assert asked(beside(badger), partial(rows_of, after)) == after
    assert asked(kept, partial(rows_of, theirs)) == {same: theirs[same], newer: b'{"Number":9}'}

    async def listed(store: LevelDbStore) -> int:
        found = await Inventory(store).page(CertificateQuery(limit=100), SystemClock().now())
        return len(found.certificates)

    assert asked(beside(badger), listed) == 45


def test_a_ca_that_is_served_is_not_disturbed(
    badger: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def meanwhile() -> int:
        store = await open_store(beside(badger))
        try:
            return await trio.to_thread.run_sync(main, ["import", str(badger), "--database-only"])
        finally:
            await store.aclose()

    assert trio.run(meanwhile) == 1
    assert "is in use" in capsys.readouterr().err


def test_where_the_rows_came_from_is_noted(badger: Path) -> None:
    assert main(["import", str(badger), "--database-only"]) == 0
    origin = asked(beside(badger), importing.origin)
    assert (origin.source, origin.kind, origin.rows) == (str(badger / "db"), "badgerv1", 218)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"db": None}, "db: is not there: this CA recorded nothing"),
        ({"db": {"type": "mysql", "dataSource": "x"}}, "'mysql' is not an embedded database"),
        ({"db": {"type": "badgerv2"}}, "db.dataSource: must name a directory or a file"),
        ({"db": {"type": "badgerv2", "dataSource": "/nowhere/x"}}, "name it with --database"),
        ({"DB": {"type": "bbolt", "dataSource": "/nowhere/x"}, "db": None}, "'/nowhere/x' is"),
    ],
)
def test_what_is_wrong_with_a_configuration_is_told(
    badger: Path, change: dict[str, Any], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = badger / "config" / "ca.json"
    whole = {**json.loads(file.read_text()), **change}
    file.write_text(json.dumps({name: value for name, value in whole.items() if value}))
    assert main(["import", str(badger), "--database-only"]) == 1
    assert problem in capsys.readouterr().err


def test_a_configuration_that_we_would_not_serve_is_refused_before_anything_is_made(
    badger: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = badger / "config" / "ca.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "crl": {"cacheDuration": "x"}}))
    assert main(["import", str(badger), "--to", str(tmp_path / "new")]) == 1
    assert "crl.cacheDuration" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()
    assert main(["import", str(badger), "--database-only"]) == 0


def test_the_command_line_says_what_it_lacks(
    badger: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for flags in ([], ["--to", "x", "--database-only"]):
        assert main(["import", str(badger), *flags]) == 1
        assert "--to <directory> for a new step directory, or --database-only" in (
            capsys.readouterr().err
        )
    assert main(["import", str(badger), "--target", "x", "--to", "y"]) == 1
    assert "'--target' requires the '--database-only' flag" in capsys.readouterr().err
    assert main(["import", str(tmp_path), "--database-only"]) == 1
    assert "is not a step directory" in capsys.readouterr().err
