"""`hearth ca acme eab`: step's arguments and tables, at a CA that runs and at one that does not."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import pytest
import trio

from appliance.cli.main import main
from appliance.operator.control import serve_control
from appliance.stores.leveldb import open_store
from tests.support.sample_operator import SampleOperator

ENTRIES = [
    {"type": "ACME", "name": "acme", "requireEAB": True},
    {"type": "ACME", "name": "open"},
    {"type": "SSHPOP", "name": "sshpop"},
]
MADE_BY_STEP = f"{'Key ID':<36}{'Provisioner':<28}{'Key (base64, raw url encoded)':<48}Reference"
LISTED_BY_STEP = (
    f"{'Key ID':<36}{'Provisioner':<28}{'Key (masked)':<16}{'Created At':<30}{'Bound At':<30}"
    f"{'Account':<40}Reference"
)


class Cli:
    """Runs the command in this process."""

    def __init__(self, directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.database, self.config = directory / "db", directory / "ca.json"
        self.capsys = capsys
        document = {
            "root": "root.crt", "crt": "ca.crt", "key": "ca.key", "address": ":443",
            "dnsNames": ["localhost"], "authority": {"provisioners": ENTRIES},
            "db": {"type": "leveldb", "dataSource": str(self.database)},
        }  # fmt: skip
        self.config.write_text(json.dumps(document))

    def __call__(self, *words: str, code: int = 0) -> str:
        ended = main(["ca", "acme", "eab", *words, "--ca-config", str(self.config)])
        output, self.errors = self.capsys.readouterr()
        assert ended == code, self.errors
        return output


@pytest.fixture
def cli(steppath: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Cli:
    """A CA that was started once, and does not run."""
    del steppath
    cli = Cli(tmp_path, capsys)

    async def make() -> None:
        await (await open_store(cli.database)).aclose()

    trio.run(make)
    return cli


@contextmanager
def running(directory: Path) -> Iterator[None]:
    """Hold the database and serve the control socket, in a thread."""
    ready, stop = Event(), Event()

    async def serve() -> None:
        store = await open_store(directory)
        async with trio.open_nursery() as nursery:
            await nursery.start(serve_control, SampleOperator(), directory)
            ready.set()
            while not stop.is_set():
                await trio.sleep(0.01)
            nursery.cancel_scope.cancel()
        await store.aclose()

    thread = Thread(target=trio.run, args=(serve,))
    thread.start()
    try:
        assert ready.wait(10)
        yield
    finally:
        stop.set()
        thread.join()


def test_a_key_is_shown_once_in_step_s_table(cli: Cli) -> None:
    head, row = cli("add", "acme", "nas").splitlines()
    assert head == MADE_BY_STEP
    key_id, provisioner, secret, reference = row.split()
    assert (provisioner, reference, len(key_id), len(secret)) == ("acme", "nas", 32, 43)
    assert row == f"{key_id:<36}{provisioner:<28}{secret:<48}{reference}"
    head, listed = cli("list", "acme").splitlines()
    assert head == LISTED_BY_STEP
    assert secret not in listed
    made_at = listed[80:106]
    assert made_at.endswith(" +00:00")
    assert listed == f"{key_id:<36}{'acme':<28}{'*****':<16}{made_at:<30}{'':<30}{'':<40}nas"
    assert cli("remove", "acme", key_id) == "Key was deleted successfully!\n"
    assert cli("list", "acme") == "No ACME EAB keys stored for provisioner acme\n"


def test_what_a_key_is_for_stands_behind_the_table(cli: Cli) -> None:
    cli("add", "acme", "plain")
    cli("add", "acme", "nas", "--allow", "nas.example", "--allow", "10.0.0.0/8",
        "--not-after", "2090-01-01T00:00:00Z")  # fmt: skip
    lines = cli("list", "acme").splitlines()
    assert [line[193:] for line in lines] == [
        "Allowed",
        "any name",
        "nas.example, 10.0.0.0/8, until 2090-01-01 00:00:00 +00:00",
    ]
    (found,) = json.loads(cli("list", "acme", "nas", "--format", "json"))
    assert found["names"] == ["nas.example", "10.0.0.0/8"]
    assert found["notAfter"] == "2090-01-01T00:00:00Z"


def test_programs_get_json(cli: Cli) -> None:
    made = json.loads(cli("add", "acme", "--format", "json", "--not-after", "24h"))
    assert set(made) == {"id", "provisioner", "key", "createdAt", "notAfter"}
    (listed,) = json.loads(cli("list", "acme", "--limit", "1", "--no-pager", "--format", "json"))
    del made["key"]
    assert listed == made


def test_many_keys_are_listed_over_several_pages(cli: Cli) -> None:
    for number in range(3):
        cli("add", "acme", f"r{number}")
    lines = cli("list", "acme", "--limit", "2").splitlines()
    assert [line.split()[-1] for line in lines[1:]] == ["r0", "r1", "r2"]


def test_a_running_ca_is_asked(cli: Cli) -> None:
    with running(cli.database):
        assert "key0" in cli("add", "acme", "nas")
        assert "key0" in cli("list", "acme")
        cli("remove", "acme", "key0", "--revoke-account")
        cli("remove", "acme", "key0", code=1)
        assert "no external account key 'key0'" in cli.errors


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["add"], 1, "missing positional argument <provisioner>"),
        (["add", "acme", "a", "b"], 1, "too many positional arguments"),
        (["add", "nobody"], 1, "there is no provisioner 'nobody'"),
        (["add", "sshpop"], 1, "provisioner 'sshpop' is not of type ACME"),
        (["add", "open"], 1, "ca provisioner update open --require-eab"),
        (["add", "acme", "--allow", "a b"], 1, "allow names such as"),
        (["add", "acme", "--not-after", "soon"], 1, "--not-after: failed to parse soon"),
        (["add", "acme", "--not-after", "-1h"], 1, "ended before it begins"),
        (["add", "acme", "--admin-subject", "step"], 1, "there is no admin API to sign in to"),
        (["remove", "acme"], 1, "missing positional argument <eab-key-id>"),
        (["remove", "acme", "x"], 1, "no external account key 'x'"),
    ],
)
def test_what_cannot_be_is_refused_by_name(
    cli: Cli, words: list[str], code: int, told: str
) -> None:
    cli(*words, code=code)
    assert told in cli.errors
