"""`hearth db` and `hearth clock`: what they say, of a CA that runs and of one that does not."""

import json
from pathlib import Path

import plyvel
import pytest
import trio

from appliance.cli.main import main
from appliance.ports.store import Put
from appliance.stores.leveldb import open_store


class Cli:
    """Runs commands in this process, on a CA that does not run."""

    def __init__(self, directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.database, self.capsys = directory / "db", capsys
        self.config = directory / "ca.json"
        document = {
            "root": "root.crt", "crt": "ca.crt", "key": "ca.key", "address": ":443",
            "dnsNames": ["localhost"], "authority": {"provisioners": []},
            "db": {"type": "leveldb", "dataSource": str(self.database)},
        }  # fmt: skip
        self.config.write_text(json.dumps(document))

    def __call__(self, *words: str, code: int = 0) -> str:
        assert main([*words, "--ca-config", str(self.config)]) == code
        said = self.capsys.readouterr()
        return said.out + said.err


@pytest.fixture
def cli(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Cli:
    async def fill() -> None:
        store = await open_store(tmp_path / "db")
        rows = {b"%04d" % number: bytes((number,)) * 900 for number in range(1, 100)}
        await store.commit([Put("x509_certs", key, value) for key, value in rows.items()])
        await store.aclose()

    trio.run(fill)
    return Cli(tmp_path, capsys)


def test_a_whole_database_is_measured_read_compacted_and_left_alone(cli: Cli) -> None:
    assert "below 32.0 MB nothing is issued" in cli("db", "stats")
    assert json.loads(cli("db", "stats", "--json"))["directory"] == str(cli.database)
    said = cli("db", "scrub")
    assert "x509_certs: 99 rows" in said
    assert "rows are whole" in said
    assert "became" in cli("db", "compact")
    assert cli("db", "repair") == "the database is whole: nothing was done\n"


def test_damage_is_named_and_repaired_and_the_old_files_are_kept(cli: Cli) -> None:
    database = plyvel.DB(str(cli.database))
    database.compact_range()
    database.close()
    (table,) = cli.database.glob("*.ldb")
    octets = bytearray(table.read_bytes())
    octets[500] ^= 1
    table.write_bytes(octets)
    said = cli("db", "repair")
    assert f"{table.name}: the rows" in said
    assert "cannot be read" in said
    assert "hearth log verify" in said
    (kept,) = cli.database.parent.glob("db.damaged-*")
    assert (kept / table.name).read_bytes() == octets
    assert "rows are whole" in cli("db", "scrub")


def test_only_a_ca_that_runs_has_a_clock(cli: Cli) -> None:
    for command in ("status", "confirm"):
        assert "no server listens" in cli("clock", command, code=1)


def test_without_a_database_there_is_nothing_to_look_after(cli: Cli) -> None:
    document = json.loads(cli.config.read_text())
    del document["db"]
    cli.config.write_text(json.dumps(document))
    for command in ("stats", "scrub", "compact", "repair"):
        assert "no `db`" in cli("db", command, code=1)
