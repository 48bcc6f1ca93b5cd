"""Rows of step-ca's embedded databases taken into a store of ours, and what has to be made of them.

Buckets, keys and values stay as they are, octet by octet. Left out is what would be of no use to
anybody here; what housekeeping is to forget later, and the index, are made anew.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from appliance.authority import reindexing, revoked_rows
from appliance.authority.acme import records as acme
from appliance.authority.acme.authorizations import forgotten
from appliance.formats.embedded import Row
from appliance.formats.timeorduration import parse_time
from appliance.model.errors import FormatError
from appliance.ports.store import Operation, Put, Store

_NONCES: Final = "nonces"
_OURS: Final = "hearth_"
_IMPORTED: Final = b"imported"  # a key of the settings
_ENDING: Final = {  # tables that ACME is done with some day → the member that says when
    acme.ORDERS: "expiresAt",
    acme.AUTHORIZATIONS: "expiresAt",
    acme.CHALLENGES: "createdAt",
}


class Origin(msgspec.Struct, kw_only=True):
    """Where the rows of a store came from. `at` is RFC 3339."""

    source: str
    kind: str
    at: str
    rows: int


def reason_to_skip(row: Row) -> str:
    """Say why a row is not taken over; empty when it is."""
    if not row.value:
        return "it is empty, which step-ca takes for absent"
    if row.table == _NONCES:
        return "a nonce of ACME that nobody used: clients ask for new ones"
    if row.table.startswith(_OURS):
        return "a table of Hearth in a database of step-ca"
    return ""


def operations(row: Row) -> list[Operation]:
    """Give what writes a row, and when it may be forgotten."""
    written: list[Operation] = [Put(row.table, row.key, row.value)]
    if member := _ENDING.get(row.table):
        try:
            fields = msgspec.json.decode(row.value, type=dict[str, object])
            ends = forgotten(parse_time(str(fields.get(member, ""))))
            written.append(acme.expiring(ends, row.table, row.key.decode()))
        except (msgspec.DecodeError, FormatError, UnicodeDecodeError, OverflowError):
            pass  # it stays for ever
    return written


async def complete(store: Store, origin: Origin) -> int:
    """Make the index, the entries of revocation lists, and a note of the origin; count the former.

    Raises Broken.
    """
    await reindexing.begin_anew(store)
    indexed = await reindexing.complete(store)
    await revoked_rows.complete(store)
    note = Put(reindexing.SETTINGS, _IMPORTED, msgspec.json.encode(origin))
    await store.commit([note])
    return indexed


async def origin(store: Store) -> Origin | None:
    """Give where the rows of a store came from; None when they are its own."""
    value = await store.get(reindexing.SETTINGS, _IMPORTED)
    try:
        return msgspec.json.decode(value, type=Origin) if value else None
    except msgspec.DecodeError:
        return None


async def take(store: Store, rows: Sequence[Row]) -> None:
    """Write some rows in one transaction. Raises Broken."""
    await store.commit([operation for row in rows for operation in operations(row)])
