"""A backup that fails while it is made leaves nothing; one that was changed is not believed."""

import os
import re
import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.config import loading
from appliance.formats import backup_archive, jwe
from appliance.formats.backup_archive import (
    About,
    ArchivedFile,
    Damaged,
    End,
    Kind,
    RowDigest,
    Sealed,
    Writer,
)
from appliance.model.backups import BackupName, Keep
from appliance.model.errors import Broken, FormatError, Unavailable
from appliance.model.secret import Password
from appliance.server.backup import contents, keeping, making, opening
from appliance.server.backup.contents import Contents
from appliance.upstream.directory_place import DirectoryPlace
from tests.server.conftest import Authority
from tests.support.authority import SystemChance

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
PASSPHRASE = Password(b"correct horse battery")


async def no_rows() -> bytes:
    return b""


async def broken_rows() -> bytes:
    raise Broken("a row that cannot be read")


@pytest.fixture
def collected(authority: Authority) -> Contents:
    return contents.collect(loading.load(authority.file), NOW, with_keys=False)


async def test_nothing_is_left_of_one_that_fails(collected: Contents, tmp_path: Path) -> None:
    file = tmp_path / "x"
    with pytest.raises(Broken):
        await making.write(file, collected, broken_rows, None, SystemChance())
    assert not file.exists()
    place = DirectoryPlace(tmp_path / "place")
    with pytest.raises(Broken):
        await keeping.store(place, collected, broken_rows, None, SystemChance(), Keep(last=1))
    assert list((tmp_path / "place").iterdir()) == []


async def test_what_a_killed_process_left_is_removed_when_nobody_writes_it_any_more(
    collected: Contents, tmp_path: Path
) -> None:
    left = [tmp_path / f".{collected.name}.{pid}.partial" for pid in (1, 2)]
    foreign = tmp_path / ".other-00000000-20200101T000000Z.hearth-backup.1.partial"
    for each in (*left, foreign):
        each.write_bytes(b"")
    for each in (left[0], foreign):
        os.utime(each, (0, 0))
    await keeping.store(DirectoryPlace(tmp_path), collected, no_rows, None, SystemChance(), Keep())
    assert [each.exists() for each in (*left, foreign)] == [False, True, True]


async def test_a_place_that_is_full_is_told_and_keeps_what_it_has(
    collected: Contents, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Retention removes only after the new backup is there."""
    place = DirectoryPlace(tmp_path / "place")
    await keeping.store(place, collected, no_rows, None, SystemChance(), Keep(last=1))
    before = await place.names()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    later = msgspec.structs.replace(collected.about, made_at="2026-03-02T12:00:00Z")
    name = BackupName(authority=collected.name.authority, made_at=datetime.now(UTC))
    another = Contents(name=name, about=later, files=collected.files, sealed=())
    with pytest.raises(Unavailable, match="cannot be written: No space left on device"):
        await keeping.store(place, another, no_rows, None, SystemChance(), Keep(last=1))
    assert await place.names() == before


# ---- changed by who can write the file, with all digests as they should be


def forged(file: Path, frames: list[tuple[Kind, bytes]]) -> Path:
    writer = Writer()
    file.write_bytes(writer.begin() + b"".join(writer.frame(*each) for each in frames))
    return file


ABOUT = About(
    version="1", made_at="2026-03-01T12:00:00Z", name="n", fingerprint="f", base="/b", config="c"
)
ONE = ArchivedFile(path="c", mode=0o600, content=b"{}")


def encoded(value: Any) -> bytes:
    return msgspec.msgpack.encode(value)


def sealed_frames(change: Callable[[list[tuple[Kind, bytes]]], None]) -> list[tuple[Kind, bytes]]:
    """The frames of a backup with keys, changed after they were sealed."""
    about = msgspec.structs.replace(ABOUT, has_secrets=True)
    frames = [(Kind.ABOUT, encoded(about)), (Kind.FILE, encoded(ONE))]
    writer = Writer()
    for each in frames:
        writer.frame(*each)
    text = jwe.encrypt(
        encoded(Sealed(digest=writer.digest, files=[])), PASSPHRASE,
        entropy=bytes(jwe.ENTROPY), content_type="", iterations=1000,
    )  # fmt: skip
    change(frames)
    end = End(files=len(frames) - 1, rows=0, digest=RowDigest().digest)
    return [*frames, (Kind.SECRETS, text.encode()), (Kind.END, encoded(end))]


def test_what_is_sealed_vouches_for_the_rest(tmp_path: Path) -> None:
    whole = forged(tmp_path / "whole", sealed_frames(lambda _: None))
    assert opening.examine(whole, PASSPHRASE).sealed == ()

    def other(frames: list[tuple[Kind, bytes]]) -> None:
        frames[1] = (Kind.FILE, encoded(msgspec.structs.replace(ONE, content=b"evil")))

    changed = forged(tmp_path / "changed", sealed_frames(other))
    with pytest.raises(Damaged, match="somebody has changed the backup since it was made"):
        opening.examine(changed, PASSPHRASE)


@pytest.mark.parametrize(
    "frames",
    [
        [],
        [(Kind.ABOUT, encoded(ABOUT))],
        [(Kind.ABOUT, encoded(ABOUT)), (Kind.FILE, encoded(ONE))],
        [(Kind.FILE, encoded(ONE))],
        [
            (Kind.ABOUT, encoded(ABOUT)),
            (Kind.ROWS, backup_archive.pack([("b", b"k", b"v")])),
        ],
    ],
)
def test_parts_that_are_missing_are_missed(
    frames: list[tuple[Kind, bytes]], tmp_path: Path
) -> None:
    end = End(files=9, rows=0, digest=RowDigest().digest)
    file = forged(tmp_path / "x", [*frames, (Kind.END, encoded(end))])
    with pytest.raises(FormatError, match=r"damaged|no beginning"):
        opening.examine(file, None)


@given(
    st.lists(
        st.tuples(
            st.sampled_from([each for each in Kind if each is not Kind.END]),
            st.binary(max_size=60)
            | st.sampled_from([encoded(ABOUT), encoded(ONE), zlib.compress(b"\x91\x93\xa1b\xc4")])
            | st.builds(lambda rows: zlib.compress(encoded(rows)), st.lists(st.text())),
        ),
        max_size=6,
    )
)
def test_whatever_parts_a_file_has_it_is_refused_by_name(
    tmp_path_factory: pytest.TempPathFactory, frames: list[tuple[Kind, bytes]]
) -> None:
    file = tmp_path_factory.getbasetemp() / "forged-backup"
    forged(file, frames)
    with pytest.raises(FormatError, match=re.escape(f"{file}: ")):
        opening.examine(file, None)
