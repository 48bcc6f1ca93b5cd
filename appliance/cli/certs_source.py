"""Where `hearth certs` looks: at the running CA, or in the database of a stopped one."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Protocol, TypeVar

from appliance.authority.inventory import Inventory
from appliance.cli.appliance_source import with_appliance
from appliance.cli.clock import SystemClock
from appliance.cli.command import location
from appliance.model.inventory import (
    CertificateCounts,
    CertificateDetail,
    CertificateKind,
    CertificatePage,
    CertificateQuery,
)
from appliance.model.journal import JournalPage, JournalQuery
from appliance.operator.local import StoredCertificates

T = TypeVar("T")


class Certificates(Protocol):
    """The part of the Operator that is needed here."""

    async def certificates(self, query: CertificateQuery) -> CertificatePage:
        """Give one page of the inventory."""
        ...

    async def certificate(
        self, serial: int, kind: CertificateKind = CertificateKind.X509
    ) -> CertificateDetail:
        """Give one certificate."""
        ...

    async def certificate_counts(self, kind: CertificateKind) -> CertificateCounts:
        """Count the certificates of a kind."""
        ...

    async def journal(self, query: JournalQuery) -> JournalPage:
        """Give entries of the journal."""
        ...


def with_certificates(config: str | None, use: Callable[[Certificates], Awaitable[T]]) -> T:
    """Use the certificates of the CA with this ca.json, or with that of the context.

    Raises as `with_appliance` does.
    """
    return with_appliance(
        Path(config) if config else location().ca_json,
        lambda store, settings: StoredCertificates(Inventory(store), SystemClock()),
        use,
    )
