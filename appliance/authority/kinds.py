"""The kinds of certificates in the inventory: where the rows of each are, and how to read one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from appliance.authority import facts, index, records
from appliance.authority.facts import Facts
from appliance.authority.index import Buckets
from appliance.authority.ssh import records as ssh_records
from appliance.model.inventory import CertificateKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """Buckets, and functions that take a certificate's octets. `read` raises FormatError."""

    buckets: Buckets  # of the index
    certificates: str
    data: str  # who granted a certificate
    revocations: str
    read: Callable[[bytes], Facts]
    provisioner_name: Callable[[bytes], str]  # as the certificate itself says it


KINDS: Final[Mapping[CertificateKind, Kind]] = {
    CertificateKind.X509: Kind(
        buckets=index.X509,
        certificates=records.CERTIFICATES,
        data=records.CERTIFICATES_DATA,
        revocations=records.REVOCATIONS,
        read=facts.read,
        provisioner_name=facts.provisioner_name,
    ),
    CertificateKind.SSH: Kind(
        buckets=index.SSH,
        certificates=ssh_records.CERTIFICATES,
        data=ssh_records.CERTIFICATES_DATA,
        revocations=ssh_records.REVOCATIONS,
        read=facts.read_ssh,
        provisioner_name=lambda _: "",
    ),
}

SOUGHT_IN_VAIN: Final = (
    records.USED_TOKENS,
    *(kind.revocations for kind in KINDS.values()),
    index.SSH.serials,
)
"""Buckets in which nearly every request looks for a row, and finds none."""
