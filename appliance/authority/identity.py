"""The CA's own TLS certificate, issued by itself and not recorded, as in step-ca."""

from collections.abc import Iterable
from datetime import datetime

from appliance.formats.keys import PublicKey
from appliance.issuance import certificates, drafts
from appliance.issuance.issuers import Issuer
from appliance.ports.chance import Chance
from appliance.ports.signer import Signer


async def issue_server_certificate(
    *,
    common_name: str,
    hosts: Iterable[str],
    public_key: PublicKey,
    issuer: Issuer,
    signer: Signer,
    chance: Chance,
    now: datetime,
) -> bytes:
    """Give a certificate (DER) for 24 hours, for the names in `dnsNames`.

    Raises BadRequest for a name that no certificate can carry, Unavailable and Broken.
    """
    draft = drafts.server(common_name, hosts, drafts.certified(public_key), issuer, now)
    serial = certificates.serial_number(chance.octets(certificates.SERIAL_OCTETS))
    prepared = certificates.prepare(draft, issuer, serial)
    return certificates.assemble(
        prepared, await signer.sign(prepared.to_be_signed, prepared.algorithm)
    )
