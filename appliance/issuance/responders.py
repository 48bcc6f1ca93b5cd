"""The certificate of a key that answers OCSP requests for an issuer (RFC 6960 4.2.2.2)."""

from datetime import datetime, timedelta
from typing import Final

from appliance.formats import der
from appliance.issuance import extensions as ext
from appliance.issuance import periods, subjects
from appliance.issuance.drafts import CertifiedKey, Draft
from appliance.issuance.issuers import Issuer
from appliance.model.validity import Validity

OCSP_SIGNING: Final = ext.extension(
    ext.EXTENDED_KEY_USAGE, der.sequence(der.oid("1.3.6.1.5.5.7.3.9"))
)
NO_CHECK: Final = ext.extension("1.3.6.1.5.5.7.48.1.5", der.null())
"""Do not ask whether this one is revoked: it is short-lived instead (RFC 6960 4.2.2.2.1)."""

_BACKDATE: Final = timedelta(minutes=1)


def responder(key: CertifiedKey, issuer: Issuer, now: datetime, lifetime: timedelta) -> Draft:
    """Draft it, to end with its issuer at the latest."""
    start = periods.whole_second(now)
    name = f"{subjects.common_name(issuer.subject)} OCSP Responder"[:64]  # RFC 5280 appendix A.1
    return Draft(
        subject=subjects.SubjectDefaults({}).subject(name.strip()),
        public_key_info=key.public_key_info,
        validity=Validity(
            not_before=start - _BACKDATE,
            not_after=min(start + lifetime, issuer.validity.not_after),
        ),
        extensions=(
            ext.SIGNATURE_ONLY,
            OCSP_SIGNING,
            ext.subject_key_id(ext.key_id(key.public_key_info)),
            *((issuer.authority_key_id,) if issuer.authority_key_id else ()),
            NO_CHECK,
        ),
    )
