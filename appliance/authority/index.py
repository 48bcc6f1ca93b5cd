"""The index of certificates: rows of our own beside step-ca's, so that no list is a scan of all.

A certificate's *place* is when it was issued, then its serial number: in the order of octets,
places are in the order of issuing. Every list is a range of places in one bucket; what is asked of
most lists, when a certificate ends, is in the row's value.

    hearth_x509               serial                     → issued, not after, 1, provisioner
    hearth_x509_issued        place                      → not after
    hearth_x509_names         name, 0, place             → not after
    hearth_x509_provisioners  name, 0, place             → not after
    hearth_x509_expiry        not after, place           → 1
    hearth_x509_revoked       place                      → 1
    hearth_x509_origins       serial                     → who asked for it, by what, from where
    hearth_x509_successors    length, serial, place      → 1
    hearth_x509_counts        i, provisioner             → how many were issued
    hearth_x509_counts        r, provisioner             → how many were revoked
    hearth_x509_counts        e, not after, provisioner  → how many end then, and are not revoked

Serial numbers are big-endian, of as many octets as they need; `issued` is 7 octets of
microseconds, `not after` 5 octets of seconds, both since 1970. A name is written so that a domain
and all below it are one range: its labels from right to left, after a dot (`.com.example.www`).
What has no labels (addresses, emails, URIs) stands after an equals sign. Keys stay below the 255
octets that SQL databases allow. `successors` are the certificates that one was renewed or rekeyed
by. Counts are added to in the transaction that issues or revokes, so nothing is counted twice or
not at all (the 1 says that it was counted); which certificates have expired is told by time alone
(authority.counts).
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

import msgspec

from appliance.formats import addresses
from appliance.model.inventory import Origin
from appliance.ports.store import Add, Operation, Put, PutIfAbsent


@dataclass(frozen=True, slots=True, kw_only=True)
class Buckets:
    """The buckets of one kind of certificate."""

    serials: str
    issued: str
    names: str
    provisioners: str
    expiry: str
    revoked: str
    origins: str
    successors: str
    counts: str


def _buckets(prefix: str) -> Buckets:
    return Buckets(
        serials=prefix,
        issued=f"{prefix}_issued",
        names=f"{prefix}_names",
        provisioners=f"{prefix}_provisioners",
        expiry=f"{prefix}_expiry",
        revoked=f"{prefix}_revoked",
        origins=f"{prefix}_origins",
        successors=f"{prefix}_successors",
        counts=f"{prefix}_counts",
    )


X509: Final = _buckets("hearth_x509")
SSH: Final = _buckets("hearth_ssh")

ISSUED: Final = X509.issued
NAMES: Final = X509.names
PROVISIONERS: Final = X509.provisioners
EXPIRY: Final = X509.expiry
REVOKED: Final = X509.revoked

ISSUED_OCTETS: Final = 7
NOT_AFTER_OCTETS: Final = 5
MARK: Final = b"\x01"  # a value, where the key says all

COUNTED: Final = b"\x01"
COUNTED_ISSUED: Final = b"i"  # what the keys of counts begin with
COUNTED_REVOKED: Final = b"r"
COUNTED_ENDING: Final = b"e"

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND: Final = timedelta(seconds=1)
_MICROSECOND: Final = timedelta(microseconds=1)
_LONGEST_NAME: Final = 200  # octets; of a longer one the end gives way to a hash
_KEPT: Final = 136


class Indexed(msgspec.Struct, frozen=True, kw_only=True):
    """What the index knows of a certificate."""

    serial: int
    issued_at: datetime
    not_after: datetime
    names: frozenset[str]  # common name and SANs; empty ones are left out
    provisioner: str  # its name; empty: not known
    origin: Origin | None = None  # how it came about, where that is known


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """What the row of a serial number says."""

    issued_at: datetime
    not_after: datetime
    provisioner: str


class _Origin(msgspec.Struct, omit_defaults=True):
    """A value of `hearth_x509_origins`; serial numbers are too large for JSON."""

    operation: str = ""
    client: str = ""
    asked_by: str = ""
    replaces: str = ""


def rows(certificate: Indexed, buckets: Buckets = X509, *, unique: bool = False) -> list[Operation]:
    """Give the rows that make a certificate be found and counted, but for its revocation.

    If `unique`, the transaction conflicts when the index has the serial number already.
    """
    serial = serial_octets(certificate.serial)
    issued = issued_octets(certificate.issued_at)
    not_after = not_after_octets(certificate.not_after)
    place = issued + serial
    provisioner = provisioner_key(certificate.provisioner)
    named, origin = certificate.provisioner, certificate.origin
    return [
        (PutIfAbsent if unique else Put)(
            buckets.serials, serial, issued + not_after + COUNTED + provisioner[:-1]
        ),
        Put(buckets.issued, place, not_after),
        Put(buckets.expiry, not_after + place, MARK),
        *(Put(buckets.names, key + place, not_after) for key in _name_keys(certificate.names)),
        *([Put(buckets.provisioners, provisioner + place, not_after)] if named else ()),
        *(_of_origin(origin, serial, place, buckets) if origin else ()),
        *counted(not_after, provisioner, buckets),
    ]


def _of_origin(origin: Origin, serial: bytes, place: bytes, buckets: Buckets) -> list[Operation]:
    row = Put(buckets.origins, serial, msgspec.json.encode(_written(origin)))
    if origin.replaces is None:
        return [row]
    return [row, Put(buckets.successors, successors_key(origin.replaces) + place, MARK)]


def _written(origin: Origin) -> _Origin:
    return _Origin(
        operation=origin.operation,
        client=origin.client,
        asked_by=origin.asked_by,
        replaces="" if origin.replaces is None else str(origin.replaces),
    )


def read_origin(row: bytes) -> Origin:
    """Read a value of `hearth_x509_origins`. Raises msgspec.DecodeError."""
    read = msgspec.json.decode(row, type=_Origin)
    replaces = int(read.replaces) if read.replaces.isdigit() else None
    return Origin(
        operation=read.operation, client=read.client, asked_by=read.asked_by, replaces=replaces
    )


def counted(not_after: bytes, provisioner: bytes, buckets: Buckets) -> list[Operation]:
    """Count a certificate, given octets and key of the index."""
    return [
        Add(buckets.counts, COUNTED_ISSUED + provisioner, 1),
        Add(buckets.counts, COUNTED_ENDING + not_after + provisioner, 1),
    ]


def revocation_rows(serial: int, listed: Listed, buckets: Buckets = X509) -> list[Operation]:
    """Give the rows that list and count a certificate among the revoked ones."""
    provisioner, not_after = provisioner_key(listed.provisioner), not_after_octets(listed.not_after)
    return [
        Put(buckets.revoked, issued_octets(listed.issued_at) + serial_octets(serial), MARK),
        Add(buckets.counts, COUNTED_REVOKED + provisioner, 1),
        Add(buckets.counts, COUNTED_ENDING + not_after + provisioner, -1),
    ]


# ---- the parts of keys and values


def serial_octets(serial: int) -> bytes:
    """Write a serial number; there are no negative ones in the index."""
    return serial.to_bytes((serial.bit_length() + 7) // 8 or 1)


def issued_octets(moment: datetime) -> bytes:
    """Write a time in microseconds."""
    return max((moment - _EPOCH) // _MICROSECOND, 0).to_bytes(ISSUED_OCTETS)


def not_after_octets(moment: datetime) -> bytes:
    """Write a time in whole seconds."""
    return max((moment - _EPOCH) // _SECOND, 0).to_bytes(NOT_AFTER_OCTETS)


def read_issued(octets: bytes) -> datetime:
    """Read what a place, or the value in `hearth_x509`, begins with."""
    return _EPOCH + int.from_bytes(octets[:ISSUED_OCTETS]) * _MICROSECOND


def read_not_after(octets: bytes) -> datetime:
    """Read a time of expiry."""
    return _EPOCH + int.from_bytes(octets) * _SECOND


def read_listed(row: bytes) -> Listed:
    """Read a value of `hearth_x509`."""
    end = ISSUED_OCTETS + NOT_AFTER_OCTETS
    return Listed(
        issued_at=read_issued(row),
        not_after=read_not_after(row[ISSUED_OCTETS:end]),
        provisioner=row[end + len(COUNTED) :].decode(errors="replace"),
    )


def read_serial(place: bytes) -> int:
    """Read what a place ends with."""
    return int.from_bytes(place[ISSUED_OCTETS:])


def successors_key(serial: int) -> bytes:
    """Give what the keys of a certificate's successors begin with."""
    octets = serial_octets(serial)
    return bytes((len(octets),)) + octets


def name_key(name: str) -> bytes:
    """Give what the keys of a whole name begin with."""
    return _bounded(_folded(name)) + b"\0"


def below_key(domain: str) -> bytes:
    """Give what the keys of every name below a domain begin with."""
    return _folded(domain)[:_KEPT] + b"."


@lru_cache(maxsize=256)
def provisioner_key(name: str) -> bytes:
    """Give what the keys of a provisioner begin with."""
    return _bounded(_octets(name)) + b"\0"


def name_matches(wanted: str, name: str) -> bool:
    """Say whether a certificate's name is the wanted one, or below `*.domain`."""
    if wanted.startswith("*."):
        return _folded(name).startswith(_folded(wanted[2:]) + b".")
    return _folded(name) == _folded(wanted)


def _name_keys(names: Iterable[str]) -> set[bytes]:
    return {name_key(name) for name in names if name}


def _folded(name: str) -> bytes:
    """Write a name without case, so that its domain comes first."""
    text = name.lower()
    if ":" in text or text.replace(".", "").isdigit():
        try:
            return b"=" + str(addresses.parse(text)).encode()
        except ValueError:
            pass
    if ":" in text or "@" in text:
        return b"=" + _octets(text)
    return b"." + _octets(".".join(text.rstrip(".").split(".")[::-1]))


def _octets(text: str) -> bytes:
    """Write text without zero octets, which end a name in a key."""
    return text.replace("\0", "\ufffd").encode(errors="replace")


def _bounded(octets: bytes) -> bytes:
    if len(octets) <= _LONGEST_NAME:
        return octets
    return octets[:_KEPT] + hashlib.sha256(octets).hexdigest().encode()
