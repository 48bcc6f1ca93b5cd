"""The file of a backup: frames, each bound to all that came before it.

    magic   frame …   frame of kind END, and nothing after it
    frame = kind (1)  length (4)  check (4)  payload  digest (16)

`check` is over the digest before and the header, so a length is believed only when it was not
damaged; `digest` is SHA-256 over the digest before, header and payload, cut to 16 octets. So a
file that ends too early is told from one that was damaged. The digests are no secret's: who can
write the file can make them. What is sealed with the passphrase names the digest of all frames
before it (`Sealed.digest`), and thereby vouches for them.

Rows are MessagePack lists of bucket, key and value, compressed some 1 MiB at a time.
"""

import enum
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, TypeAlias, final

import msgspec

from appliance.model.errors import FormatError

MAGIC: Final = b"hearth backup 1\n"
LARGEST: Final = 16 << 20  # octets of a payload, also when it is decompressed
_HEADER: Final = 5
_CHECK: Final = 4
_DIGEST: Final = 16

Row: TypeAlias = tuple[str, bytes, bytes]  # bucket, key, value


class NotBackup(FormatError):
    """A file of another kind."""


class Truncated(FormatError):
    """A backup that ends too early."""


class Damaged(FormatError):
    """A backup that is not as it was written."""


class Kind(enum.IntEnum):
    """What a frame holds."""

    ABOUT = 1
    FILE = 2
    ROWS = 3
    SECRETS = 4
    END = 5


class About(msgspec.Struct, kw_only=True, frozen=True):
    """What the first frame says of a backup.

    Paths in the archive are relative to `base`, the directory that they were in; `moved` says
    where a file is that ca.json names in another way. `blanked` are the places of ca.json whose
    secrets are not in it, `absent` the keys that are not in the backup at all.
    """

    version: str
    made_at: str
    name: str
    fingerprint: str
    base: str
    config: str
    moved: dict[str, str] = {}
    blanked: list[str] = []
    absent: list[str] = []
    has_secrets: bool = False
    has_database: bool = True


class ArchivedFile(msgspec.Struct, kw_only=True, frozen=True):
    """A file; its path is relative, with slashes."""

    path: str
    mode: int
    content: bytes

    def __repr__(self) -> str:
        return f"ArchivedFile({self.path!r}, …)"


class Sealed(msgspec.Struct, kw_only=True, frozen=True):
    """What is encrypted: files, and the digest of all frames before."""

    digest: bytes
    files: list[ArchivedFile]


class End(msgspec.Struct, kw_only=True, frozen=True):
    """What the last frame says: how much there is, and SHA-256 over the rows (`RowDigest`)."""

    files: int
    rows: int
    digest: bytes


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame; `before` is the digest of what came before it."""

    kind: Kind
    payload: bytes
    before: bytes


@final
class RowDigest:
    """A digest of rows in the order of their keys, however they are parted, and their number."""

    def __init__(self) -> None:
        self.count = 0
        self._sum = sha256()

    def add(self, rows: Iterable[Row]) -> None:
        """Take in the next rows."""
        for bucket, key, value in rows:
            self._sum.update(msgspec.msgpack.encode((bucket, key, value)))
            self.count += 1

    @property
    def digest(self) -> bytes:
        """Give the digest of what was taken in."""
        return self._sum.digest()


# ---- writing


@final
class Writer:
    """Makes the frames, one after the other; what `begin` gives comes first."""

    def __init__(self) -> None:
        self._before = sha256(MAGIC).digest()

    @property
    def digest(self) -> bytes:
        """Give the digest of all that was written."""
        return self._before

    @staticmethod
    def begin() -> bytes:
        """Give what the file begins with."""
        return MAGIC

    def frame(self, kind: Kind, payload: bytes) -> bytes:
        """Make a frame. Raises FormatError for one that is too large."""
        if len(payload) > LARGEST:
            raise FormatError(f"{len(payload)} octets are too many for one part of a backup")
        header = bytes((kind,)) + len(payload).to_bytes(4)
        check = sha256(self._before + header).digest()[:_CHECK]
        self._before = sha256(self._before + header + payload).digest()
        return header + check + payload + self._before[:_DIGEST]

    def value(self, kind: Kind, value: msgspec.Struct) -> bytes:
        """Make a frame of a value."""
        return self.frame(kind, msgspec.msgpack.encode(value))


def pack(rows: Sequence[Row]) -> bytes:
    """Compress rows."""
    return zlib.compress(msgspec.msgpack.encode(rows), 3)


# ---- reading


def frames(read: Callable[[int], bytes]) -> Iterator[Frame]:
    """Give frame after frame up to the last one; `read` gives so many octets, fewer at the end.

    Raises NotBackup, Truncated, Damaged.
    """
    magic = read(len(MAGIC))
    if magic != MAGIC:
        if MAGIC.startswith(magic):
            raise Truncated("the backup is cut off: it ends in its first line")
        raise NotBackup("this is no backup of Hearth, or it is damaged in its first line")
    before = sha256(MAGIC).digest()
    number = 0
    while True:
        number += 1
        header = _exactly(read, _HEADER + _CHECK)
        if sha256(before + header[:_HEADER]).digest()[:_CHECK] != header[_HEADER:]:
            raise _damaged(number)
        length = int.from_bytes(header[1:_HEADER])
        if length > LARGEST:
            raise _damaged(number)
        payload = _exactly(read, length)
        after = sha256(before + header[:_HEADER] + payload).digest()
        if _exactly(read, _DIGEST) != after[:_DIGEST]:
            raise _damaged(number)
        yield Frame(_kind(header[0]), payload, before)
        before = after
        if header[0] == Kind.END:
            break
    if read(1):
        raise Damaged("the backup is damaged: something follows its end")


def unpack(payload: bytes) -> list[Row]:
    """Read the rows of a frame. Raises Damaged."""
    inflating = zlib.decompressobj()
    try:
        octets = inflating.decompress(payload, LARGEST)
        if not inflating.eof:
            raise Damaged("the backup is damaged: rows that are too many for one part")
        return msgspec.msgpack.decode(octets, type=list[Row])
    except (zlib.error, msgspec.DecodeError) as error:
        raise Damaged("the backup is damaged: rows that cannot be read") from error


def about(payload: bytes) -> About:
    """Read what a backup says of itself. Raises Damaged."""
    try:
        return msgspec.msgpack.decode(payload, type=About)
    except msgspec.DecodeError as error:
        raise Damaged("the backup is damaged, or of a later version of this program") from error


def archived_file(payload: bytes) -> ArchivedFile:
    """Read a file. Raises Damaged."""
    try:
        return checked(msgspec.msgpack.decode(payload, type=ArchivedFile))
    except msgspec.DecodeError as error:
        raise Damaged("the backup is damaged: a file that cannot be read") from error


def sealed(payload: bytes) -> Sealed:
    """Read what was encrypted. Raises Damaged."""
    try:
        found = msgspec.msgpack.decode(payload, type=Sealed)
    except msgspec.DecodeError as error:
        raise Damaged("the backup is damaged: its keys cannot be read") from error
    for each in found.files:
        checked(each)
    return found


def end(payload: bytes) -> End:
    """Read what the end says. Raises Damaged."""
    try:
        return msgspec.msgpack.decode(payload, type=End)
    except msgspec.DecodeError as error:
        raise Damaged("the backup is damaged: its end cannot be read") from error


def checked(file: ArchivedFile) -> ArchivedFile:
    """Let no file lie outside the directory that a backup is restored to. Raises Damaged."""
    parts = file.path.split("/")
    if "\0" in file.path or any(part in ("", ".", "..") for part in parts):
        raise Damaged(f"the backup names a file outside its directory: {file.path[:80]!r}")
    return file


def _exactly(read: Callable[[int], bytes], count: int) -> bytes:
    octets = read(count)
    if len(octets) < count:
        raise Truncated("the backup is cut off: it ends before its end")
    return octets


def _kind(number: int) -> Kind:
    try:
        return Kind(number)
    except ValueError:
        raise Damaged("the backup has parts that only a later version can read") from None


def _damaged(number: int) -> Damaged:
    return Damaged(f"the backup is damaged: its part {number} is not as it was written")
