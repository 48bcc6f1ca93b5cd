"""Orders that replace a certificate (RFC 9773 section 5): whose, which, and once."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from appliance.authority.acme import records
from appliance.authority.acme.records import CertificateRow, SerialRow
from appliance.authority.acme.renewal_info import named
from appliance.issuance.acme import certificate_ids
from appliance.issuance.parsed import ParsedCertificate
from appliance.model.acme import AcmeError, Identifier, ProblemType, malformed, unauthorized
from appliance.ports.store import Operation, Put, Store

REPLACES: Final = "hearth_acme_replaces"  # order id → identifier of the certificate
REPLACED: Final = "hearth_acme_replaced"  # identifier of the certificate → order id


async def permit(store: Store, account_id: str, name: str, ordered: Sequence[Identifier]) -> None:
    """Let an order replace the certificate of an identifier.

    Raises AcmeError: malformed, unauthorized, alreadyReplaced.
    """
    certificate = await named(store, name)
    serial = await records.find(store, SerialRow, str(certificate.serial))
    held = (
        None
        if serial is None
        else await records.find(store, CertificateRow, serial.row.certificate_id)
    )
    if held is None or held.row.account_id != account_id:
        raise unauthorized("the certificate to be replaced is not this account's", status=403)
    if not _names(certificate) & {each.value.lower() for each in ordered}:
        raise malformed("the order has no identifier of the certificate that it replaces")
    if await store.get(REPLACED, _row(name)) is not None:
        raise AcmeError(
            ProblemType.ALREADY_REPLACED, "the certificate has been replaced by another order"
        )


def noted(order_id: str, name: str, forget: datetime) -> list[Operation]:
    """Write down which certificate an order replaces."""
    return [
        Put(REPLACES, order_id.encode(), name.encode()),
        records.expiring(forget, REPLACES, order_id),
    ]


async def replaced_by(store: Store, order_id: str) -> str:
    """Give the identifier of the certificate that an order replaces; empty for none."""
    return (await store.get(REPLACES, order_id.encode()) or b"").decode()


def fulfilled(order_id: str, name: str, forget: datetime) -> list[Operation]:
    """Write down that a certificate is replaced.

    Of two orders for one certificate that were made before either was finished, both are.
    """
    return [
        Put(REPLACED, _row(name), order_id.encode()),
        records.expiring(forget, REPLACED, _row(name).decode()),
    ]


def _row(name: str) -> bytes:
    """A certificate has one row, however its identifier was written."""
    return certificate_ids.canonical(name).encode()


def _names(certificate: ParsedCertificate) -> set[str]:
    """Give what an order could have had; that of a device is its common name."""
    return {certificate.common_name.lower(), *(each.value.lower() for each in certificate.sans)}
