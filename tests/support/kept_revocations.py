"""Revocations as an operator without a server has them: kept, in memory."""

from dataclasses import dataclass

from appliance.model.errors import BadRequest
from appliance.model.inventory import CertificateKind


@dataclass(frozen=True, slots=True)
class KeptRevocation:
    """What was asked."""

    serial: int
    kind: CertificateKind
    reason_code: int
    reason: str


class KeptRevocations:
    """The part of an Operator that revokes; a serial number once."""

    revocations: tuple[KeptRevocation, ...] = ()

    async def revoke_certificate(
        self, serial: int, kind: CertificateKind, *, reason_code: int = 0, reason: str = ""
    ) -> None:
        if any(each.serial == serial for each in self.revocations):
            raise BadRequest(f"certificate with serial number '{serial}' is already revoked")
        asked = KeptRevocation(serial, kind, reason_code, reason)
        self.revocations = (*self.revocations, asked)
