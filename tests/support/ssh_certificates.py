"""SSH certificates for tests: real ones, quickly made."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from appliance.authority.ssh import records
from appliance.formats.ssh import keys
from appliance.formats.ssh.certificate import SshCertificate
from appliance.formats.ssh.signatures import SshSignature
from appliance.model.grants import ProvisionerRef
from appliance.model.ssh import CertificateType
from appliance.ports.store import Operation, Store
from tests.support.inventory import ADMIN, START

HOUR = timedelta(hours=1)


@cache
def key(name: str) -> Ed25519PrivateKey:
    """A key of somebody, always the same: `user ca`, `host ca`, `alice` …"""
    return Ed25519PrivateKey.from_private_bytes(name.encode().ljust(32, b"."))


@dataclass(frozen=True, kw_only=True)
class SshSample:
    """An SSH certificate to be recorded."""

    serial: int
    type: CertificateType = CertificateType.USER
    key_id: str = "alice"
    principals: Sequence[str] = ("alice",)
    provisioner: ProvisionerRef | None = ADMIN
    issued_at: datetime = START
    lifetime: timedelta = 16 * HOUR
    authority: str = ""  # who signs; else by type

    @property
    def not_after(self) -> datetime:
        return self.issued_at.replace(microsecond=0) + self.lifetime

    @property
    def certificate(self) -> SshCertificate:
        authority = key(self.authority or f"{self.type.label} ca")
        unsigned = SshCertificate(
            nonce=b"n" * 32,
            key=keys.of_key(key(self.key_id).public_key()),
            serial=self.serial,
            type=self.type,
            key_id=self.key_id,
            principals=tuple(self.principals),
            valid_after=int(self.issued_at.timestamp()) - 60,
            valid_before=int(self.not_after.timestamp()),
            extensions={"permit-pty": ""} if self.type is CertificateType.USER else {},
            signature_key=keys.of_key(authority.public_key()),
        )
        blob = authority.sign(unsigned.to_be_signed)
        return unsigned.signed(SshSignature(format=keys.ED25519, blob=blob))

    def operations(self) -> list[Operation]:
        return records.issued(
            self.certificate, provisioner=self.provisioner, issued_at=self.issued_at, token=None
        )


async def revoke_ssh(store: Store, serial: int, at: datetime = START, reason: str = "") -> None:
    """Record a revocation."""
    operations = records.revoked(
        serial=serial,
        provisioner_id="",
        reason_code=1 if reason else 0,
        reason=reason,
        revoked_at=at,
        token_id="",
        listed=await records.listed(store, serial),
    )
    await store.commit(operations)
