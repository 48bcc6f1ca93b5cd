"""Certificates for tests of the inventory: real ones, quickly made."""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from appliance.authority import records
from appliance.model.grants import ProvisionerRef, TokenUse
from appliance.ports.store import Operation, Store

START = datetime(2026, 1, 1, 12, tzinfo=UTC)
ADMIN = ProvisionerRef(type="JWK", name="admin", id="admin:kid", credential_id="kid")


@cache
def key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.generate()


def general_name(san: str) -> x509.GeneralName:
    if "://" in san:
        return x509.UniformResourceIdentifier(san)
    if "@" in san:
        return x509.RFC822Name(san)
    try:
        return x509.IPAddress(ipaddress.ip_address(san))
    except ValueError:
        return x509.DNSName(san)


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A certificate to be recorded."""

    serial: int
    subject: str = "host.example.com"
    sans: Sequence[str] = ("host.example.com",)
    provisioner: ProvisionerRef | None = ADMIN
    issued_at: datetime = START
    lifetime: timedelta = timedelta(days=1)
    token: TokenUse | None = None
    extension: bytes = field(default=b"", repr=False)  # of step, naming the provisioner

    @property
    def not_before(self) -> datetime:
        return self.issued_at.replace(microsecond=0) - timedelta(minutes=1)

    @property
    def not_after(self) -> datetime:
        return self.issued_at.replace(microsecond=0) + self.lifetime

    def der(self) -> bytes:
        subject = [x509.NameAttribute(NameOID.COMMON_NAME, self.subject)] if self.subject else []
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name(subject))
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test CA")]))
            .public_key(key().public_key())
            .serial_number(self.serial)
            .not_valid_before(self.not_before)
            .not_valid_after(self.not_after)
        )
        if self.sans:
            names = [general_name(san) for san in self.sans]
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        if self.extension:
            oid = x509.ObjectIdentifier("1.3.6.1.4.1.37476.9000.64.1")
            value = x509.UnrecognizedExtension(oid, self.extension)
            builder = builder.add_extension(value, critical=False)
        return builder.sign(key(), None).public_bytes(Encoding.DER)

    def operations(self) -> list[Operation]:
        return records.issued(
            certificate=self.der(),
            serial=self.serial,
            provisioner=self.provisioner,
            subject=self.subject,
            sans=self.sans,
            not_after=self.not_after,
            issued_at=self.issued_at,
            token=self.token,
        )


async def revoke(store: Store, serial: int, at: datetime, reason: str = "lost") -> None:
    await store.commit(
        records.revoked(
            serial=serial,
            provisioner_id="admin:kid",
            reason_code=1,
            reason=reason,
            revoked_at=at,
            expires_at=None,
            token_id="id",
            mtls=False,
            listed=await records.listed(store, serial),
        )
    )
