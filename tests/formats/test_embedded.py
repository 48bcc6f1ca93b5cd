"""The embedded databases of step-ca, read without its library: row by row, octet by octet."""

from collections.abc import Callable

import pytest

from appliance.formats import bbolt
from appliance.formats.badger import database, entries, log, manifest
from appliance.formats.badger.entries import Flag
from appliance.formats.crc32c import crc32c
from appliance.formats.embedded import Row
from appliance.model.errors import FormatError
from tests.support.databases import FILLED, NOW, WORN, archive, expected, files, read

BADGER = tuple(name for name in FILLED if name.startswith("badger"))


@pytest.mark.parametrize("name", FILLED + WORN)
def test_every_row_is_read_octet_by_octet(name: str) -> None:
    """Also of databases with many tables, rows changed, removed and moved, and never closed."""
    rows, lost = read(name, files(name))
    assert rows == expected(name)
    assert lost == []
    assert len(rows) == {"bbolt-worn": 1283}.get(name, 236 if name in FILLED else 3017)


def test_what_the_worn_databases_are_for_is_in_them() -> None:
    """Rows that only the log has, many tables, and records that were moved to a newer log."""
    for name in ("badgerv1-killed", "badgerv2-killed"):
        opened = database.read(files(name))
        assert opened.recent
        assert len(opened.tables) > 10
        assert len(opened.moved) > 500
        assert 0 not in opened.logs


@pytest.mark.parametrize(
    ("octets", "checksum"),
    [
        (b"123456789", 0xE3069283),
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (b"", 0),
    ],
)
def test_crc32c_is_that_of_rfc_3720_appendix_b_4(octets: bytes, checksum: int) -> None:
    assert crc32c(octets) == crc32c(memoryview(octets)) == checksum


def test_an_encrypted_database_is_refused_by_name() -> None:
    content = files("badgerv2-encrypted")
    with pytest.raises(FormatError, match="is encrypted"):
        database.read(content)
    del content["KEYREGISTRY"]
    with pytest.raises(FormatError, match=r"table 000002\.sst is encrypted"):
        database.read(content)
    content["MANIFEST"] = content["MANIFEST"][:16]
    del content["000002.sst"]
    with pytest.raises(FormatError, match=r"000000\.vlog is encrypted"):
        database.read(content)


def test_tables_compressed_by_snappy_are_read_octet_by_octet() -> None:
    """step-ca asks for none, but a restored or converted database may have them."""
    rows, lost = read("badgerv2-compressed", files("badgerv2-compressed"))
    assert rows == expected("badgerv2-compressed")
    assert rows
    assert lost == []
    places = manifest.read(files("badgerv2-compressed")["MANIFEST"]).tables
    assert {each.compression for each in places} == {manifest.SNAPPY}


def test_tables_compressed_by_zstandard_are_refused_by_name() -> None:
    content = files("badgerv2-compressed")
    made = b"\x0a\x06\x08\x02\x18\x01\x30\x02"  # a set of changes: table 2, compressed by ZSTD
    frame = len(made).to_bytes(4) + crc32c(made).to_bytes(4) + made
    content["MANIFEST"] = content["MANIFEST"][:8] + frame
    with pytest.raises(FormatError, match=r"000002\.sst is compressed by Zstandard"):
        database.read(content)


@pytest.mark.parametrize("version", [3, 5, 8, 11])
def test_other_versions_of_badger_are_refused(version: int) -> None:
    content = files("badgerv2")
    content["MANIFEST"] = b"Bdgr" + version.to_bytes(4) + content["MANIFEST"][8:]
    with pytest.raises(FormatError, match=f"MANIFEST is of version {version}"):
        database.read(content)


def test_what_is_no_database_is_refused() -> None:
    for content in ({}, {"MANIFEST": b""}, {"MANIFEST": b"leveldb.BytewiseComparator"}):
        with pytest.raises(FormatError, match=r"not .*a Badger database"):
            database.read(content)
    for octets in (b"", bytes(100_000), b"SQLite format 3"):
        with pytest.raises(FormatError, match="not a bbolt database"):
            bbolt.read(octets)


Change = Callable[[dict[str, bytes]], None]


def cut(name: str, octets: int) -> Change:
    def change(content: dict[str, bytes]) -> None:
        content[name] = content[name][:-octets]

    return change


def missing(name: str) -> Change:
    def change(content: dict[str, bytes]) -> None:
        del content[name]

    return change


def unnamed(content: dict[str, bytes]) -> None:
    content["000099.sst"] = content["000002.sst"]


@pytest.mark.parametrize("name", BADGER)
@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (cut("MANIFEST", 1), "MANIFEST is cut off"),
        (cut("000002.sst", 1), r"table 000002\.sst is damaged"),
        (cut("000000.vlog", 1), r"000000\.vlog is cut off"),
        (missing("000002.sst"), r"table 000002\.sst is missing"),
        (missing("000000.vlog"), r"000000\.vlog, which was written last, is missing"),
        (unnamed, r"table 000099\.sst is not in MANIFEST"),
    ],
)
def test_a_file_that_is_cut_off_or_missing_is_named(
    name: str, change: Change, problem: str
) -> None:
    content = files(name)
    change(content)
    with pytest.raises(FormatError, match=problem):
        read(name, content)


@pytest.mark.parametrize("name", BADGER)
def test_a_manifest_cut_between_two_changes_is_noticed_by_the_table_it_lacks(name: str) -> None:
    content = files(name)
    content["MANIFEST"] = content["MANIFEST"][:8]
    with pytest.raises(FormatError, match="is not in MANIFEST, which may be cut off"):
        read(name, content)


@pytest.mark.parametrize("name", ["badgerv1-killed", "badgerv2-killed"])
def test_a_write_that_a_crash_cut_off_is_told_and_all_before_it_is_read(name: str) -> None:
    content = files(name)
    last = max(each for each in content if each.endswith(".vlog"))
    content[last] = content[last][:-7]
    rows, lost = read(name, content)
    assert last in lost[0].reason
    assert "cannot be read" in lost[0].reason
    missing = {key for key, value in expected(name).items() if rows.get(key) != value}
    assert missing == {(each.table, each.key) for each in lost[1:]}
    assert len(missing) == 1  # what was written last moved a row from a log that is gone


def test_damage_within_a_value_costs_that_row_and_names_it() -> None:
    content = files("badgerv1")
    wanted = expected("badgerv1")
    key = next(key for key in wanted if key[0] == "x509_certs")
    octets = bytearray(content["000000.vlog"])
    place = octets.index(wanted[key])
    octets[place + 20] ^= 4
    rows, lost = read("badgerv1", {**content, "000000.vlog": bytes(octets)})
    assert rows == {each: value for each, value in wanted.items() if each != key}
    (told,) = lost
    assert (told.table, told.key) == key
    assert "a checksum does not match" in told.reason


def test_an_old_database_without_digests_is_read_and_that_is_said() -> None:
    """Badger 1.5 wrote no checksum of a table into MANIFEST."""
    content = files("badgerv1")
    old = b"\x0a\x04\x08\x02\x18\x01"  # a set of changes: table 2 made, at level 1
    frame = len(old).to_bytes(4) + crc32c(old).to_bytes(4)
    content["MANIFEST"] = content["MANIFEST"][:8] + frame + old
    opened = database.read(content)
    assert opened.unverified == ("000002.sst",)
    found = [each for each in opened.contents(NOW) if isinstance(each, Row)]
    assert {(each.table, each.key): each.value for each in found} == expected("badgerv1")


# ---- the value log, written by hand


def record(key: bytes, version: int, value: bytes, flags: int = 0, expires_at: int = 0) -> bytes:
    whole = key + (2**64 - 1 - version).to_bytes(8)
    head = len(whole).to_bytes(4) + len(value).to_bytes(4)
    head += expires_at.to_bytes(8) + bytes((flags, 0))
    content = head + whole + value
    return content + crc32c(content).to_bytes(4)


def part(text: str) -> bytes:
    return len(text).to_bytes(2, "little") + text.encode()


NAME = part("used_ott") + part("key")
IN, END = Flag.IN_TRANSACTION, Flag.END_OF_TRANSACTION


def of_log(*records: bytes) -> tuple[list[bytes], list[str]]:
    """The values that a database with nothing but this log has, and what cannot be read."""
    empty = b"Bdgr" + (4).to_bytes(4)
    opened = database.read({"MANIFEST": empty, "000000.vlog": b"".join(records)})
    found = list(opened.contents(NOW))
    values = [each.value for each in found if isinstance(each, Row)]
    return values, [each.reason for each in found if not isinstance(each, Row)]


def finished(version: int) -> bytes:
    return record(b"!badger!txn", version, str(version).encode(), END)


def test_the_newest_version_holds_and_a_removal_removes() -> None:
    first = record(NAME, 1, b"one", IN), finished(1)
    second = record(NAME, 2, b"two", IN), finished(2)
    removed = record(NAME, 3, b"", IN | Flag.DELETED), finished(3)
    assert of_log(*first, *second) == ([b"two"], [])
    assert of_log(*first, *second, *removed) == ([], [])
    assert of_log(*first, record(NAME, 4, b"x", expires_at=NOW)) == ([], [])
    assert of_log(*first, record(NAME, 4, b"x", expires_at=NOW + 1)) == ([b"x"], [])


def test_a_transaction_without_its_end_never_happened_and_is_told() -> None:
    first = record(NAME, 1, b"one", IN), finished(1)
    for rest in (
        [record(NAME, 2, b"two", IN)],
        [record(NAME, 2, b"two", IN), finished(3)],
        [record(NAME, 2, b"two", IN), record(NAME, 3, b"three", IN)],
        [finished(2)],
        [record(NAME, 2, b"two", IN), record(NAME, 2, b"two")],
        [record(NAME, 2, b"two", IN)[:-1] + b"?", finished(2)],
    ):
        values, lost = of_log(*first, *rest)
        assert values == [b"one"]
        (reason,) = lost
        assert "000000.vlog: octets" in reason


def test_a_key_that_step_ca_does_not_write_is_told() -> None:
    for name in (b"\x05\0ab", part("a") + part("b") + b"c", b"\0\0\0", b"\x01\0\xff\x01\0a"):
        values, lost = of_log(record(name, 1, b"x"))
        assert values == []
        assert lost == ["a key that step-ca does not write"]


def test_the_mark_of_a_table_is_no_row() -> None:
    assert of_log(record(part("used_ott"), 1, b"")) == ([], [])


def test_a_pointer_to_another_record_is_not_followed() -> None:
    """A log of the right size and with right checksums may still be of another database."""
    one, other = record(NAME, 1, b"one" * 20), record(part("a") + part("b"), 1, b"one" * 20)
    held = log.Log(number=0, version=1, data=other + one)
    wanted = entries.Entry(NAME, 1, Flag.POINTER, 0, b"")
    at = entries.Pointer(0, len(one), len(other))
    assert held.value(at, wanted).value == b"one" * 20
    for wrong in (
        entries.Pointer(0, len(other), 0),
        entries.Pointer(0, len(one) - 1, len(other)),
        entries.Pointer(0, len(one), len(other) + 1),
        entries.Pointer(0, len(one), 2**32 - 1),
    ):
        with pytest.raises(FormatError):
            held.value(wrong, wanted)


# ---- bbolt


def changed(place: int, octets: bytes) -> dict[str, bytes]:
    content = archive("bbolt")["steppath/db/stepca.bolt"]
    return {"stepca.bolt": content[:place] + octets + content[place + len(octets) :]}


def test_the_older_meta_page_serves_when_the_newer_is_damaged_and_that_is_told() -> None:
    whole = bbolt.read(archive("bbolt")["steppath/db/stepca.bolt"])
    assert whole.unfinished == ()
    newest = 4096 * (whole.meta.transaction % 2)
    for place in (newest, 4096 - newest):
        (told,) = bbolt.read(changed(place + 40, b"\xff")["stepca.bolt"]).unfinished
        assert "one of the two meta pages is damaged" in told.reason
    both = bytearray(changed(40, b"\xff")["stepca.bolt"])
    both[4096 + 40] ^= 1
    with pytest.raises(FormatError, match="its first pages are damaged"):
        bbolt.read(bytes(both))


def test_a_bbolt_file_that_is_cut_off_is_told() -> None:
    content = archive("bbolt")["steppath/db/stepca.bolt"]
    opened = bbolt.read(content)
    needed = opened.meta.pages * opened.meta.page_size
    assert read("bbolt", {"stepca.bolt": content[:needed]})[0] == expected("bbolt")
    with pytest.raises(FormatError, match="the file is cut off"):
        bbolt.read(content[: needed - 1])


@pytest.mark.parametrize("offset", [0, 8, 10, 12, 16, 20, 24, 28])
def test_a_page_that_is_not_what_it_should_be_is_named(offset: int) -> None:
    """Number, kind, count, pages that follow; flags, place and lengths of its first row."""
    opened = bbolt.read(archive("bbolt")["steppath/db/stepca.bolt"])
    place = opened.meta.root * opened.meta.page_size + offset
    with pytest.raises(FormatError, match=r"is damaged|it is used twice"):
        read("bbolt", changed(place, b"\x07"))
