"""The index is made anew where it is missing or of an older form: a database that step-ca filled.

A row of `hearth_settings` for each kind of certificate says how far that has come, so that it goes
on where it was cut off. Run it before anything is issued: revocations that happen during the walk
could be missed.
"""

from typing import Final

import msgspec

from appliance.authority import index, records
from appliance.authority.index import Indexed, Listed
from appliance.authority.kinds import KINDS, Kind
from appliance.model.errors import FormatError
from appliance.model.inventory import CertificateKind
from appliance.ports.store import Operation, Put, Store

VERSION: Final = 1  # of the rows that authority.index writes
SETTINGS: Final = "hearth_settings"
_BATCH: Final = 200  # certificates a transaction
_UNCOUNTED: Final = index.ISSUED_OCTETS + index.NOT_AFTER_OCTETS  # octets of a row
_INDEX: Final = "index"
_COUNTS: Final = "counts"  # which the first databases of ours did not have


class _Progress(msgspec.Struct):
    version: int = 0
    complete: bool = False
    after: str = ""  # the serial number, or the place in hexadecimal, that was read last


async def is_current(store: Store) -> bool:
    """Say whether every certificate of the store is in the index."""
    found = [await _progress(store, each) for each in CertificateKind]
    found += [await _progress(store, each, _COUNTS) for each in CertificateKind]
    return all(progress.version == VERSION and progress.complete for progress in found)


async def complete(store: Store) -> int:
    """Index what is not yet indexed, and give how many certificates that were. Raises Broken.

    A certificate's time of issue is taken to be the beginning of its validity.
    """
    for each in CertificateKind:
        await _count(store, each)
    return sum([await _complete(store, each) for each in CertificateKind])


async def begin_anew(store: Store) -> None:
    """Have `complete` look at all certificates again: rows of another database have come."""
    nothing = msgspec.json.encode(_Progress(version=VERSION))
    await store.commit([Put(SETTINGS, _key(each, _INDEX), nothing) for each in CertificateKind])


async def _complete(store: Store, which: CertificateKind) -> int:
    kind, progress = KINDS[which], await _progress(store, which)
    if progress.version != VERSION:
        progress = _Progress(version=VERSION)
    added = 0
    while not progress.complete:
        start = progress.after.encode() + b"\0" if progress.after else b""
        rows = await store.scan(kind.certificates, start=start, limit=_BATCH)
        operations: list[Operation] = []
        for key, der in rows:
            if entry := await _entry(store, kind, key, der):
                operations += await _index_rows(store, kind, entry)
                added += 1
        if rows:
            progress.after = rows[-1][0].decode()
        else:
            progress.complete = True
        place = Put(SETTINGS, _key(which, _INDEX), msgspec.json.encode(progress))
        await store.commit([*operations, place])
    return added


async def _count(store: Store, which: CertificateKind) -> None:
    """Count what an index that had no counts lists; what is indexed from now on is counted, too."""
    kind, progress = KINDS[which], await _progress(store, which, _COUNTS)
    if progress.version != VERSION:
        progress = _Progress(version=VERSION)
    while not progress.complete:
        start = bytes.fromhex(progress.after) + b"\0" if progress.after else b""
        rows = await store.scan(kind.buckets.issued, start=start, limit=_BATCH)
        operations: list[Operation] = []
        for place, not_after in rows:
            operations += await _counted(store, kind, place, not_after)
        if rows:
            progress.after = rows[-1][0].hex()
        else:
            progress.complete = True
        await store.commit(
            [*operations, Put(SETTINGS, _key(which, _COUNTS), msgspec.json.encode(progress))]
        )


async def _counted(store: Store, kind: Kind, place: bytes, not_after: bytes) -> list[Operation]:
    serial = index.read_serial(place)
    known = await store.get(kind.buckets.serials, index.serial_octets(serial))
    if known is not None and len(known) > _UNCOUNTED:
        return []
    der = await store.get(kind.certificates, records.serial_key(serial))
    if der is None:
        return []
    provisioner = await records.provisioner_of(store, serial, kind.data)
    name = provisioner.name if provisioner else kind.provisioner_name(der)
    key = index.provisioner_key(name)
    listed = Listed(
        issued_at=index.read_issued(place),
        not_after=index.read_not_after(not_after),
        provisioner=name,
    )
    row = place[: index.ISSUED_OCTETS] + not_after + index.COUNTED + key[:-1]
    operations = [
        Put(kind.buckets.serials, index.serial_octets(serial), row),
        *index.counted(not_after, key, kind.buckets),
    ]
    if await store.get(kind.revocations, records.serial_key(serial)) is not None:
        operations += index.revocation_rows(serial, listed, kind.buckets)
    return operations


def _key(which: CertificateKind, of: str) -> bytes:
    return f"{which}_{of}".encode()


async def _progress(store: Store, which: CertificateKind, of: str = _INDEX) -> _Progress:
    value = await store.get(SETTINGS, _key(which, of))
    try:
        return msgspec.json.decode(value, type=_Progress) if value else _Progress()
    except msgspec.DecodeError:
        return _Progress()


async def _entry(store: Store, kind: Kind, key: bytes, der: bytes) -> Indexed | None:
    """Read a certificate that is not yet indexed; None for what is, or cannot be."""
    if not key.isdigit():
        return None
    serial = int(key)
    if await store.get(kind.buckets.serials, index.serial_octets(serial)) is not None:
        return None
    try:
        read = kind.read(der)
    except FormatError:
        return None
    provisioner = await records.provisioner_of(store, serial, kind.data)
    return Indexed(
        serial=serial,
        issued_at=read.not_before,
        not_after=read.not_after,
        names=frozenset((read.subject, *read.sans)),
        provisioner=provisioner.name if provisioner else kind.provisioner_name(der),
    )


async def _index_rows(store: Store, kind: Kind, entry: Indexed) -> list[Operation]:
    operations = index.rows(entry, kind.buckets)
    if await store.get(kind.revocations, records.serial_key(entry.serial)) is not None:
        listed = Listed(
            issued_at=entry.issued_at,
            not_after=entry.not_after,
            provisioner=entry.provisioner,
        )
        operations += index.revocation_rows(entry.serial, listed, kind.buckets)
    return operations
