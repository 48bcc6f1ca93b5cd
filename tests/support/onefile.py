"""Programs in one file that are scripts: real enough to be unpacked, called and switched."""

import struct
import zlib
from collections.abc import Mapping
from pathlib import Path

_VERSION = "Hearth/9.9.9 (linux/test)"


def archive(
    head: bytes,
    files: Mapping[str, bytes],
    *,
    links: Mapping[str, str] | None = None,
    others: Mapping[bytes, bytes] | None = None,
) -> bytes:
    """Put an archive as PyInstaller makes it behind a program. `others` is content by kind."""
    content, table = bytearray(), bytearray()
    rows = [(b"x", name, data) for name, data in files.items()]
    rows += [(b"n", name, target.encode() + b"\0") for name, target in (links or {}).items()]
    rows += [(kind, f"part-{kind.decode()}", data) for kind, data in (others or {}).items()]
    for kind, name, data in rows:
        packed = zlib.compress(data)
        label = name.encode() + b"\0"
        label += bytes(-(18 + len(label)) % 16)
        table += struct.pack(
            "!IIIIBc", 18 + len(label), len(content), len(packed), len(data), 1, kind
        )
        table += label
        content += packed
    length = len(content) + len(table) + 88
    cookie = struct.pack(
        "!8sIIII64s",
        b"MEI\x0c\x0b\x0a\x0b\x0e",
        length,
        len(content),
        len(table),
        311,
        b"libpython",
    )
    return head + bytes(content + table) + cookie


def script(file: Path, body: str = "", *, version: str = _VERSION) -> Path:
    """Write a one file that is a script: `version` answers, `body` decides about all else."""
    text = f'#!/bin/sh\nif [ "$1" = version ]; then echo "{version}"; exit 0; fi\n{body}\nexit 0\n'
    file.write_bytes(archive(text.encode(), {"library.so": b"library of " + version.encode()}))
    return file
