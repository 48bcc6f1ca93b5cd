"""The entries of revocation lists, each encoded once: when its certificate was revoked.

A row of our own stands beside each row of step-ca's `revoked_x509_certs`, under the same key, so
that a list is made by joining rows instead of reading and encoding all of them again:

    hearth_x509_revoked_entries    serial    → not after, issuer, entry

`not after` is 5 octets of seconds since 1970 (all ones: it is not known, and the entry stays for
ever); `issuer` is 8 octets that tell issuers apart (zeros: nobody knows); `entry` is DER.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final

import msgspec
import trio

from appliance.authority import index, records
from appliance.formats import crl, der
from appliance.formats.timeorduration import parse_time
from appliance.issuance.extensions import AUTHORITY_KEY_ID
from appliance.issuance.issuers import Issuer
from appliance.issuance.parsed import ParsedCertificate
from appliance.model.errors import FormatError
from appliance.ports.store import Operation, Put, Store

ENTRIES: Final = "hearth_x509_revoked_entries"
NOBODY: Final = bytes(8)
"""The issuer of a certificate that is not known."""

_NEVER: Final = b"\xff" * index.NOT_AFTER_OCTETS
_ISSUER_END: Final = index.NOT_AFTER_OCTETS + len(NOBODY)
_STEP: Final = 2000  # rows at a time: a thread that is busy for longer slows the event loop down
_MADE: Final = 200  # rows made at a time, and a transaction
_VERSION, _EXTENSIONS = 0xA0, 0xA3  # [0] and [3] of TBSCertificate
_KEY_ID: Final = der.oid(AUTHORITY_KEY_ID)
_NUMBER: Final = re.compile(rb"-?[0-9]{1,700}")
_UNKNOWN_TIME: Final = datetime(1970, 1, 1, tzinfo=UTC)
_GO_ZERO: Final = datetime(1, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Revoked:
    """What becomes of one revocation on a list."""

    serial: int
    revoked_at: datetime
    reason_code: int = 0
    not_after: datetime | None = None
    issuer: bytes = NOBODY


def issuer_of(certificate: ParsedCertificate) -> bytes:
    """Tell the issuer that a certificate names, by its name and key."""
    named = certificate.extension(AUTHORITY_KEY_ID)
    return tag(certificate.issuer, named.value if named else b"")


def issuer_tag(issuer: Issuer) -> bytes:
    """Tell an issuer as the certificates below it do."""
    key_id = issuer.authority_key_id
    return tag(issuer.subject, key_id.value if key_id else b"")


def row(revoked: Revoked) -> Operation:
    """Give the row of one revocation."""
    not_after = index.not_after_octets(revoked.not_after) if revoked.not_after else _NEVER
    reason = revoked.reason_code if 0 < revoked.reason_code < 0x80 else 0
    entry = crl.entry(revoked.serial, revoked.revoked_at, reason)
    key = records.serial_key(revoked.serial)
    return Put(ENTRIES, key, not_after + revoked.issuer + entry)


async def joined(
    store: Store, *, ending_after: datetime, belongs: Callable[[bytes], bool]
) -> list[bytes]:
    """Give the entries of certificates that did not end before, by the issuer they belong to.

    In the order of the store, some thousands joined in each item. All of it happens in threads.
    Raises Broken.
    """
    earliest = index.not_after_octets(ending_after)
    found = []
    start = b""
    while rows := await store.scan(ENTRIES, start=start, limit=_STEP):
        found.append(await trio.to_thread.run_sync(_chosen, rows, earliest, belongs))
        start = rows[-1][0] + b"\0"
    return found


async def complete(store: Store) -> int:
    """Write the rows that are missing, and give how many: another program revoked those.

    Both buckets are walked side by side; what is there already is not looked at. Raises Broken.
    """
    added = 0
    start = b""
    while rows := await store.scan(records.REVOCATIONS, start=start, limit=_STEP):
        stop = rows[-1][0] + b"\0"
        known = await store.scan(ENTRIES, start=start, stop=stop, limit=_STEP)
        missing = await trio.to_thread.run_sync(_missing, rows, known)
        for first in range(0, len(missing), _MADE):
            some = [
                (serial, value, await records.certificate(store, serial))
                for serial, value in missing[first : first + _MADE]
            ]
            await store.commit(await trio.to_thread.run_sync(_made, some))
            added += len(some)
        start = stop
    return added


class _Row(msgspec.Struct):
    """What a list says of a row of `revoked_x509_certs`."""

    reason_code: int = msgspec.field(name="ReasonCode", default=0)
    revoked_at: str = msgspec.field(name="RevokedAt", default="")
    expires_at: str = msgspec.field(name="ExpiresAt", default="")


_decoder: Final = msgspec.json.Decoder(_Row)


def tag(name: bytes, key: bytes) -> bytes:
    """Tell an issuer by its name and the value of what names its key, both DER."""
    return sha256(len(name).to_bytes(4) + name + key).digest()[: len(NOBODY)]


def _chosen(
    rows: list[tuple[bytes, bytes]], earliest: bytes, belongs: Callable[[bytes], bool]
) -> bytes:
    mine: dict[bytes, bool] = {}
    parts = []
    for _, value in rows:
        if value[: index.NOT_AFTER_OCTETS] < earliest:
            continue
        issuer = value[index.NOT_AFTER_OCTETS : _ISSUER_END]
        if issuer not in mine:
            mine[issuer] = belongs(issuer)
        if mine[issuer]:
            parts.append(value[_ISSUER_END:])
    return b"".join(parts)


def _missing(
    rows: list[tuple[bytes, bytes]], known: list[tuple[bytes, bytes]]
) -> list[tuple[int, bytes]]:
    """Give serial and value of those that are not known; other keys are of no certificate."""
    there = {key for key, _ in known}
    return [(int(key), value) for key, value in rows if key not in there and _NUMBER.fullmatch(key)]


def _made(revocations: list[tuple[int, bytes, bytes | None]]) -> list[Operation]:
    """Make rows of serials, what is recorded of their revocation, and certificates."""
    return [row(_listed(serial, value, certificate)) for serial, value, certificate in revocations]


def _listed(serial: int, value: bytes, certificate: bytes | None) -> Revoked:
    """Read a revocation; one that is damaged is listed, without what it lacks."""
    try:
        recorded = _decoder.decode(value)
        revoked_at, not_after = parse_time(recorded.revoked_at), parse_time(recorded.expires_at)
        reason = recorded.reason_code
    except (msgspec.DecodeError, FormatError):
        revoked_at, not_after, reason = _UNKNOWN_TIME, _GO_ZERO, 0
    return Revoked(
        serial=serial,
        revoked_at=revoked_at,
        reason_code=reason,
        not_after=None if not_after <= _GO_ZERO else not_after,
        issuer=_issuer_of(certificate),
    )


def _issuer_of(certificate: bytes | None) -> bytes:
    """Tell the issuer of a certificate in DER, of which no more is read than that."""
    if certificate is None:
        return NOBODY
    try:
        fields = der.children(der.items(certificate)[0])
        if fields[0].tag == _VERSION:
            del fields[0]
        return tag(fields[2].raw, _key_named(fields[-1]))
    except (FormatError, ValueError, IndexError):
        return NOBODY


def _key_named(last: der.Element) -> bytes:
    """Give the value of the authority key identifier among a certificate's extensions."""
    if last.tag != _EXTENSIONS:
        return b""
    for each in der.children(der.first(last)):
        kind, *_, value = der.children(each)
        if kind.raw == _KEY_ID:
            return value.value
    return b""
