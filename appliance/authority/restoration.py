"""What a database that comes from a backup must be told before a CA goes on with it.

Since the backup was made, certificates may have been issued and revoked, lists published and tokens
used, of which it knows nothing. So numbers of lists jump above all that were ever given out, the
old list is not shown again, nonces given out before hold no more, and revocations that a published
list still names are taken over from it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec

from appliance.authority import crl as publishing
from appliance.authority import records, revoked_rows
from appliance.authority.acme import nonces
from appliance.authority.revoked_rows import Revoked
from appliance.formats import crl, x509_fields
from appliance.formats.crl import CrlEntry, CrlFields
from appliance.formats.timeorduration import format_time
from appliance.issuance import parsed, revocation_checks
from appliance.issuance.issuers import Issuer
from appliance.model.errors import BadRequest, Conflict, FormatError, Unauthorized
from appliance.ports.store import Delete, Operation, Put, Store

RESTORATIONS: Final = "hearth_restorations"  # when → from what, in JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What was done: revocations that a list named and the backup did not, and the next number."""

    revoked: int
    list_number: int


@dataclass(frozen=True, slots=True)
class PublishedBefore:
    """A revocation list that the CA published, checked against its issuer."""

    issuer: Issuer
    fields: CrlFields


def read_list(octets: bytes, issuers: Sequence[Issuer]) -> PublishedBefore:
    """Read a list (PEM or DER) that one of the issuers signed. Raises BadRequest."""
    try:
        fields = crl.parse(crl.decode(octets))
        for issuer in issuers:
            if fields.issuer_raw == issuer.subject:
                certificate = x509_fields.certificate(issuer.certificate)
                revocation_checks.check_list_signature(fields, certificate)
                return PublishedBefore(issuer, fields)
    except (FormatError, Unauthorized) as error:
        raise BadRequest(f"the revocation list cannot be used: {error.public}") from error
    raise BadRequest("the revocation list is not of this CA: another issuer signed it")


async def settle(
    store: Store,
    issuers: Sequence[Issuer],
    lists: Sequence[PublishedBefore],
    *,
    made_at: datetime,
    now: datetime,
) -> Settled:
    """Make a restored database fit to go on with. Raises Broken."""
    added = 0
    number = int(now.timestamp())  # more than were ever made: not one a second since 1970
    for each in lists:
        number = max(number, each.fields.number or 0)
        for entry in each.fields.entries():
            added += await _revoke(store, each.issuer, entry)
    known = {tag: int(digits) for tag, digits in await store.scan(publishing.NUMBERS)}
    tags = {*known, *(revoked_rows.issuer_tag(issuer) for issuer in issuers)}
    number = max(number, *known.values()) if known else number
    told = {"madeAt": format_time(made_at), "revocationsAdded": added, "listNumber": number}
    await store.commit([
        *(Put(publishing.NUMBERS, tag, b"%d" % number) for tag in tags),
        Delete(publishing.LISTS, b"crl"),
        *nonces.disown_all(),
        Put(RESTORATIONS, format_time(now).encode(), msgspec.json.encode(told)),
    ])  # fmt: skip
    return Settled(revoked=added, list_number=number + 1)


async def _revoke(store: Store, issuer: Issuer, entry: CrlEntry) -> int:
    """Take over one entry; give 1 if it was not known."""
    if await records.is_revoked(store, entry.serial):
        return 0
    recorded = await records.certificate(store, entry.serial)
    not_after = parsed.parse(recorded).validity.not_after if recorded else None
    reason = entry.reason_code
    row = Revoked(
        serial=entry.serial,
        revoked_at=entry.revoked_at,
        reason_code=reason,
        not_after=not_after,
        issuer=revoked_rows.issuer_tag(issuer),
    )
    operations: list[Operation] = records.revoked(
        serial=entry.serial,
        provisioner_id="",
        reason_code=reason,
        reason="taken over from a revocation list when a backup was restored",
        revoked_at=entry.revoked_at,
        expires_at=not_after,
        token_id="",
        mtls=False,
        listed=await records.listed(store, entry.serial),
    )
    try:
        await store.commit([*operations, revoked_rows.row(row)])
    except Conflict:
        return 0
    return 1
