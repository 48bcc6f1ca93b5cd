"""Revocation by ACME (RFC 8555 7.6): by who ordered, by who holds the names, by the key itself."""

from dataclasses import dataclass
from typing import Final

from appliance.authority import records as certificate_records
from appliance.authority.acme import preauthorizations, records
from appliance.authority.acme.authorizations import Authorizations
from appliance.authority.acme.records import CertificateRow, SerialRow
from appliance.authority.acme.requests import Signed
from appliance.authority.reporting import Context
from appliance.authority.revocation import RevocationAuthority
from appliance.issuance import drafts, parsed
from appliance.issuance.parsed import ParsedCertificate
from appliance.model.acme import (
    AcmeError,
    Identifier,
    IdentifierType,
    ProblemType,
    malformed,
    unauthorized,
)
from appliance.model.errors import BadRequest, FormatError
from appliance.model.names import San, SanKind
from appliance.ports.store import Store
from appliance.provisioners.acme import AcmeProvisioner

REASONS: Final = {
    0: "unspecified reason",
    1: "key compromised",
    2: "ca compromised",
    3: "affiliation changed",
    4: "superseded",
    5: "cessation of operation",
    6: "certificate hold",
    8: "remove from crl",
    9: "privilege withdrawn",
    10: "aa compromised",
}
"""Reason codes (RFC 5280 5.3.1) that may be asked for, as they are recorded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AcmeRevocation:
    """Revokes what was issued by ACME."""

    revocation: RevocationAuthority
    authorizations: Authorizations
    store: Store

    async def revoke(
        self,
        provisioner: AcmeProvisioner,
        signed: Signed,
        certificate: bytes,
        reason_code: int | None,
        context: Context,
    ) -> None:
        """Revoke a certificate (DER). Raises AcmeError, Broken."""
        try:
            read = parsed.parse(certificate)
        except FormatError as error:
            raise malformed("the certificate cannot be read") from error
        row = await self._issued(read, certificate)
        await self._permit(signed, read, row)
        if await certificate_records.is_revoked(self.store, read.serial):
            raise _already()
        if reason_code is not None and reason_code not in REASONS:
            raise AcmeError(
                ProblemType.BAD_REVOCATION_REASON,
                f"reason {reason_code} is none of {', '.join(map(str, REASONS))}",
            )
        try:
            await self.revocation.revoke_issued(
                read,
                provisioner.ref,
                reason_code=reason_code or 0,
                reason="" if reason_code is None else REASONS[reason_code],
                context=context,
            )
        except BadRequest as error:
            raise _already() from error

    async def _issued(self, read: ParsedCertificate, certificate: bytes) -> CertificateRow | None:
        """See that we issued it; None: not by ACME. Raises AcmeError."""
        if await certificate_records.certificate(self.store, read.serial) != certificate:
            raise AcmeError(
                ProblemType.MALFORMED, "this CA has not issued the certificate", status=404
            )
        serial = await records.find(self.store, SerialRow, str(read.serial))
        if serial is None:
            return None
        held = await records.find(self.store, CertificateRow, serial.row.certificate_id)
        return None if held is None else held.row

    async def _permit(
        self, signed: Signed, read: ParsedCertificate, row: CertificateRow | None
    ) -> None:
        if signed.account is None:
            if drafts.certified(signed.public_key).public_key_info != read.public_key_info:
                raise unauthorized(
                    "the request is signed neither by an account nor by the certificate's key",
                    status=403,
                )
            return
        account = signed.account.row
        if row is not None and row.account_id == account.id:
            return
        for name in read.sans:
            identifier = _identifier(name)
            if identifier is None or not await preauthorizations.holds(
                self.authorizations, account.id, identifier
            ):
                raise unauthorized(f"no authorization for name {name.value}", status=403)
        if not read.sans:
            raise unauthorized("the certificate is another account's", status=403)


def _identifier(name: San) -> Identifier | None:
    match name.kind:
        case SanKind.DNS:
            return Identifier(type=IdentifierType.DNS, value=name.value.lower())
        case SanKind.IP:
            return Identifier(type=IdentifierType.IP, value=name.value)
        case _:
            return None


def _already() -> AcmeError:
    return AcmeError(ProblemType.ALREADY_REVOKED, "the certificate is already revoked")
