"""A backup that is cut off, damaged, changed on purpose or another file is told apart."""

import io
import zlib
from hashlib import sha256

import msgspec
import pytest

from appliance.formats import backup_archive
from appliance.formats.backup_archive import (
    LARGEST,
    MAGIC,
    About,
    ArchivedFile,
    Damaged,
    End,
    Frame,
    Kind,
    NotBackup,
    Row,
    RowDigest,
    Truncated,
    Writer,
)
from appliance.model.errors import FormatError

ABOUT = About(
    version="1", made_at="2026-03-01T12:00:00Z", name="Home", fingerprint="ab", base="/ca",
    config="config/ca.json",
)  # fmt: skip
FILE = ArchivedFile(path="certs/root.crt", mode=0o600, content=b"a certificate")
ROWS: list[Row] = [("x509_certs", b"\0\1", b"one"), ("used_ott", b"two", b"")]


def archive() -> bytes:
    writer, rows = Writer(), RowDigest()
    rows.add(ROWS)
    return b"".join((
        writer.begin(),
        writer.value(Kind.ABOUT, ABOUT),
        writer.value(Kind.FILE, FILE),
        writer.frame(Kind.ROWS, backup_archive.pack(ROWS)),
        writer.value(Kind.END, End(files=1, rows=rows.count, digest=rows.digest)),
    ))  # fmt: skip


def read(octets: bytes) -> list[Frame]:
    return list(backup_archive.frames(io.BytesIO(octets).read))


def test_what_was_written_is_read() -> None:
    about, file, rows, end = read(archive())
    assert backup_archive.about(about.payload) == ABOUT
    assert backup_archive.archived_file(file.payload) == FILE
    assert backup_archive.unpack(rows.payload) == ROWS
    assert backup_archive.end(end.payload).rows == len(ROWS)


def test_wherever_it_is_cut_off_it_is_truncated_and_not_damaged() -> None:
    whole = archive()
    for length in range(len(whole)):
        with pytest.raises(Truncated, match="is cut off"):
            read(whole[:length])


def test_whichever_bit_flips_it_is_damaged_and_not_truncated() -> None:
    """Also in a length: one that is too long must not look like an end that is missing."""
    whole = archive()
    for place in range(len(whole)):
        for bit in range(8):
            octets = bytearray(whole)
            octets[place] ^= 1 << bit
            with pytest.raises(NotBackup if place < len(MAGIC) else Damaged, match="damaged"):
                read(bytes(octets))


def test_what_follows_the_end_is_damage() -> None:
    with pytest.raises(Damaged, match="something follows its end"):
        read(archive() + b"\0")


def test_a_file_of_another_kind_is_no_backup() -> None:
    for octets in (b"PK\x03\x04", b"hearth backup 2\n", bytes(100)):
        with pytest.raises(NotBackup):
            read(octets)


def test_no_part_can_be_taken_out_put_in_or_moved() -> None:
    """Each is bound to all that came before it."""
    writer, parts = Writer(), []
    for each in (b"one", b"two", b"three"):
        parts.append(writer.frame(Kind.FILE, each))
    end = writer.value(Kind.END, End(files=3, rows=0, digest=b""))
    one, two, three = parts
    assert len(read(b"".join((MAGIC, one, two, three, end)))) == 4
    for changed in ((one, three, end), (two, one, three, end), (one, one, two, three, end), (end,)):
        with pytest.raises(Damaged):
            read(b"".join((MAGIC, *changed)))


def test_a_part_of_a_later_version_is_told() -> None:
    before = sha256(MAGIC).digest()
    header = b"\x09" + (0).to_bytes(4)
    check, digest = sha256(before + header).digest()[:4], sha256(before + header).digest()[:16]
    with pytest.raises(Damaged, match="only a later version can read"):
        read(MAGIC + header + check + digest)


def test_a_length_that_nothing_has_is_not_waited_for() -> None:
    before = sha256(MAGIC).digest()
    header = bytes((Kind.FILE,)) + (LARGEST + 1).to_bytes(4)
    with pytest.raises(Damaged):
        read(MAGIC + header + sha256(before + header).digest()[:4])
    with pytest.raises(FormatError, match="too many for one part"):
        Writer().frame(Kind.FILE, bytes(LARGEST + 1))


def test_rows_that_would_fill_the_memory_are_damage() -> None:
    with pytest.raises(Damaged, match="too many for one part"):
        backup_archive.unpack(zlib.compress(bytes(LARGEST + 1), 1))


@pytest.mark.parametrize("payload", [b"", b"\xff", b"\x90", b"\x81\xa1a\x01"])
def test_what_is_not_of_its_form_is_damage(payload: bytes) -> None:
    for reader in (
        backup_archive.about, backup_archive.archived_file, backup_archive.sealed,
        backup_archive.end, backup_archive.unpack,
    ):  # fmt: skip
        with pytest.raises(Damaged):
            reader(payload)
    with pytest.raises(Damaged):
        backup_archive.unpack(zlib.compress(b"\xc1"))


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "../x", "a/../../x", "", "a//b", "./a", "a/.", "a\0b", "a/"]
)
def test_no_file_is_named_outside_the_directory(path: str) -> None:
    file = ArchivedFile(path=path, mode=0o600, content=b"")
    with pytest.raises(Damaged, match="outside its directory"):
        backup_archive.archived_file(msgspec.msgpack.encode(file))
    sealed = backup_archive.Sealed(digest=b"", files=[FILE, file])
    with pytest.raises(Damaged, match="outside its directory"):
        backup_archive.sealed(msgspec.msgpack.encode(sealed))


def test_a_digest_of_rows_is_the_same_however_they_are_parted() -> None:
    together, apart = RowDigest(), RowDigest()
    together.add(ROWS)
    for each in ROWS:
        apart.add([each])
    assert (together.count, together.digest) == (apart.count, apart.digest)
    apart.add([("a", b"", b"")])
    assert together.digest != apart.digest


def test_the_content_of_a_file_is_in_no_representation() -> None:
    assert "a certificate" not in repr(FILE)
