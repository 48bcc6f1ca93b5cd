"""What is kept for a time after its end goes then: certificates with their rows in the index.

In steps of few certificates, between which others have their turn. What counts them stays, so the
totals tell of all that was ever issued; so do revocations, since of a certificate that can be
renewed after its end only they say that it must not be. Who is a host stays known, too.
"""

import logging
from datetime import datetime, timedelta
from typing import Final

import trio

from appliance.authority import index, journal, records
from appliance.authority.acme import housekeeping as acme
from appliance.authority.counts import Counts
from appliance.authority.housekeeping import prune_tokens
from appliance.authority.kinds import KINDS, Kind
from appliance.model.errors import FormatError
from appliance.model.inventory import CertificateKind
from appliance.model.upkeep import Retention
from appliance.ports.store import Delete, Operation, Store

log = logging.getLogger(__name__)

_STEP: Final = 50  # certificates a transaction: some hundred rows
_PAUSE: Final = 0.0  # seconds between two steps: others have their turn
_SUCCESSORS: Final = 1000


async def tidy(store: Store, retention: Retention, now: datetime, *, leeway: timedelta) -> int:
    """Remove all whose time is over, and give how many things that were. Raises Broken."""
    removed = await prune_tokens(store, now - retention.tokens, leeway=leeway)
    removed += await acme.forget(store, now - retention.acme)
    if retention.certificates is not None:
        for each in CertificateKind:
            removed += await prune_certificates(store, each, now - retention.certificates)
    if retention.events is not None:
        removed += await journal.forget(store, before=now - retention.events, now=now)
    await Counts(store).settle(now)
    return removed


async def prune_certificates(store: Store, which: CertificateKind, before: datetime) -> int:
    """Remove certificates that ended before a moment, and give how many. Raises Broken."""
    kind, stop, removed = KINDS[which], index.not_after_octets(before), 0
    while rows := await store.scan(kind.buckets.expiry, stop=stop, limit=_STEP):
        operations: list[Operation] = []
        for key, _ in rows:
            operations += await _removal(store, kind, key)
        await store.commit(operations)
        removed += len(rows)
        await trio.sleep(_PAUSE)
    return removed


async def _removal(store: Store, kind: Kind, expiry: bytes) -> list[Operation]:
    """Give what removes a certificate, by its row among the ends."""
    buckets, place = kind.buckets, expiry[index.NOT_AFTER_OCTETS :]
    serial = index.read_serial(place)
    octets, key = index.serial_octets(serial), records.serial_key(serial)
    found = await store.get(kind.certificates, key)
    names: frozenset[str] = frozenset()
    if found is not None:
        try:
            read = kind.read(found)
            names = frozenset((read.subject, *read.sans))
        except FormatError:
            log.warning("a certificate that cannot be read is removed: serial %d", serial)
    listed = await records.listed(store, serial, buckets)
    provisioner = listed.provisioner if listed else ""
    successors = index.successors_key(serial)
    followed = await store.scan(
        buckets.successors, start=successors, stop=successors + b"\xff", limit=_SUCCESSORS
    )
    return [
        Delete(kind.certificates, key),
        Delete(kind.data, key),
        Delete(buckets.serials, octets),
        Delete(buckets.issued, place),
        Delete(buckets.expiry, expiry),
        Delete(buckets.revoked, place),
        Delete(buckets.origins, octets),
        *(Delete(buckets.names, index.name_key(each) + place) for each in names if each),
        Delete(buckets.provisioners, index.provisioner_key(provisioner) + place),
        *(Delete(buckets.successors, each) for each, _ in followed),
    ]
