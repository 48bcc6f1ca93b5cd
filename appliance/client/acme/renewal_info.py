"""When a CA wishes a certificate to be renewed (RFC 9773): sooner than usual when it must be.

A moment is chosen by chance within the window that the CA suggests, so that not all come at once.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from appliance.client.acme.account import decoded, refusal, retry_after
from appliance.client.acme.messages import Directory, RenewalInfo
from appliance.client.acme.transport import Transport
from appliance.formats import base64url, extension_values, timeorduration
from appliance.issuance.extensions import AUTHORITY_KEY_ID
from appliance.issuance.parsed import ParsedCertificate
from appliance.model.errors import Broken, FormatError

_USUALLY: Final = timedelta(hours=6)  # between looks, where the CA does not say
_SOONEST, _LATEST = timedelta(minutes=1), timedelta(days=1)  # RFC 9773 section 4.3.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """When to renew, and how long this holds before it is to be asked for again."""

    due: datetime
    holds: timedelta


def certificate_id(certificate: ParsedCertificate) -> str:
    """Name a certificate (RFC 9773 section 4.1). Raises FormatError for one that has no name."""
    extension = certificate.extension(AUTHORITY_KEY_ID)
    key_id = extension_values.authority_key_id(extension.value) if extension else b""
    if not key_id:
        raise FormatError("a certificate without the identifier of its issuer's key")
    serial = certificate.serial
    octets = serial.to_bytes(serial.bit_length() // 8 + 1, "big")  # as DER has it
    return f"{base64url.encode(key_id)}.{base64url.encode(octets)}"


async def advice(
    transport: Transport,
    directory: Directory,
    certificate: ParsedCertificate,
    *,
    now: datetime,
    chance: float,
) -> Advice | None:
    """Ask when to renew; None of a CA that does not say. `chance` is from [0, 1).

    Raises AcmeRefusal, FormatError, and what Transport raises.
    """
    if not directory.renewal_info:
        return None
    url = f"{directory.renewal_info.rstrip('/')}/{certificate_id(certificate)}"
    answer = await transport.get(url)
    if answer.status != 200:
        raise refusal(answer)
    window = decoded(answer, RenewalInfo).suggested_window
    start, end = map(timeorduration.parse_time, (window.start, window.end))
    if end < start:
        raise Broken(f"{answer.where}: the window ends before it begins")
    again = retry_after(answer, now)
    holds = _USUALLY if again is None else timedelta(seconds=min(again, _LATEST.total_seconds()))
    return Advice(due=start + (end - start) * chance, holds=max(_SOONEST, holds))
