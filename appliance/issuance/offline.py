"""Certificates that no provisioner granted: made by a person who has the issuer's key at hand."""

import enum
from dataclasses import dataclass
from datetime import datetime, timedelta

from appliance.formats import names
from appliance.formats.keys import PublicKey
from appliance.issuance import algorithms, certificates, drafts, periods, subjects
from appliance.issuance.certificates import Prepared
from appliance.issuance.drafts import CertifiedKey, Draft
from appliance.issuance.issuers import Issuer
from appliance.model.errors import BadRequest
from appliance.model.validity import Validity

_DAY, _TEN_YEARS = timedelta(hours=24), timedelta(days=3650)


class Profile(enum.StrEnum):
    """What a certificate is for, in step's words."""

    LEAF = "leaf"
    INTERMEDIATE_CA = "intermediate-ca"
    ROOT_CA = "root-ca"
    SELF_SIGNED = "self-signed"

    @property
    def signs_itself(self) -> bool:
        """Whether there is no issuer above."""
        return self in (Profile.ROOT_CA, Profile.SELF_SIGNED)

    @property
    def is_authority(self) -> bool:
        """Whether it may sign others."""
        return self in (Profile.ROOT_CA, Profile.INTERMEDIATE_CA)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A certificate that is asked for. `sans` are bare names; CAs get none."""

    profile: Profile
    subject: str
    sans: tuple[str, ...]
    key: PublicKey
    validity: Validity


def validity(
    profile: Profile, not_before: datetime | None, not_after: datetime | None, now: datetime
) -> Validity:
    """Fill in what was not asked: from now on, for ten years (CAs) or a day. Raises BadRequest."""
    start = not_before or now
    try:
        end = not_after or start + (_TEN_YEARS if profile.is_authority else _DAY)
    except OverflowError:
        raise BadRequest("the requested times are out of the calendar") from None
    if start > end:
        raise BadRequest("invalid value for flag '--not-after': certificate is already expired")
    return Validity(not_before=periods.whole_second(start), not_after=periods.whole_second(end))


def prepare(wish: Wish, issuer: Issuer | None, serial: int) -> Prepared:
    """Encode what is to be signed, by the issuer or, without one, by the key itself.

    Raises BadRequest for a name that no certificate can carry.
    """
    draft = _draft(wish, drafts.certified(wish.key), issuer)
    if issuer is not None:
        return certificates.prepare(draft, issuer, serial)
    algorithm = algorithms.natural_algorithm(wish.key)
    return certificates.prepare_root(draft, serial, algorithm, wish.key)


def _draft(wish: Wish, key: CertifiedKey, issuer: Issuer | None) -> Draft:
    subject = subjects.SubjectDefaults({}).subject(wish.subject)
    if wish.profile.is_authority:
        length = 1 if wish.profile is Profile.ROOT_CA else 0
        return drafts.authority(subject, key, wish.validity, path_length=length, issuer=issuer)
    sans = tuple(names.classify(san) for san in wish.sans or (wish.subject,) if san)
    return drafts.offline(subject, sans, key, wish.validity, issuer)
