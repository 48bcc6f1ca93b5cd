"""`backup` of ca.json, and places as a person writes them."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from appliance.config.backup import read_place
from appliance.config.loading import load
from appliance.model.backups import BackupPlan, InBucket, InDirectory, Keep, OnSftp
from appliance.model.errors import ConfigError, FormatError


def read(directory: Path, **changes: Any) -> BackupPlan | None:
    whole = {
        "root": "root.crt",
        "crt": "issuer.crt",
        "key": "issuer.key",
        "address": "127.0.0.1:9443",
        "dnsNames": ["ca.example"],
        "db": {"type": "leveldb", "dataSource": str(directory / "db")},
        **changes,
    }
    (directory / "ca.json").write_text(json.dumps(whole))
    return load(directory / "ca.json").backup


def test_none_are_made_unless_it_says_so(tmp_path: Path) -> None:
    assert read(tmp_path) is None


def test_a_place_is_enough(tmp_path: Path) -> None:
    assert read(tmp_path, backup={"to": "/mnt/stick"}) == BackupPlan(
        place=InDirectory(directory=Path("/mnt/stick")), every=timedelta(days=1), keep=Keep()
    )


def test_all_of_it(tmp_path: Path) -> None:
    plan = read(
        tmp_path,
        backup={
            "to": "sftp://me@nas:2222/~/ca", "every": "6h", "passphraseFile": "/etc/pass",
            "keep": {"last": 1, "daily": 2, "weekly": 3, "monthly": 4},
            "identityFile": "/etc/key", "knownHostsFile": "/etc/known",
        },
    )  # fmt: skip
    assert plan == BackupPlan(
        place=OnSftp(
            host="nas", user="me", port=2222, directory="ca", identity=Path("/etc/key"),
            known_hosts=Path("/etc/known"),
        ),
        every=timedelta(hours=6),
        keep=Keep(last=1, daily=2, weekly=3, monthly=4),
        passphrase=Path("/etc/pass"),
    )  # fmt: skip
    assert plan.with_keys


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ({}, "backup.to: must name a directory"),
        ({"to": "ftp://x/y"}, "backup.to: 'ftp' is not a kind of place"),
        ({"to": "/x", "every": "10s"}, "backup.every: must be a minute or more"),
        ({"to": "/x", "every": "daily"}, "backup.every"),
        ({"to": "/x", "keep": {"last": -1}}, "backup.keep.last: cannot be negative"),
        ({"to": "sftp://me:secret@nas/x"}, "must not hold a password"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, written: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigError) as refused:
        read(tmp_path, backup=written)
    assert problem in str(refused.value)
    assert "secret" not in str(refused.value)


def test_without_a_database_there_is_nothing_to_back_up(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no `db` to back up"):
        read(tmp_path, db=None, backup={"to": "/x"})


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("sftp://nas/backups/ca/", OnSftp(host="nas", directory="/backups/ca")),
        ("sftp://nas/~/", OnSftp(host="nas")),
        ("sftp://u%40x@nas/~/a%20b", OnSftp(host="nas", user="u@x", directory="a b")),
        ("sftp://[::1]:22/~/x", OnSftp(host="::1", port=22, directory="x")),
        ("s3://b", InBucket(bucket="b")),
        (
            "s3://B/a/b/?endpoint=https://minio:9000&region=home",
            InBucket(bucket="B", prefix="a/b", endpoint="https://minio:9000", region="home"),
        ),
    ],
)
def test_places(text: str, place: object) -> None:
    assert read_place(text) == place


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("sftp:///x", "names no host"),
        ("sftp://h:port/x", "is not a URL"),
        ("sftp://-oProxyCommand=x/y", "begins with a dash"),
        ("sftp://h/~/-x", "begins with a dash"),
        ("sftp://h/a%0ab", "control characters"),
        ("s3://b/?endpoint=ftp://x", "must be an https or http URL"),
        ("s3://b/?secret=x", "takes endpoint and region, not 'secret'"),
    ],
)
def test_places_that_are_none(text: str, problem: str) -> None:
    with pytest.raises(FormatError, match=problem):
        read_place(text)
