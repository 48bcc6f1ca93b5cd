"""`hearth certs`: for people and for programs, whether the CA runs or not."""

import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from threading import Event, Thread

import pytest
import trio
from cryptography import x509

from appliance.authority import index, records
from appliance.authority.inventory import Inventory
from appliance.cli import appliance_source
from appliance.cli.clock import SystemClock
from appliance.cli.main import main
from appliance.formats import pem
from appliance.formats.ssh import certificate as ssh_certificate
from appliance.model.events import NumberedEvent
from appliance.model.grants import ProvisionerRef
from appliance.model.inventory import Origin
from appliance.model.overview import Overview
from appliance.model.ssh import CertificateType
from appliance.operator.control import serve_control
from appliance.operator.local import StoredCertificates
from appliance.ports.store import Delete
from appliance.stores.leveldb import LevelDbStore, open_store
from tests.support.external_keys import KeptKeys
from tests.support.inventory import Sample, revoke
from tests.support.key_tokens import KeptTokens
from tests.support.ssh_certificates import SshSample, revoke_ssh

NOW = SystemClock().now()
HOUR = timedelta(hours=1)
ACME = ProvisionerRef(type="ACME", name="acme", id="acme/acme")
SAMPLES = [
    Sample(serial=0xAA00000000000001, subject="old.example.com", sans=("old.example.com",),
           issued_at=NOW - 50 * HOUR),
    Sample(serial=0xAA00000000000002, subject="nas.example.com",
           sans=("nas.example.com", "10.0.0.1"), issued_at=NOW - 2 * HOUR, provisioner=ACME),
    Sample(serial=0xBB00000000000003, subject="gone.example.com", sans=("gone.example.com",),
           issued_at=NOW - HOUR),
    Sample(serial=1234567, subject="", sans=("new.example.org",), issued_at=NOW - HOUR / 2,
           lifetime=timedelta(days=90)),
]  # fmt: skip
REVOKED = SAMPLES[2].serial


class Cli:
    """Runs the command in this process."""

    def __init__(self, directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.database = directory / "db"
        self.config = directory / "ca.json"
        self.capsys = capsys
        self.write_config({"type": "leveldb", "dataSource": str(self.database)})

    def write_config(self, database: dict[str, str] | None) -> None:
        document: dict[str, object] = {
            "root": "root.crt", "crt": "ca.crt", "key": "ca.key", "address": ":443",
            "dnsNames": ["localhost"], "authority": {"provisioners": []}, "db": database,
        }  # fmt: skip
        self.config.write_text(json.dumps(document))

    def __call__(self, *arguments: str, code: int = 0) -> str:
        """Give what stands on standard output; `errors` has the rest."""
        ended = main(["certs", *arguments, "--config", str(self.config)])
        output, self.errors = self.capsys.readouterr()
        assert ended == code, self.errors
        return output


@pytest.fixture
def cli(
    steppath: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Cli:
    monkeypatch.setattr(SystemClock, "now", lambda _: NOW)
    return Cli(tmp_path, capsys)


async def fill(store: LevelDbStore) -> None:
    for sample in SAMPLES:
        await store.commit(sample.operations())
    await revoke(store, REVOKED, NOW - HOUR / 4, "=lost; \x1b[31m")


@pytest.fixture
def filled(cli: Cli) -> Cli:
    async def make() -> None:
        store = await open_store(cli.database)
        await fill(store)
        await store.aclose()

    trio.run(make)
    return cli


class Running(StoredCertificates, KeptKeys, KeptTokens):
    """A server with nothing but an inventory."""

    async def overview(self) -> Overview:
        raise AssertionError

    async def events(self, after: int = 0) -> list[NumberedEvent]:
        raise AssertionError


@contextmanager
def running(directory: Path, *, late: float = 0.0) -> Iterator[None]:
    """Hold the database and serve the control socket, in a thread."""
    ready, stop = Event(), Event()

    async def serve() -> None:
        store = await open_store(directory)
        async with trio.open_nursery() as nursery:
            if late:
                ready.set()
                await trio.sleep(late)
            operator = Running(Inventory(store), SystemClock())
            await nursery.start(serve_control, operator, directory)
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


# ---- list


def test_the_list_is_newest_first_and_80_columns_wide(filled: Cli) -> None:
    lines = filled("list").splitlines()
    assert lines[0].split() == ["SERIAL", "NAME", "PROVISIONER", "ISSUED", "EXPIRES"]
    assert [line.split() for line in lines[1:]] == [
        ["0x12d687", "new.example.org", "admin", "30m", "ago", "in", "89d"],
        ["0xbb00000000", "gone.example.com", "admin", "1h", "ago", "revoked"],
        ["0xaa00000000", "nas.example.com", "+1", "acme", "2h", "ago", "in", "21h"],
        ["0xaa00000000", "old.example.com", "admin", "2d2h", "ago", "1d2h", "ago"],
    ]
    assert max(len(line) for line in lines) <= 80
    assert filled.errors == ""


def test_a_running_ca_is_asked_and_gives_the_same(filled: Cli) -> None:
    offline = filled("list", "--format", "json")
    exported = filled("export", "--format", "pem")
    with running(filled.database):
        assert filled("list", "--format", "json") == offline
        assert filled("export", "--format", "pem") == exported
        assert "gone.example.com" in filled("show", "bb")
    assert json.loads(offline)["certificates"]


def test_a_ca_that_is_just_starting_is_waited_for(filled: Cli) -> None:
    """It has its database before it has its socket."""
    with running(filled.database, late=0.5):
        assert "nas.example.com" in filled("list")


@pytest.mark.parametrize(("flags", "serials"), [
    (["--name", "NAS.example.com"], [1]),
    (["--name", "10.0.0.1"], [1]),
    (["--name", "*.example.com"], [2, 1, 0]),
    (["--name", "*.example.com", "--state", "active"], [1]),
    (["--state", "revoked"], [2]),
    (["--state", "expired"], [0]),
    (["--state", "active"], [3, 1]),
    (["--provisioner", "acme"], [1]),
    (["--provisioner", "nobody"], []),
    (["--expires-in", "24h"], [1, 2]),
    (["--expires-in", "24h", "--state", "active"], [1]),
    (["--expires-before", "24h"], [0, 1, 2]),
    (["--expires-before", (NOW - HOUR).isoformat()], [0]),
    (["--limit", "2"], [3, 2]),
    (["--limit", "2", "--all"], [3, 2, 1, 0]),
])  # fmt: skip
def test_flags_select(filled: Cli, flags: list[str], serials: list[int]) -> None:
    listed = json.loads(filled("list", "--format", "json", *flags))["certificates"]
    assert [int(each["serial"]) for each in listed] == [SAMPLES[n].serial for n in serials]


def test_what_a_limit_leaves_out_is_told(filled: Cli) -> None:
    assert len(filled("list", "--limit", "3").splitlines()) == 4
    told, _, cursor = filled.errors.strip().rpartition(" ")
    assert told == "3 shown; more with --limit, --all or --cursor"
    (rest,) = json.loads(filled("list", "--cursor", cursor, "--format", "json"))["certificates"]
    assert int(rest["serial"]) == SAMPLES[0].serial
    page = json.loads(filled("list", "--limit", "3", "--format", "json"))
    assert (len(page["certificates"]), page["cursor"]) == (3, cursor)
    filled("list", "--limit", "4")
    assert filled.errors == ""


def test_no_certificates_is_no_error(filled: Cli) -> None:
    filled("list", "--name", "nobody")
    assert filled.errors == "no certificates\n"
    assert json.loads(filled("list", "--name", "nobody", "--format", "json")) == {
        "certificates": []
    }


def test_more_than_a_page_is_listed_with_all(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    async def make() -> None:
        store = await open_store(cli.database)
        for number in range(25):
            await store.commit(
                Sample(serial=number + 1, issued_at=NOW - number * HOUR / 60).operations()
            )
        await store.aclose()

    trio.run(make)
    monkeypatch.setattr("appliance.cli.certs.LARGEST_PAGE", 10)
    listed = json.loads(cli("list", "--format", "json", "--all"))["certificates"]
    assert [int(each["serial"]) for each in listed] == list(range(1, 26))
    assert len(cli("list", "--limit", "15").splitlines()) == 16


# ---- forms


def test_json_has_full_values(filled: Cli) -> None:
    (each,) = json.loads(filled("list", "--format", "json", "--state", "revoked"))["certificates"]
    sample = SAMPLES[2]
    at = NOW - HOUR / 4
    assert each == {
        "serial": str(sample.serial),
        "serial_hex": "0xbb00000000000003",
        "subject": "gone.example.com",
        "sans": ["gone.example.com"],
        "provisioner": "admin",
        "provisioner_type": "JWK",
        "not_before": sample.not_before.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "not_after": sample.not_after.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "issued_at": sample.issued_at.isoformat().replace("+00:00", "Z"),
        "state": "revoked",
        "revocation": {
            "at": at.isoformat().replace("+00:00", "Z"),
            "reason_code": 1,
            "reason": "=lost; \x1b[31m",
            "provisioner_id": "admin:kid",
            "means": "token id",
        },
        "kind": "x509",
        "certificate_type": "",
    }


def test_csv_is_safe_to_open_in_a_spreadsheet(filled: Cli) -> None:
    output = filled("list", "--format", "csv")
    assert output == filled("export")
    rows = list(csv.DictReader(io.StringIO(output)))
    assert len(rows) == 4
    assert output.startswith("serial,serial_hex,subject,sans,provisioner,provisioner_type,")
    by_serial = {int(row["serial"]): row for row in rows}
    assert by_serial[REVOKED]["reason"].startswith("'=lost")
    assert by_serial[SAMPLES[1].serial]["sans"] == "nas.example.com 10.0.0.1"
    assert by_serial[SAMPLES[1].serial]["revoked_at"] == ""


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@x", "\t=1", " =1", "\r=1"])
def test_no_cell_begins_as_a_formula(cli: Cli, name: str) -> None:
    async def make() -> None:
        store = await open_store(cli.database)
        await store.commit(Sample(serial=5, subject=name, sans=()).operations())
        await store.aclose()

    trio.run(make)
    (row,) = csv.DictReader(io.StringIO(cli("export"), newline=""))
    assert row["subject"] == "'" + name


def test_what_strangers_wrote_does_not_steer_the_terminal(cli: Cli) -> None:
    async def make() -> None:
        store = await open_store(cli.database)
        sample = Sample(serial=5, subject="\x1b[2J\u202eevil\n", sans=(), provisioner=None)
        await store.commit(sample.operations())
        await store.aclose()

    trio.run(make)
    for output in (cli("list"), cli("show", "5")):
        assert "\x1b" not in output
        assert "\u202e" not in output
        assert r"\x1b[2J\u202eevil\n" in output


def test_export_has_the_certificates_themselves(filled: Cli) -> None:
    found = pem.certificates(filled("export", "--format", "pem").encode())
    assert found == [sample.der() for sample in reversed(SAMPLES)]
    listed = json.loads(filled("export", "--format", "json"))["certificates"]
    assert [x509.load_pem_x509_certificate(each["pem"].encode()) for each in listed] == [
        x509.load_der_x509_certificate(der) for der in found
    ]


# ---- show


def test_show_tells_all_that_is_known(filled: Cli) -> None:
    output = filled("show", str(SAMPLES[1].serial))
    assert output.startswith(f"Serial       {SAMPLES[1].serial}\n             0xaa00000000000002\n")
    for line in (
        "Subject      nas.example.com\n",
        "Names        nas.example.com\n             10.0.0.1\n",
        "Provisioner  acme (ACME)\n",
        f"Not after    {SAMPLES[1].not_after.strftime('%Y-%m-%dT%H:%M:%SZ')} (in 21h)\n",
        "State        active\n",
    ):
        assert line in output
    assert pem.certificates(output.encode()) == [SAMPLES[1].der()]
    assert max(len(line) for line in output.splitlines()) <= 80


def test_show_tells_of_a_revocation(filled: Cli) -> None:
    output = filled("show", str(REVOKED))
    assert "State        revoked\n" in output
    assert "(15m ago)\n" in output
    assert r"Reason       1 key compromise: =lost; \x1b[31m" + "\n" in output


def test_show_writes_json_too(filled: Cli) -> None:
    each = json.loads(filled("show", "1234567", "--format", "json"))
    assert (each["serial"], each["subject"]) == ("1234567", "")
    assert pem.certificates(each["pem"].encode()) == [SAMPLES[3].der()]


@pytest.mark.parametrize("serial", [
    str(SAMPLES[2].serial), "0xbb00000000000003", "0xBB", "bb:00:00", "BB:00:00:00:00:00:00:03",
    "1347", "bb0",
])  # fmt: skip
def test_a_serial_number_or_its_beginning_finds_one(filled: Cli, serial: str) -> None:
    assert "gone.example.com" in filled("show", serial)


def test_a_beginning_that_fits_several_names_them(filled: Cli) -> None:
    filled("show", "0xaa", code=1)
    assert filled.errors == (
        "several serial numbers begin with 0xaa: 0xaa00000000000002, 0xaa00000000000001; "
        "write more of it\n"
    )


def test_a_whole_serial_number_wins_over_others_that_begin_so(cli: Cli) -> None:
    async def make() -> None:
        store = await open_store(cli.database)
        for serial in (12, 123):
            name = f"n{serial}.example.com"
            await store.commit(Sample(serial=serial, subject=name, sans=(name,)).operations())
        await store.aclose()

    trio.run(make)
    assert "n12.example.com" in cli("show", "12")


def test_a_serial_number_that_is_not_there(filled: Cli) -> None:
    filled("show", "99", code=1)
    assert filled.errors == "there is no certificate whose serial number is or begins with 99\n"
    filled("show", "what?", code=1)
    assert "is not a serial number" in filled.errors


# ---- what is in the way


def test_no_database_yet(cli: Cli) -> None:
    cli("list", code=1)
    assert cli.errors == (
        f"there is no database in {cli.database} yet: the CA makes it when it first starts\n"
    )
    assert not cli.database.exists()


def test_a_configuration_without_a_database(cli: Cli) -> None:
    cli.write_config(None)
    cli("list", code=1)
    assert cli.errors == f"{cli.config} has no `db`: this CA does not record what it issues\n"


def test_no_configuration(cli: Cli) -> None:
    cli.config.unlink()
    cli("list", code=1)
    assert str(cli.config) in cli.errors
    assert main(["certs", "list"]) == 1
    assert "config/ca.json" in cli.capsys.readouterr().err


def test_a_database_that_another_process_has_open(
    filled: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(appliance_source, "_STARTING", 0.2)
    hold = (
        "import plyvel, sys; db = plyvel.DB(sys.argv[1]); print('open', flush=True); "
        "sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", hold, str(filled.database)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as holder:  # fmt: skip
        assert holder.stdout is not None
        holder.stdout.readline()
        filled("list", code=1)
        holder.kill()
    assert filled.errors == (
        f"the database {filled.database} is in use by process {holder.pid}, which has no control "
        "socket there: stop it, or ask again when it serves\n"
    )


def test_a_database_without_our_index_is_listed(filled: Cli) -> None:
    async def strip() -> None:
        store = await open_store(filled.database)
        for bucket in (index.X509.serials, index.ISSUED, index.NAMES, index.EXPIRY, index.REVOKED):
            rows = await store.scan(bucket)
            await store.commit([Delete(bucket, key) for key, _ in rows])
        await store.aclose()

    trio.run(strip)
    assert len(filled("list").splitlines()) == 5
    assert "gone.example.com" in filled("list", "--state", "revoked")


@pytest.mark.parametrize(("flags", "said"), [
    (["--expires-in", "soon"], "invalid duration"),
    (["--expires-in", "200000h", "--expires-before", "1h"], "exclude each other"),
    (["--expires-before", "tomorrow"], "neither an RFC 3339 time nor a duration"),
    (["--state", "lost"], "'lost' is not one of 'active', 'expired', 'revoked'"),
    (["--limit", "0"], "0 is not in the range x>=1"),
    (["--format", "xml"], "'xml' is not one of"),
])  # fmt: skip
def test_flags_that_cannot_be_are_told(filled: Cli, flags: list[str], said: str) -> None:
    ended = main(["certs", "list", *flags, "--config", str(filled.config)])
    assert ended != 0
    assert said in filled.capsys.readouterr().err


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_root_leaves_no_files_of_its_own_behind(filled: Cli, tmp_path: Path) -> None:
    """The server's user could not open its database again."""
    for path in (filled.database, *filled.database.iterdir()):
        os.chown(path, 65534, 65534)
    for parent in (tmp_path, *tmp_path.parents):
        if parent.stat().st_mode & 0o005 != 0o005:
            parent.chmod(0o755)
    listing = subprocess.run(
        [sys.executable, "-m", "appliance.cli.main", "certs", "list", "--config",
         str(filled.config)],
        capture_output=True, text=True, check=False, cwd=Path(__file__).resolve().parents[2],
    )  # fmt: skip
    assert listing.returncode == 0, listing.stderr
    assert len(listing.stdout.splitlines()) == 5
    assert {path.stat().st_uid for path in filled.database.iterdir()} == {65534}


def test_a_reader_that_leaves_early_is_no_fault(filled: Cli) -> None:
    """`hearth certs list | head`"""
    command = (
        f"{sys.executable} -m appliance.cli.main certs export --format json "
        f"--config {filled.config} | head -c 1"
    )
    ended = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, check=False,
        cwd=Path(__file__).resolve().parents[2],
    )  # fmt: skip
    assert ended.stdout == "{"
    assert ended.stderr == ""


# ---- SSH

ALICE = SshSample(serial=0xA11CE, principals=("alice", "=cmd"), issued_at=NOW - HOUR)
WEB = SshSample(serial=0x3EB, type=CertificateType.HOST, key_id="web.example.com",
                principals=("web.example.com",), issued_at=NOW - HOUR / 2)  # fmt: skip


@pytest.fixture
def both(filled: Cli) -> Cli:
    """With certificates of both kinds."""

    async def add() -> None:
        store = await open_store(filled.database)
        for sample in (ALICE, WEB):
            await store.commit(sample.operations())
        await revoke_ssh(store, WEB.serial, NOW, "moved")
        await store.aclose()

    trio.run(add)
    return filled


def test_ssh_certificates_are_listed_by_kind(both: Cli) -> None:
    assert "alice" not in both("list")
    lines = both("list", "--kind", "ssh").splitlines()
    assert [line.split()[:2] for line in lines[1:]] == [
        ["0x03eb", "web.example.com"],
        ["0x0a11ce", "alice"],
    ]
    assert lines[1].endswith("revoked")
    assert "0x0a11ce" in both("list", "--kind", "ssh", "--name", "alice")
    assert "0x0a11ce" not in both("list", "--kind", "ssh", "--name", "web.example.com")


def test_ssh_certificates_are_shown_without_saying_so(both: Cli) -> None:
    shown = both("show", "0xa11ce").splitlines()
    assert "Type         SSH user" in shown
    assert "Key ID       alice" in shown
    assert "Principals   alice" in shown
    assert shown[-1].startswith("ssh-ed25519-cert-v01@openssh.com AAAA")
    assert "no certificate whose" in both("show", "0xa11ce", "--kind", "x509", code=1) + both.errors


def test_ssh_certificates_are_exported(both: Cli) -> None:
    found = json.loads(both("export", "--kind", "ssh", "--format", "json"))["certificates"]
    assert [(each["kind"], each["certificate_type"]) for each in found] == [
        ("ssh", "host"), ("ssh", "user"),
    ]  # fmt: skip
    lines = both("export", "--kind", "ssh", "--format", "openssh").splitlines()
    assert lines == [each["openssh"] for each in found]
    assert ssh_certificate.read_line(lines[1])[0] == ALICE.certificate
    rows = list(csv.DictReader(io.StringIO(both("export", "--kind", "ssh"))))
    assert [row["kind"] for row in rows] == ["ssh", "ssh"]
    assert rows[1]["sans"] == "alice =cmd"


@pytest.mark.parametrize(("kind", "form"), [("ssh", "pem"), ("x509", "openssh")])
def test_a_form_that_does_not_fit_is_refused(kind: str, form: str, both: Cli) -> None:
    both("export", "--kind", kind, "--format", form, code=1)
    assert f"--format {form} is not for certificates of --kind {kind}" in both.errors


def test_a_running_ca_tells_of_ssh_certificates(both: Cli) -> None:
    with running(both.database):
        assert "0x0a11ce" in both("list", "--kind", "ssh")
        assert "Key ID       alice" in both("show", "0xa11ce")


@pytest.mark.parametrize(("flags", "found"), [
    (("--issued-after", "-90m"), (3, 2)),
    (("--issued-before", "-90m"), (1, 0)),
    (("--issued-after", "-3h", "--issued-before", "-90m"), (1,)),
    (("--issued-after", "-3h", "--provisioner", "acme"), (1,)),
    (("--issued-after", "-1h", "--state", "active", "--name", "*.example.org"), (3,)),
    (("--expires-after", "48h"), (3,)),
    (("--expires-after", "-48h", "--expires-before", "0s", "--issued-before", "-3h"), (0,)),
    (("--serial", "0xAA"), (1, 0)),
    (("--serial", "0xAA", "--issued-after", "-3h"), (1,)),
])  # fmt: skip
def test_ranges_and_beginnings_select(
    filled: Cli, flags: tuple[str, ...], found: tuple[int]
) -> None:
    listed = json.loads(filled("list", "--format", "json", *flags))["certificates"]
    assert [int(each["serial"]) for each in listed] == [SAMPLES[place].serial for place in found]


def test_a_principal_is_not_a_key_id_and_all_kinds_are_listed_together(cli: Cli) -> None:
    async def make() -> None:
        store = await open_store(cli.database)
        for number, (key_id, principals) in enumerate([("bob", ("alice",)), ("alice", ("bob",))]):
            made = SshSample(serial=number + 1, key_id=key_id, principals=principals, issued_at=NOW)
            await store.commit(made.operations())
        await store.commit(SAMPLES[0].operations())
        await store.aclose()

    trio.run(make)
    (row,) = json.loads(cli("list", "--principal", "alice", "--format", "json"))["certificates"]
    assert (row["kind"], row["subject"]) == ("ssh", "bob")
    cli("list", "--principal", "alice", "--kind", "x509", code=1)
    listed = json.loads(cli("list", "--kind", "all", "--format", "json"))["certificates"]
    assert [each["kind"] for each in listed] == ["x509", "ssh", "ssh"]
    cli("export", "--kind", "all", "--format", "pem", code=1)
    assert len(cli("export", "--kind", "all").splitlines()) == 4


def test_stats_count_by_provisioner_and_state(filled: Cli) -> None:
    ssh, x509_ = sorted(
        json.loads(filled("stats", "--format", "json"))["counts"], key=lambda each: each["kind"]
    )
    assert (x509_["active"], x509_["expired"], x509_["revoked"], ssh["active"]) == (2, 1, 1, 0)
    assert {"provisioner": "acme", "active": 1, "expired": 0, "revoked": 0} in x509_["provisioners"]
    assert filled("stats", "--kind", "x509").splitlines() == [
        "X509" + " " * 26 + "      ACTIVE     EXPIRED     REVOKED",
        "acme" + " " * 26 + "           1           0           0",
        "admin" + " " * 25 + "           1           1           1",
        "all" + " " * 27 + "           2           1           1",
    ]


def test_watch_needs_a_ca_that_runs(filled: Cli) -> None:
    filled("watch", code=1)
    assert "does not run" in filled.errors


def test_show_tells_the_chain_of_renewals(cli: Cli) -> None:
    async def make() -> None:
        store = await open_store(cli.database)
        for serial in (1, 2, 3):
            origin = Origin(
                operation="renew" if serial > 1 else "sign", client="192.0.2.7",
                asked_by=f"certificate {serial - 1:#x}" if serial > 1 else "token t",
                replaces=serial - 1 if serial > 1 else None,
            )  # fmt: skip
            made = Sample(serial=serial)
            await store.commit(
                records.issued(
                    certificate=made.der(), serial=serial, provisioner=made.provisioner,
                    subject=made.subject, sans=made.sans, not_after=made.not_after,
                    issued_at=made.issued_at + HOUR * serial, token=None, origin=origin,
                )
            )  # fmt: skip
        await store.aclose()

    trio.run(make)
    lines = [line.split(None, 1) for line in cli("show", "2").splitlines() if line[:1].isalpha()]
    assert ["Asked", "by     renew, certificate 0x1"] in lines
    assert ["From", "192.0.2.7"] in lines
    assert ["Renews", "0x01"] in lines
    assert ["Renewed", "by   0x03"] in lines
    shown = json.loads(cli("show", "3", "--format", "json"))
    assert (shown["renews"], shown["renewed_by"]) == (["1", "2"], [])
    assert shown["origin"]["replaces"] == "2"
