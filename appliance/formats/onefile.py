"""The one file as PyInstaller makes it, and the same program as a directory that starts faster.

    program for the kernel │ entries, each deflated or not │ table of entries │ cookie │ rest of ELF

With libraries among its entries, the program unpacks them at every start and runs a second process
on them. Without, it looks for them in `_internal` beside itself. So: the libraries are written
there, and the program again with the other entries only. Numbers are big-endian (PyInstaller's
CArchive).
"""

import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from appliance.model.errors import FormatError

INTERNAL: Final = "_internal"  # the directory of libraries, beside the program
_MAGIC: Final = b"MEI\x0c\x0b\x0a\x0b\x0e"
_COOKIE: Final = struct.Struct("!8sIIII64s")  # magic, length, table's place and length, Python
_ENTRY: Final = struct.Struct("!IIIIBc")  # length, place, packed, unpacked, deflated, kind
_UNPACKED: Final = frozenset({b"b", b"x", b"Z"})  # libraries, data, archives
_LINK: Final = b"n"
_OPTION: Final = f"pyi-contents-directory {INTERNAL}".encode()
_ELF: Final = b"\x7fELF\x02\x01"  # of 64 bits, little-endian
_LARGEST: Final = 512 * 2**20  # octets that an entry may unpack to


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    kind: bytes
    name: bytes
    packed: bytes
    size: int
    deflated: bool

    def content(self) -> bytes:
        if not self.deflated:
            return self.packed
        unpacking = zlib.decompressobj()
        try:
            content = unpacking.decompress(self.packed, min(self.size, _LARGEST) + 1)
        except zlib.error as error:
            raise FormatError(f"its part {self.path()} is damaged: {error}") from None
        if len(content) != self.size or not unpacking.eof:
            raise FormatError(f"its part {self.path()} is not as long as it should be")
        return content

    def path(self) -> PurePosixPath:
        path = PurePosixPath(self.name.decode("utf-8", "replace"))
        if path.is_absolute() or ".." in path.parts or not path.parts:
            raise FormatError(f"a part of it is named {str(path)!r}, which leads out of it")
        return path


@dataclass(frozen=True, slots=True, kw_only=True)
class Unpacked:
    """A program as a directory: itself, files in `_internal`, and links there to their targets."""

    program: bytes
    files: Mapping[PurePosixPath, bytes]
    links: Mapping[PurePosixPath, str]


def unpack(content: bytes) -> Unpacked:
    """Take the one file apart. Raises FormatError when it is no such file, or damaged."""
    end = content.rfind(_MAGIC) + _COOKIE.size
    if end < _COOKIE.size or end > len(content):
        raise FormatError("it is not a program in one file")
    _, length, place, size, python, library = _COOKIE.unpack(content[end - _COOKIE.size : end])
    if length > end or place + size + _COOKIE.size > length:
        raise FormatError("it is cut off or damaged")
    archive = memoryview(content)[end - length : end]
    entries = list(_entries(archive, place, size))
    if not any(entry.kind in _UNPACKED for entry in entries):
        raise FormatError("it holds no libraries: it is the program of an unpacked directory")
    kept = [entry for entry in entries if entry.kind not in _UNPACKED and entry.kind != _LINK]
    if not any(entry.name == _OPTION for entry in kept):
        kept.append(_Entry(kind=b"o", name=_OPTION, packed=b"", size=0, deflated=False))
    return Unpacked(
        program=_without_sections(content[: end - length]) + _packed(kept, python, library),
        files={each.path(): each.content() for each in entries if each.kind in _UNPACKED},
        links={each.path(): _target(each) for each in entries if each.kind == _LINK},
    )


def _target(entry: _Entry) -> str:
    target = entry.content().rstrip(b"\0").decode("utf-8", "replace")
    if target.startswith("/") or len(PurePosixPath(target).parts) - 1 > len(entry.path().parts):
        raise FormatError(f"its link {entry.path()} leads out of it")
    return target


def _entries(archive: memoryview, place: int, size: int) -> Iterator[_Entry]:
    table = bytes(archive[place : place + size])
    at = 0
    while at < len(table):
        if len(table) - at < _ENTRY.size:
            raise FormatError("its table of parts is damaged")
        length, start, packed, unpacked, deflated, kind = _ENTRY.unpack_from(table, at)
        if length <= _ENTRY.size or at + length > len(table) or start + packed > place:
            raise FormatError("its table of parts is damaged")
        yield _Entry(
            kind=kind,
            name=table[at + _ENTRY.size : at + length].rstrip(b"\0"),
            packed=bytes(archive[start : start + packed]),
            size=unpacked,
            deflated=bool(deflated),
        )
        at += length


def _packed(entries: list[_Entry], python: int, library: bytes) -> bytes:
    """Write an archive of entries as they are."""
    content, table = bytearray(), bytearray()
    for entry in entries:
        name = entry.name + b"\0"
        name += bytes(-(_ENTRY.size + len(name)) % 16)
        table += _ENTRY.pack(
            _ENTRY.size + len(name),
            len(content),
            len(entry.packed),
            entry.size,
            entry.deflated,
            entry.kind,
        )
        table += name
        content += entry.packed
    length = len(content) + len(table) + _COOKIE.size
    cookie = _COOKIE.pack(_MAGIC, length, len(content), len(table), python, library)
    return bytes(content + table + cookie)


def _without_sections(head: bytes) -> bytes:
    """Let an ELF file have no table of sections: it stood behind the archive, and is not needed."""
    if not head.startswith(_ELF) or len(head) < 64:
        return head
    # e_shoff; then e_shnum and e_shstrndx (elf(5))
    return head[:0x28] + bytes(8) + head[0x30:0x3C] + bytes(4) + head[0x40:]


def pack(head: bytes, files: Mapping[str, bytes]) -> bytes:
    """Make one file of a program and what it needs, as tests and images do."""
    entries = [
        _Entry(
            kind=b"x", name=name.encode(), packed=zlib.compress(each), size=len(each), deflated=True
        )
        for name, each in files.items()
    ]
    return head + _packed(entries, 311, b"libpython3.11.so.1.0")
