"""The one file taken apart: what PyInstaller put in comes out, and damage is told."""

import contextlib
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PyInstaller.archive.readers import CArchiveReader

from appliance.formats.onefile import INTERNAL, unpack
from appliance.model.errors import FormatError
from tests.support.onefile import archive

ELF = b"\x7fELF\x02\x01" + bytes(34) + b"\x11" * 8 + bytes(12) + b"\x22" * 4 + b"program"
FILES = {"libpython3.11.so.1.0": b"library" * 100, "package/data.txt": b"words"}


def whole() -> bytes:
    return archive(
        ELF,
        FILES,
        links={"link.so": "package/real.so"},
        others={b"z": b"modules", b"s": b"script", b"o": b""},
    )


def test_libraries_come_out_and_the_program_keeps_the_rest(tmp_path: Path) -> None:
    """PyInstaller's own reader finds the program to be one that has its libraries beside it."""
    unpacked = unpack(whole() + b"sections of the ELF file")

    assert unpacked.files == {PurePosixPath(name): data for name, data in FILES.items()}
    assert unpacked.links == {PurePosixPath("link.so"): "package/real.so"}
    program = tmp_path / "program"
    program.write_bytes(unpacked.program)
    reader = CArchiveReader(str(program))
    assert {name: entry[4] for name, entry in reader.toc.items()} == {
        "part-z": "z",
        "part-s": "s",
    }
    assert f"pyi-contents-directory {INTERNAL}" in reader.options
    assert reader.extract("part-z") == b"modules"


def test_the_kernel_s_part_stays_but_for_a_table_of_sections_that_is_no_longer_there() -> None:
    program = unpack(whole()).program
    assert program[:0x28] == ELF[:0x28]
    assert program[0x28:0x30] == bytes(8)
    assert program[0x3C:0x40] == bytes(4)
    assert program[0x40:].startswith(b"program")


def test_what_is_unpacked_already_is_told_apart() -> None:
    with pytest.raises(FormatError, match="unpacked directory"):
        unpack(unpack(whole()).program)


@pytest.mark.parametrize("name", ["../evil", "/etc/passwd", "a/../../b"])
def test_nothing_leads_out_of_it(name: str) -> None:
    with pytest.raises(FormatError, match="leads out"):
        unpack(archive(b"", {name: b""}))
    with pytest.raises(FormatError, match="leads out"):
        unpack(archive(b"", FILES, links={"link": f"{name}/../../.." if name[0] != "/" else name}))


@given(st.binary(max_size=200))
def test_any_other_file_is_refused(content: bytes) -> None:
    with pytest.raises(FormatError):
        unpack(content)


@given(st.data())
def test_a_file_that_is_cut_off_or_has_flipped_bits_never_breaks_us(data: st.DataObject) -> None:
    content = bytearray(whole())
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(0, len(content) - 1)) :]
    else:
        content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with contextlib.suppress(FormatError):
        unpack(bytes(content))
