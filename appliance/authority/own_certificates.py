"""The CA's own TLS certificates, remembered so that the OCSP responder knows them for ours.

They are not part of the inventory, as in step-ca; so they have a bucket of their own, from which
those that have expired are dropped when the next one comes.
"""

from datetime import datetime
from typing import Final

from appliance.authority import records
from appliance.issuance import parsed
from appliance.model.errors import FormatError
from appliance.ports.store import Delete, Put, Store

BUCKET: Final = "hearth_x509_own"  # serial → DER


async def remember(store: Store, certificate: bytes, now: datetime) -> None:
    """Take note of one, in DER, before it is shown to anybody. Raises Broken."""
    rows = await store.scan(BUCKET)
    serial = parsed.parse(certificate).serial
    await store.commit([
        *(Delete(BUCKET, key) for key, value in rows if _has_expired(value, now)),
        Put(BUCKET, records.serial_key(serial), certificate),
    ])  # fmt: skip


async def certificate(store: Store, serial: int) -> bytes | None:
    """Give one of ours in DER. Raises Broken."""
    return await store.get(BUCKET, records.serial_key(serial))


def _has_expired(value: bytes, now: datetime) -> bool:
    try:
        return parsed.parse(value).validity.not_after < now
    except FormatError:
        return True  # nobody can be served with it
