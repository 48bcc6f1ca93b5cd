"""The two CA certificates that `ca init` makes: step-ca's names, lengths and extensions."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from msgspec.structs import replace

from appliance.formats.keys import PublicKey
from appliance.issuance import algorithms, certificates, drafts, issuers, periods, subjects
from appliance.issuance.certificates import Prepared
from appliance.issuance.issuers import Issuer
from appliance.model.validity import Validity

LIFETIME: Final = timedelta(days=3650)

Sign = Callable[[Prepared], Awaitable[bytes]]
"""Signs what was prepared with the issuer's key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """When and with which serial number a certificate is made; `serial` is 16 random octets."""

    now: datetime
    serial: bytes


async def root(name: str, key: PublicKey, sign: Sign, occasion: Occasion) -> bytes:
    """Make the root of an authority of this name, in DER: it may have one CA below it."""
    draft = drafts.authority(
        subjects.authority_name(name, f"{name} Root CA"),
        drafts.certified(key),
        _lifetime(occasion.now),
        path_length=1,
    )
    serial = certificates.serial_number(occasion.serial)
    prepared = certificates.prepare_root(draft, serial, algorithms.natural_algorithm(key), key)
    return certificates.assemble(prepared, await sign(prepared))


async def intermediate(
    name: str, key: PublicKey, root_certificate: bytes, sign: Sign, occasion: Occasion
) -> bytes:
    """Make the intermediate below a root, in DER: it signs leaves only. Raises FormatError."""
    subject = subjects.authority_name(name, f"{name} Intermediate CA")
    issuer = issuers.of_certificate(root_certificate)
    return await _below(issuer, subject, key, _lifetime(occasion.now), sign, occasion)


async def successor(
    common_name: str, key: PublicKey, root_certificate: bytes, sign: Sign, occasion: Occasion
) -> bytes:
    """Make another intermediate below a root, of its organization, in DER.

    It ends with its root at the latest. Raises FormatError for a root that is none.
    """
    issuer = issuers.of_certificate(root_certificate)
    subject = subjects.authority_name(subjects.organization(issuer.subject), common_name)
    full = _lifetime(occasion.now)
    validity = replace(full, not_after=min(full.not_after, issuer.validity.not_after))
    return await _below(issuer, subject, key, validity, sign, occasion)


async def _below(
    issuer: Issuer,
    subject: bytes,
    key: PublicKey,
    validity: Validity,
    sign: Sign,
    occasion: Occasion,
) -> bytes:
    draft = drafts.authority(subject, drafts.certified(key), validity, path_length=0, issuer=issuer)
    serial = certificates.serial_number(occasion.serial)
    prepared = certificates.prepare(draft, issuer, serial)
    return certificates.assemble(prepared, await sign(prepared))


def _lifetime(now: datetime) -> Validity:
    start = periods.whole_second(now)
    return Validity(not_before=start, not_after=start + LIFETIME)
