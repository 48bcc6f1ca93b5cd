"""SSH certificates, hosts, users and revocations as rows: what to write, and how to read it back.

Buckets, keys and values are step-ca's but for two: who granted a certificate (`hearth_ssh_data`),
which step-ca does not keep, and the index (authority.index).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec

from appliance.authority import index, records
from appliance.authority.index import Indexed, Listed
from appliance.formats import gojson
from appliance.formats.ssh.certificate import SshCertificate
from appliance.issuance.ssh import periods
from appliance.model.grants import ProvisionerRef, TokenUse
from appliance.model.inventory import Origin, Revocation
from appliance.model.ssh import CertificateType
from appliance.ports.store import Operation, Put, Store

CERTIFICATES: Final = "ssh_certs"  # serial → certificate, as on the wire
CERTIFICATES_DATA: Final = "hearth_ssh_data"  # serial → who granted it
HOSTS: Final = "ssh_hosts"  # host principal → serial
USERS: Final = "ssh_users"  # user principal → serial
HOST_PRINCIPALS: Final = "ssh_host_principals"  # host principal → serial and end
REVOCATIONS: Final = "revoked_ssh_certs"  # serial → when, why and by whom


class HostPrincipal(msgspec.Struct):
    """A value of ssh_host_principals. `expiry` is in seconds since 1970."""

    serial: str = msgspec.field(name="Serial", default="")
    expiry: int = msgspec.field(name="Expiry", default=0)


def issued(
    certificate: SshCertificate,
    *,
    provisioner: ProvisionerRef | None,
    issued_at: datetime,
    token: TokenUse | None,
    origin: Origin | None = None,
) -> list[Operation]:
    """Record a certificate, and the token that it was issued for as used.

    The transaction conflicts when the token was used before, or the serial number is taken.
    """
    key = records.serial_key(certificate.serial)
    entry = Indexed(
        serial=certificate.serial,
        issued_at=issued_at,
        not_after=periods.moment(certificate.valid_before),
        names=frozenset((certificate.key_id, *certificate.principals)),
        provisioner=provisioner.name if provisioner else "",
        origin=origin,
    )
    return [
        *([records.token_used(token)] if token else ()),
        Put(CERTIFICATES, key, certificate.blob),
        Put(CERTIFICATES_DATA, key, records.certificate_data(provisioner)),
        *_principals(certificate, key),
        *index.rows(entry, index.SSH, unique=True),
    ]


def revoked(
    *,
    serial: int,
    provisioner_id: str,
    reason_code: int,
    reason: str,
    revoked_at: datetime,
    token_id: str,
    listed: Listed | None,
) -> list[Operation]:
    """Record a revocation; the transaction conflicts when there is one already.

    `listed` is what `listed()` of this module says. As with step-ca, the row does not tell
    when the certificate ends.
    """
    return records.revoked(
        serial=serial,
        provisioner_id=provisioner_id,
        reason_code=reason_code,
        reason=reason,
        revoked_at=revoked_at,
        expires_at=None,
        token_id=token_id,
        mtls=False,
        listed=listed,
        bucket=REVOCATIONS,
        buckets=index.SSH,
    )


async def is_revoked(store: Store, serial: int) -> bool:
    """Say whether a certificate was revoked; one that nobody knows can be."""
    return await store.get(REVOCATIONS, records.serial_key(serial)) is not None


async def revocation(store: Store, serial: int) -> Revocation | None:
    """Give when and why a certificate was revoked. Raises Broken for a row that is damaged."""
    return await records.revocation(store, serial, REVOCATIONS)


async def certificate(store: Store, serial: int) -> bytes | None:
    """Give a certificate as it is on the wire."""
    return await store.get(CERTIFICATES, records.serial_key(serial))


async def provisioner_of(store: Store, serial: int) -> ProvisionerRef | None:
    """Give who granted a certificate, as recorded. Raises Broken for a row that is damaged."""
    return await records.provisioner_of(store, serial, CERTIFICATES_DATA)


async def listed(store: Store, serial: int) -> Listed | None:
    """Give what the index says of a certificate; None when it is not in the inventory."""
    return await records.listed(store, serial, index.SSH)


def principal_key(principal: str) -> bytes:
    """Write a principal as keys have it: without case."""
    return principal.lower().encode()


def _principals(certificate: SshCertificate, key: bytes) -> Sequence[Operation]:
    named = [principal_key(each) for each in certificate.principals if each]
    if certificate.type is CertificateType.USER:
        return [Put(USERS, each, key) for each in named]
    value = gojson.encode(
        HostPrincipal(serial=str(certificate.serial), expiry=certificate.valid_before)
    )
    return [
        operation
        for each in named
        for operation in (Put(HOSTS, each, key), Put(HOST_PRINCIPALS, each, value))
    ]
