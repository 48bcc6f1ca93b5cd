"""When a CA wishes a certificate to be renewed (RFC 9773): sooner than usual when it must be.

A moment is chosen by chance within the window that the CA suggests, so that not all come at once.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from appliance.client.acme.account import decoded, refusal, retry_after
from appliance.client.acme.messages import Directory, RenewalInfo
from appliance.client.acme.transport import Transport
from appliance.formats import timeorduration
from appliance.issuance.acme import certificate_ids
from appliance.issuance.parsed import ParsedCertificate
from appliance.model.errors import Broken

_USUALLY: Final = timedelta(hours=6)  # between looks, where the CA does not say
_SOONEST, _LATEST = timedelta(minutes=1), timedelta(days=1)  # RFC 9773 section 4.3.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """When to renew, and how long this holds before it is to be asked for again."""

    due: datetime
    holds: timedelta


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
    url = f"{directory.renewal_info.rstrip('/')}/{certificate_ids.write(certificate)}"
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
