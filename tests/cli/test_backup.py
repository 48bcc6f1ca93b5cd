"""`hearth backup`: made, listed, proven and restored, by a person with nothing but the box."""

import json
import re
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
import trio
from cryptography import x509

from appliance.authority import restoration
from appliance.cli.main import main
from appliance.stores.leveldb import open_store
from tests.support.backups import PASSWORD, ROWS, House, rows_of
from tests.support.s3 import BUCKET, CREDENTIALS, REGION, S3Server, s3_server
from tests.support.web import Pki

PASSPHRASE = "correct horse battery staple"
SECRET = "hunter2 of a webhook"


@pytest.fixture(scope="module")
def pki() -> Pki:
    return Pki.generate()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, pki: Pki) -> House:
    """A CA that no test changes."""
    directory = tmp_path_factory.mktemp("house")
    (directory / "pass").write_text(f"{PASSPHRASE}\n")
    (directory / "wrong").write_text("wrong horse\n")
    (directory / "password").write_text(PASSWORD)
    return House.build(directory / "step", pki, crl={"enabled": True})


@pytest.fixture
def house(made: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    """The CA of the step path; a copy, so that a test may change it."""
    folder = tmp_path / "house"
    shutil.copytree(made.step.parent, folder)
    for file in (folder / "step" / "config").iterdir():
        file.write_text(file.read_text().replace(str(made.step), str(folder / "step")))
    monkeypatch.setenv("STEPPATH", str(folder / "step"))
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.chdir(folder)
    return House(folder / "step", made.pki)


@pytest.fixture(scope="module")
def sealed(made: House, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup with keys, which no test changes."""
    file = tmp_path_factory.mktemp("backup") / "ca.hearth-backup"
    passphrase = str(made.step.parent / "pass")
    flags = ["--ca-config", str(made.config), "--keys", "--passphrase-file", passphrase]
    assert main(["backup", "create", str(file), *flags]) == 0
    return file


@pytest.fixture(scope="module")
def plain(made: House, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup without keys, which no test changes."""
    file = tmp_path_factory.mktemp("backup") / "ca.hearth-backup"
    assert main(["backup", "create", str(file), "--ca-config", str(made.config)]) == 0
    return file


@dataclass(frozen=True, slots=True)
class Said:
    """What a command wrote to its two streams."""

    out: str
    err: str


def run(capsys: pytest.CaptureFixture[str], *words: str | Path, code: int = 0) -> Said:
    capsys.readouterr()
    ended = main(["backup", *map(str, words)])
    said = Said(*capsys.readouterr())
    assert ended == code, f"{said.out}{said.err}"
    return said


# ---- made and listed


def test_a_backup_in_a_directory_is_made_listed_and_proven(
    house: House, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "place"
    keys = ("--passphrase-file", "pass")
    said = run(capsys, "create", place, "--keys", *keys)
    file = Path(said.out.strip())
    assert file.parent == place
    assert re.fullmatch(r"root-[0-9a-f]{8}-\d{8}T\d{6}Z\.hearth-backup", file.name)
    assert [each.name for each in place.iterdir()] == [file.name]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert f"{len(rows_of(house.database))} rows and 3 files, 1 sealed" in said.err
    listed = json.loads(run(capsys, "list", place, "--format", "json").out)
    assert (listed["name"], listed["size"]) == (file.name, file.stat().st_size)
    assert file.name in run(capsys, "list", place).out
    told = run(
        capsys, "verify", "latest", "--from", place, *keys, "--password-file", "password"
    ).out
    assert "Root, root " in told
    assert "keys: 1 files, opened by the passphrase" in told
    assert re.search(r"test certificate issued: serial \d+", told)


def test_keys_are_in_it_only_when_asked_for_and_only_encrypted(
    made: House, sealed: Path, plain: Path
) -> None:
    key = (made.step / "secrets" / "intermediate_ca_key").read_bytes()
    for backup in (plain, sealed):
        octets = backup.read_bytes()
        assert key not in octets
        assert b"PRIVATE KEY" not in octets
        assert PASSPHRASE.encode() not in octets
    assert b"eyJ" in sealed.read_bytes()  # a JWE begins so


def test_secrets_of_ca_json_are_blanked_where_keys_are_not_asked_for(
    house: House, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    house.configure(password=SECRET)
    file, keys = tmp_path / "open.hearth-backup", tmp_path / "keys.hearth-backup"
    told = run(capsys, "create", file).err
    assert "the secrets in ca.json at password" in told
    assert "not in it: the key" in told
    run(capsys, "create", keys, "--keys", "--passphrase-file", "pass")
    for backup in (file, keys):
        assert SECRET.encode() not in backup.read_bytes()
    flags = ("--accept-lost-revocations", "--passphrase-file", "pass")
    run(capsys, "restore", keys, tmp_path / "whole", *flags)
    whole = json.loads((tmp_path / "whole" / "config" / "ca.json").read_text())
    assert whole["password"] == SECRET
    told = run(capsys, "restore", file, tmp_path / "blank", "--accept-lost-revocations").err
    assert "missing: the secrets in ca.json at password" in told
    assert f"missing: the key {tmp_path}/blank/secrets/intermediate_ca_key" in told


def test_a_passphrase_that_is_too_short_is_refused_and_nothing_is_left(
    house: House, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (house.step.parent / "short").write_text("seven77")
    place = tmp_path / "place"
    said = run(capsys, "create", place, "--keys", "--passphrase-file", "short", code=1)
    assert "a passphrase of at least 8 characters" in said.err
    assert list(place.iterdir()) == []


def test_nothing_is_overwritten_by_a_new_backup(
    house: House, sealed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sealed.read_bytes()
    assert "cannot be written: File exists" in run(capsys, "create", sealed, code=1).err
    assert sealed.read_bytes() == before


def test_a_stick_that_is_not_there_and_a_place_that_was_not_named_are_told(
    house: House, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = run(capsys, "create", tmp_path / "stick", "--mounted", code=1)
    assert "is the stick plugged in?" in said.err
    assert "where? Name a directory" in run(capsys, "create", code=1).err
    assert "no backups in" in run(capsys, "list", tmp_path / "none").err


# ---- what is wrong with a backup


def test_a_wrong_passphrase_a_cut_a_flipped_bit_and_another_file_are_told_apart(
    house: House, sealed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole, file = sealed.read_bytes(), tmp_path / "odd"

    def verified(octets: bytes, passphrase: str = "pass") -> str:
        file.write_bytes(octets)
        flags = ("--passphrase-file", passphrase, "--no-issue")
        return run(capsys, "verify", file, *flags, code=1).err

    assert "the passphrase is wrong; the file itself is whole" in verified(whole, "wrong")
    assert "the backup is cut off" in verified(whole[:-1])
    assert "the backup is cut off" in verified(whole[: len(whole) // 2], "wrong")
    for place in (100, len(whole) // 2, len(whole) - 5):
        octets = bytearray(whole)
        octets[place] ^= 1
        assert "is not as it was written" in verified(bytes(octets), "wrong")
    assert "this is no backup of Hearth" in verified(b"PK\x03\x04" * 10)
    file.unlink()
    assert f"there is no {file}" in run(capsys, "verify", file, code=1).err


def test_a_passphrase_for_a_backup_without_keys_is_refused(
    house: House, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = tmp_path / "plain.hearth-backup"
    run(capsys, "create", plain)
    said = run(capsys, "verify", plain, "--passphrase-file", "pass", code=1)
    assert "has no keys in it" in said.err
    told = run(capsys, "verify", plain, "--no-issue").out
    assert "no test certificate: it was not asked for" in told
    shutil.rmtree(house.step)
    told = run(capsys, "verify", plain).out
    assert "no test certificate: the CA's key is not in the backup, and not here either" in told


def test_the_password_of_the_key_is_asked_for_by_name(
    house: House, sealed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = run(capsys, "verify", sealed, "--passphrase-file", "pass", code=1)
    assert "give its password with --password-file" in said.err


# ---- restored


def test_a_ca_is_put_back_elsewhere_with_every_row(
    house: House, sealed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before, new = rows_of(house.database), tmp_path / "new"
    flags = ("--passphrase-file", "pass", "--accept-lost-revocations")
    said = run(capsys, "restore", sealed, new, *flags)
    assert said.out.strip() == str(new / "config" / "ca.json")
    assert f"{len(before)} rows, 3 files" in said.err
    assert "not known: what was issued after" in said.err
    assert "one-time tokens issued before the server starts again are refused" in said.err
    config = json.loads((new / "config" / "ca.json").read_text())
    assert config["db"] == {"type": "leveldb", "dataSource": str(new / "db")}
    assert config["key"] == str(new / "secrets" / "intermediate_ca_key")
    key = new / "secrets" / "intermediate_ca_key"
    assert key.read_bytes() == (house.step / "secrets" / key.name).read_bytes()
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    after = rows_of(new / "db")
    assert {place: after.get(place) for place in before} == before
    ours = {bucket for bucket, _ in after.keys() - before.keys()}
    assert restoration.RESTORATIONS in ours
    assert sorted(each.name for each in new.iterdir()) == ["certs", "config", "db", "secrets"]


def test_nothing_that_is_there_is_overwritten(
    plain: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    new = tmp_path / "new"
    for name in ("config/ca.json", "db", "certs/root_ca.crt"):
        there = new / name
        there.parent.mkdir(parents=True)
        there.symlink_to("/nowhere")  # also what only points nowhere
        said = run(capsys, "restore", plain, new, "--accept-lost-revocations", code=1)
        assert f"{there} is there already; nothing was written" in said.err
        assert [each for each in new.rglob("*") if not each.is_dir()] == [there]
        shutil.rmtree(new)


def test_revocations_since_must_be_given_or_given_up(
    plain: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    new = tmp_path / "new"
    said = run(capsys, "restore", plain, new, code=1)
    assert "knows nothing of what was revoked since" in said.err
    assert not new.exists()
    (tmp_path / "list").write_bytes(b"no list")
    flags = ("--crl", tmp_path / "list")
    said = run(capsys, "restore", plain, new, *flags, code=1)
    assert "the revocation list cannot be used" in said.err
    assert list(new.rglob("*")) == []
    said = run(capsys, "restore", plain, new, "--crl", "/nowhere/list", code=1)
    assert "/nowhere/list cannot be read" in said.err


def test_tokens_that_may_come_back_are_named(
    house: House, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = json.loads(house.config.read_text())
    config["authority"]["disableIssuedAtCheck"] = True
    house.config.write_text(json.dumps(config))
    file = tmp_path / "x.hearth-backup"
    run(capsys, "create", file)
    said = run(capsys, "restore", file, tmp_path / "new", "--accept-lost-revocations").err
    assert "one-time tokens used since the backup can be used again until they expire" in said


def test_what_a_ca_has_elsewhere_comes_below_its_new_directory(
    house: House, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    elsewhere = tmp_path / "elsewhere" / "root.pem"
    elsewhere.parent.mkdir()
    (house.step / "certs" / "root_ca.crt").rename(elsewhere)
    house.configure(root=str(elsewhere), crt="step/certs/intermediate_ca.crt")
    file = tmp_path / "x.hearth-backup"
    run(capsys, "create", file)
    run(capsys, "restore", file, tmp_path / "new", "--accept-lost-revocations")
    config = json.loads((tmp_path / "new" / "config" / "ca.json").read_text())
    for name in ("root", "crt"):
        assert Path(config[name]).is_relative_to(tmp_path / "new")
        x509.load_pem_x509_certificate(Path(config[name]).read_bytes())


# ---- while it is in use, and other places


def test_a_database_in_use_without_a_server_is_told(
    house: House,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("appliance.cli.appliance_source._STARTING", 0.1)

    async def meanwhile() -> int:
        store = await open_store(house.database)
        try:
            command = ["backup", "create", str(tmp_path / "place")]
            return await trio.to_thread.run_sync(partial(main, command))
        finally:
            await store.aclose()

    assert trio.run(meanwhile) == 1
    assert "which has no control socket there" in capsys.readouterr().err
    assert not (tmp_path / "place").exists()


@pytest.fixture
def bucket(pki: Pki) -> Iterator[S3Server]:
    with s3_server(pki) as running:
        yield running


def test_a_bucket_whose_server_has_its_certificate_of_this_ca(
    house: House, bucket: S3Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = house.step.parent / "s3"
    key.write_text(
        f"[default]\naws_access_key_id = {CREDENTIALS.key_id}\n"
        f"aws_secret_access_key = {CREDENTIALS.secret}\n"
    )
    place = f"s3://{BUCKET}/home?endpoint={bucket.endpoint}&region={REGION}"
    flags = ("--credentials-file", key)
    made = run(capsys, "create", place, *flags)
    ((stored, octets),) = bucket.files.items()
    assert made.out.strip() == f"s3://{BUCKET}/{stored}"
    assert octets.startswith(b"hearth backup")
    assert Path(stored).name in run(capsys, "list", place, *flags).out
    assert "whole: " in run(capsys, "verify", "latest", "--from", place, "--no-issue", *flags).out
    given_up = ("--accept-lost-revocations", *flags)
    run(capsys, "restore", "latest", tmp_path / "new", "--from", place, *given_up)
    assert len(rows_of(tmp_path / "new" / "db")) > ROWS
    key.write_text("[default]\n")
    assert "there is no access key" in run(capsys, "list", place, *flags, code=1).err


# ---- the schedule


def test_a_schedule_is_written_shown_used_and_removed(
    house: House, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "place"
    assert "makes no backups" in run(capsys, "schedule").err
    said = run(
        capsys, "schedule", place, "--every", "12h", "--keep-last", "1", "--keep-daily", "1",
    )  # fmt: skip
    assert "send SIGHUP" in said.err
    shown = run(capsys, "schedule").out.splitlines()
    assert shown == [
        f"to:    {place}", "every: 12h0m0s", "keep:  1 last, 1 daily", "keys:  no"
    ]  # fmt: skip
    place.mkdir()
    authority = "root-" + "0" * 8
    (place / f"{authority}-20200101T000000Z.hearth-backup").write_bytes(b"of another CA")
    first = run(capsys, "create").out.strip()
    renamed = Path(first).with_name(re.sub(r"\d{8}T", "20210101T", Path(first).name))
    Path(first).rename(renamed)
    said = run(capsys, "create")
    assert f"removed {renamed.name}" in said.err
    assert not renamed.exists()
    assert len(list(place.iterdir())) == 2  # the newest, and that of another CA
    run(capsys, "verify", "latest", "--no-issue")
    assert "name the place, too" in run(capsys, "schedule", "--every", "1h", code=1).err
    assert "is not a kind of place" in run(capsys, "schedule", "ftp://x/y", code=1).err
    run(capsys, "schedule", "--off")
    assert "backup" not in json.loads(house.config.read_text())
