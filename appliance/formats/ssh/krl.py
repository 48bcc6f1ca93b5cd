"""Key revocation lists of OpenSSH (PROTOCOL.krl), format version 1.

    header: magic, format, version, time, flags, reserved, comment
    certificates of one CA key: serial numbers (lists, ranges, bitmaps), key ids
    explicit keys · SHA-1 and SHA-256 of keys

One serial number takes 8 octets in a list, a run of them 16 as a range, and numbers that stand
close together a bit each. Serial number 0 stands for none: OpenSSH refuses a whole list that has
it, and then sshd lets nobody in. Signatures are neither made nor read: OpenSSH has given them up.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha1, sha256
from typing import Final

from appliance.formats.ssh import wire
from appliance.formats.ssh.certificate import SshCertificate
from appliance.formats.ssh.keys import SshPublicKey
from appliance.formats.ssh.wire import Reader
from appliance.model.errors import FormatError

LARGEST_SERIAL: Final = 2**64 - 1

_MAGIC: Final = b"SSHKRL\n\0"
_FORMAT: Final = 1
_CERTIFICATES, _KEYS, _SHA1, _SIGNATURE, _SHA256 = 1, 2, 3, 4, 5
_SERIAL_LIST, _SERIAL_RANGE, _SERIAL_BITMAP, _KEY_ID = 0x20, 0x21, 0x22, 0x23
_EXTENSION, _CERTIFICATES_EXTENSION = 0xFF, 0x39

_BITMAP: Final = 16384  # bits; a number with more is none to OpenSSH
_BITMAP_EXTRA: Final = 18  # octets round its bits
_RUN: Final = 4  # serial numbers from which on a range is shorter than a list
_NEAR: Final = 32  # a gap that costs less in a bitmap than the next number does in a list

SerialRange = tuple[int, int]
"""The first and the last of some serial numbers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RevokedCertificates:
    """What is revoked of one CA. `serials` are in order and apart from each other."""

    ca: bytes  # its public key, a blob; empty: any CA
    serials: tuple[SerialRange, ...] = ()
    key_ids: tuple[str, ...] = ()

    def has(self, certificate: SshCertificate) -> bool:
        """Say whether a certificate is revoked by this."""
        if self.ca not in (b"", certificate.signature_key.blob):
            return False
        serial = certificate.serial
        return certificate.key_id in self.key_ids or (
            serial != 0 and any(first <= serial <= last for first, last in self.serials)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRevocationList:
    """A list. `version` grows from list to list; `generated_at` is in seconds since 1970."""

    version: int
    generated_at: int
    comment: str = ""
    certificates: tuple[RevokedCertificates, ...] = ()
    keys: tuple[bytes, ...] = ()  # blobs
    sha1: tuple[bytes, ...] = ()  # of blobs
    sha256: tuple[bytes, ...] = ()

    @property
    def octets(self) -> bytes:
        """Write it."""
        parts = [
            _MAGIC,
            wire.uint32(_FORMAT),
            wire.uint64(self.version),
            wire.uint64(self.generated_at),
            wire.uint64(0),
            wire.string(b""),
            wire.string(self.comment),
            *(_section(_CERTIFICATES, _certificates(each)) for each in self.certificates),
        ]
        for kind, items in ((_KEYS, self.keys), (_SHA1, self.sha1), (_SHA256, self.sha256)):
            if items:
                parts.append(_section(kind, wire.strings(sorted(items))))
        return b"".join(parts)

    def revokes(self, certificate: SshCertificate) -> bool:
        """Say whether sshd would refuse a certificate: it, its key or its CA is revoked."""
        return (
            self.revokes_key(certificate.key)
            or self.revokes_key(certificate.signature_key)
            or any(each.has(certificate) for each in self.certificates)
        )

    def revokes_key(self, key: SshPublicKey) -> bool:
        """Say whether a key itself is revoked."""
        return (
            key.blob in self.keys
            or sha1(key.blob, usedforsecurity=False).digest() in self.sha1
            or sha256(key.blob).digest() in self.sha256
        )


def ranges(serials: Iterable[int]) -> tuple[SerialRange, ...]:
    """Put serial numbers in order, and join those that follow each other; 0 is left out."""
    found: list[SerialRange] = []
    for serial in sorted(serials):
        if not 0 < serial <= LARGEST_SERIAL:
            continue
        if found and serial <= found[-1][1] + 1:
            found[-1] = (found[-1][0], serial)
        else:
            found.append((serial, serial))
    return tuple(found)


def parse(octets: bytes) -> KeyRevocationList:
    """Read a list. Raises FormatError for one that OpenSSH would not take."""
    reader = Reader(octets)
    if not octets.startswith(_MAGIC):
        raise FormatError("not a key revocation list of OpenSSH")
    reader.take(len(_MAGIC))
    if (form := reader.uint32()) != _FORMAT:
        raise FormatError(f"a key revocation list of unknown format {form}")
    version, generated_at = reader.uint64(), reader.uint64()
    reader.take(8)  # flags, of which there are none
    reader.string()
    comment = reader.text()
    certificates: list[RevokedCertificates] = []
    blobs: dict[int, list[bytes]] = {_KEYS: [], _SHA1: [], _SHA256: []}
    while not reader.is_done:
        kind, section = reader.octet(), Reader(reader.string())
        if kind == _CERTIFICATES:
            certificates.append(_read_certificates(section))
        elif kind in blobs:
            blobs[kind] += section.strings()
        elif kind == _EXTENSION:
            _skip_extension(section)
        else:
            raise FormatError(_unknown(kind))
    return KeyRevocationList(
        version=version,
        generated_at=generated_at,
        comment=comment,
        certificates=tuple(certificates),
        keys=tuple(blobs[_KEYS]),
        sha1=_digests(blobs[_SHA1], 20),
        sha256=_digests(blobs[_SHA256], 32),
    )


# ---- writing


def _section(kind: int, content: bytes) -> bytes:
    return bytes((kind,)) + wire.string(content)


def _certificates(revoked: RevokedCertificates) -> bytes:
    parts = [wire.string(revoked.ca), wire.string(b"")]
    single: list[int] = []
    for cluster in _clusters(revoked.serials):
        lowest, highest = cluster[0][0], cluster[-1][1]
        count = sum(last - first + 1 for first, last in cluster)
        if len(cluster) == 1 and count >= _RUN:
            parts.append(_section(_SERIAL_RANGE, wire.uint64(lowest) + wire.uint64(highest)))
        elif len(cluster) == 1 or 8 * count <= _BITMAP_EXTRA + (highest - lowest) // 8:
            single += (each for first, last in cluster for each in range(first, last + 1))
        else:
            parts.append(_section(_SERIAL_BITMAP, _bitmap(cluster)))
    if single:
        parts.append(_section(_SERIAL_LIST, b"".join(map(wire.uint64, single))))
    if revoked.key_ids:
        parts.append(_section(_KEY_ID, wire.strings(sorted(revoked.key_ids))))
    return b"".join(parts)


def _clusters(serials: Iterable[SerialRange]) -> Iterator[list[SerialRange]]:
    """Give ranges in groups that stand close together and fit in a bitmap; long ones alone."""
    group: list[SerialRange] = []
    for first, last in serials:
        near = group and first - group[-1][1] <= _NEAR and last - group[0][0] < _BITMAP
        if group and not near:
            yield group
            group = []
        group.append((first, last))
    if group:
        yield group


def _bitmap(cluster: list[SerialRange]) -> bytes:
    """Write a group as its first number, and a bit for each from there on, the first lowest."""
    offset = cluster[0][0]
    bits = 0
    for first, last in cluster:
        bits |= ((1 << (last - first + 1)) - 1) << (first - offset)
    return wire.uint64(offset) + wire.mpint(bits)


# ---- reading


def _read_certificates(reader: Reader) -> RevokedCertificates:
    ca = reader.string()
    reader.string()  # reserved
    serials: list[SerialRange] = []
    key_ids: list[str] = []
    while not reader.is_done:
        kind, section = reader.octet(), Reader(reader.string())
        if kind == _KEY_ID:
            while not section.is_done:
                key_ids.append(section.text())
        elif kind == _CERTIFICATES_EXTENSION:
            _skip_extension(section)
        else:
            serials += _read_serials(kind, section)
    return RevokedCertificates(ca=ca, serials=_joined(serials), key_ids=tuple(key_ids))


def _read_serials(kind: int, section: Reader) -> Iterator[SerialRange]:
    if kind == _SERIAL_LIST:
        while not section.is_done:
            serial = section.uint64()
            yield _checked(serial, serial)
    elif kind == _SERIAL_RANGE:
        yield _checked(section.uint64(), section.uint64())
    elif kind == _SERIAL_BITMAP:
        offset, bits = section.uint64(), section.mpint()
        for first, last in _ones(bits):
            yield _checked(offset + first, offset + last)
    else:
        raise FormatError(_unknown(kind))
    section.finish("a section of a key revocation list")


def _ones(bits: int) -> Iterator[SerialRange]:
    """Give the places of bits that are set, runs of them joined."""
    place = 0
    while bits:
        zeros = (bits & -bits).bit_length() - 1
        bits >>= zeros
        run = (~bits & (bits + 1)).bit_length() - 1
        bits >>= run
        place += zeros
        yield place, place + run - 1
        place += run


def _checked(first: int, last: int) -> SerialRange:
    if not 0 < first <= last <= LARGEST_SERIAL:
        raise FormatError("a key revocation list with serial numbers that cannot be")
    return first, last


def _joined(serials: list[SerialRange]) -> tuple[SerialRange, ...]:
    found: list[SerialRange] = []
    for first, last in sorted(serials):
        if found and first <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(found[-1][1], last))
        else:
            found.append((first, last))
    return tuple(found)


def _digests(found: list[bytes], size: int) -> tuple[bytes, ...]:
    if any(len(each) != size for each in found):
        raise FormatError("a key revocation list with a hash of wrong length")
    return tuple(found)


def _skip_extension(section: Reader) -> None:
    """Read a name, whether it must be understood, and content; none is known."""
    name, critical = section.text(), section.octet()
    if critical:
        raise FormatError(f"a key revocation list with the unknown extension {name[:60]!r}")


def _unknown(kind: int) -> str:
    if kind == _SIGNATURE:
        return "a key revocation list with a signature, which OpenSSH has given up"
    return f"a key revocation list with a section of unknown kind {kind}"
