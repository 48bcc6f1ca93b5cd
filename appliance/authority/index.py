"""The index of certificates: rows of our own beside step-ca's, so that no list is a scan of all.

A certificate's *place* is when it was issued, then its serial number: in the order of octets,
places are in the order of issuing. Every list is a range of places in one bucket; what is asked of
most lists, when a certificate ends, is in the row's value.

    hearth_x509               serial                     → issued, not after
    hearth_x509_issued        place                      → not after
    hearth_x509_names         name, 0, place             → not after
    hearth_x509_provisioners  name, 0, place             → not after
    hearth_x509_expiry        not after, place           → 1
    hearth_x509_revoked       place                      → 1

Serial numbers are big-endian, of as many octets as they need; `issued` is 7 octets of
microseconds, `not after` 5 octets of seconds, both since 1970. A name is written so that a domain
and all below it are one range: its labels from right to left, after a dot (`.com.example.www`).
What has no labels (addresses, emails, URIs) stands after an equals sign. Keys stay below the 255
octets that SQL databases allow.
"""

import hashlib
import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

from appliance.ports.store import Operation, Put


@dataclass(frozen=True, slots=True, kw_only=True)
class Buckets:
    """The buckets of one kind of certificate."""

    serials: str
    issued: str
    names: str
    provisioners: str
    expiry: str
    revoked: str


def _buckets(prefix: str) -> Buckets:
    return Buckets(
        serials=prefix,
        issued=f"{prefix}_issued",
        names=f"{prefix}_names",
        provisioners=f"{prefix}_provisioners",
        expiry=f"{prefix}_expiry",
        revoked=f"{prefix}_revoked",
    )


X509: Final = _buckets("hearth_x509")
SSH: Final = _buckets("hearth_ssh")

SERIALS: Final = X509.serials
ISSUED: Final = X509.issued
NAMES: Final = X509.names
PROVISIONERS: Final = X509.provisioners
EXPIRY: Final = X509.expiry
REVOKED: Final = X509.revoked

ISSUED_OCTETS: Final = 7
NOT_AFTER_OCTETS: Final = 5
MARK: Final = b"\x01"  # a value, where the key says all

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND: Final = timedelta(seconds=1)
_MICROSECOND: Final = timedelta(microseconds=1)
_LONGEST_NAME: Final = 200  # octets; of a longer one the end gives way to a hash
_KEPT: Final = 136


@dataclass(frozen=True, slots=True, kw_only=True)
class Indexed:
    """What the index knows of a certificate."""

    serial: int
    issued_at: datetime
    not_after: datetime
    names: frozenset[str]  # common name and SANs; empty ones are left out
    provisioner: str  # its name; empty: not known


def rows(certificate: Indexed, buckets: Buckets = X509) -> list[Operation]:
    """Give the rows that make a certificate be found, but for its revocation."""
    serial = serial_octets(certificate.serial)
    issued = issued_octets(certificate.issued_at)
    not_after = not_after_octets(certificate.not_after)
    place = issued + serial
    return [
        Put(buckets.serials, serial, issued + not_after),
        Put(buckets.issued, place, not_after),
        Put(buckets.expiry, not_after + place, MARK),
        *(Put(buckets.names, key + place, not_after) for key in _name_keys(certificate.names)),
        *(
            [Put(buckets.provisioners, provisioner_key(certificate.provisioner) + place, not_after)]
            if certificate.provisioner
            else ()
        ),
    ]


def revocation_row(serial: int, issued_at: datetime, buckets: Buckets = X509) -> Operation:
    """Give the row that lists a certificate among the revoked ones."""
    return Put(buckets.revoked, issued_octets(issued_at) + serial_octets(serial), MARK)


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


def read_serial(place: bytes) -> int:
    """Read what a place ends with."""
    return int.from_bytes(place[ISSUED_OCTETS:])


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
    if ":" in text or text[-1:].isdigit():
        try:
            return b"=" + str(ipaddress.ip_address(text)).encode()
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
