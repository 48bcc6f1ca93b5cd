"""When a certificate should be renewed, as far as the CA knows (RFC 9773).

A revocation makes that at once. So does, within a day, an issuer that issues no more: since when it
does not, no configuration says, so it is written down when somebody asks first, for all instances.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from appliance.authority import records as certificate_records
from appliance.authority.acme import records
from appliance.authority.acme.problems import not_found
from appliance.authority.issuers import Issuers, IssuingKey
from appliance.issuance import parsed
from appliance.issuance.acme import certificate_ids, windows
from appliance.issuance.acme.windows import Window
from appliance.issuance.parsed import ParsedCertificate
from appliance.model.acme import malformed
from appliance.model.errors import Conflict, FormatError
from appliance.ports.clock import Clock
from appliance.ports.store import Delete, PutIfAbsent, Store

GOING: Final = "hearth_acme_issuers_going"  # key identifier of an issuer → since when


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A window, and after how long it should be asked for again."""

    window: Window
    again: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class RenewalInfo:
    """Of all certificates in the inventory, whichever provisioner they are of."""

    store: Store
    clock: Clock
    issuers: Issuers

    async def of(self, name: str) -> Told:
        """Say when to renew the certificate of an identifier (4.1). Raises AcmeError."""
        certificate = await named(self.store, name)
        key = next((each for each in self.issuers.all if each.issued(certificate)), None)
        life = windows.life(
            name.encode(),
            certificate.validity,
            await certificate_records.issued_at(self.store, certificate.serial),
            None if key is None else key.issuer.validity.not_after,
        )
        revocation = await certificate_records.revocation(self.store, certificate.serial)
        window = windows.window(
            life,
            revoked=None if revocation is None else min(revocation.at, self.clock.now()),
            issuer_goes=await self._going(certificate, key),
        )
        return Told(window=window, again=windows.look_again(life))

    async def _going(
        self, certificate: ParsedCertificate, key: IssuingKey | None
    ) -> datetime | None:
        """Say since when the issuer issues no more; None while it does."""
        row = certificate_ids.issuer_key_id(certificate)
        found = await self.store.get(GOING, row)
        if key is not None and key.issues:
            if found is not None:  # it came back
                await self.store.commit([Delete(GOING, row)])
            return None
        if found is None:
            found = records.write_time(self.clock.now()).encode()
            try:
                await self.store.commit([PutIfAbsent(GOING, row, found)])
            except Conflict:  # another request was first
                found = await self.store.get(GOING, row) or found
        return records.read_time(found.decode())


async def named(store: Store, name: str) -> ParsedCertificate:
    """Find the certificate of an identifier (RFC 9773 4.1). Raises AcmeError: malformed, 404."""
    try:
        key_id, serial = certificate_ids.read(name)
    except FormatError as error:
        raise malformed(f"not the identifier of a certificate: {error.public}") from error
    found = await certificate_records.certificate(store, serial)
    certificate = None if found is None else parsed.parse(found)
    if certificate is None or certificate_ids.issuer_key_id(certificate) != key_id:
        raise not_found("certificate of this CA")
    return certificate
