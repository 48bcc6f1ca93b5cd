"""Certificates as they will be, but for their serial numbers and issuers.

One function for each kind of certificate that this CA makes. The order of extensions is
step-ca's: what comes first differs between a new, a renewed and a rekeyed certificate.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from msgspec import Struct

from appliance.formats import names
from appliance.formats.keys import PublicKey
from appliance.issuance import extensions as ext
from appliance.issuance import periods, subjects
from appliance.issuance.extensions import Extension
from appliance.issuance.grants import Grant
from appliance.issuance.issuers import Issuer
from appliance.issuance.parsed import ParsedCertificate
from appliance.issuance.requests import SigningRequest
from appliance.model.algorithms import SignatureAlgorithm
from appliance.model.names import San
from appliance.model.validity import Validity

_OWN_BACKDATE, _OWN_LIFETIME = timedelta(minutes=1), timedelta(hours=24)


class Draft(Struct, frozen=True, kw_only=True):
    """A certificate to be. `subject` and `public_key_info` are DER.

    `common_name` and `sans` are the names in it, for whoever judges or records them. Without
    `serial` it gets a random number, without `algorithm` the issuer's own.
    """

    common_name: str = ""
    sans: tuple[San, ...] = ()
    subject: bytes
    public_key_info: bytes
    validity: Validity
    extensions: tuple[Extension, ...]
    serial: int | None = None
    algorithm: SignatureAlgorithm | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CertifiedKey:
    """A public key in both forms that are needed of it."""

    public_key: PublicKey
    public_key_info: bytes


def certified(public_key: PublicKey) -> CertifiedKey:
    """Encode a key to be certified."""
    info = public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return CertifiedKey(public_key=public_key, public_key_info=info)


def leaf(
    key: SigningRequest | CertifiedKey,
    grant: Grant,
    subject: bytes,
    validity: Validity,
    issuer: Issuer,
) -> Draft:
    """Draft what a grant allows, for a key that was asked for. Raises BadRequest."""
    last = (ext.step_provisioner(grant.provisioner),) if grant.step_extension else ()
    return Draft(
        common_name=grant.subject,
        sans=grant.sans,
        subject=subject,
        public_key_info=key.public_key_info,
        validity=validity,
        extensions=(*_leaf_extensions(key, grant.sans, subject, issuer), *last),
    )


def renewed(old: ParsedCertificate, issuer: Issuer, *, now: datetime, backdate: timedelta) -> Draft:
    """Draft the same certificate again from now on: as long, and with the same extensions."""
    kept = [each for each in _kept(old, issuer) if each.oid != ext.AUTHORITY_KEY_ID]
    first = () if old.extension(ext.SUBJECT_KEY_ID) else (_key_id(old.public_key_info),)
    return Draft(
        common_name=old.common_name,
        sans=old.sans,
        subject=old.subject,
        public_key_info=old.public_key_info,
        validity=_again(old.validity, now, backdate),
        extensions=(*first, *_issuer_id(issuer), *kept),
    )


def rekeyed(
    old: ParsedCertificate,
    request: SigningRequest,
    issuer: Issuer,
    *,
    now: datetime,
    backdate: timedelta,
) -> Draft:
    """Draft the same certificate for the key of the request; its names are not looked at."""
    replaced = (ext.AUTHORITY_KEY_ID, ext.SUBJECT_KEY_ID)
    kept = [each for each in _kept(old, issuer) if each.oid not in replaced]
    return Draft(
        common_name=old.common_name,
        sans=old.sans,
        subject=old.subject,
        public_key_info=request.public_key_info,
        validity=_again(old.validity, now, backdate),
        extensions=(_key_id(request.public_key_info), *_issuer_id(issuer), *kept),
    )


def server(
    common_name: str, hosts: Iterable[str], key: CertifiedKey, issuer: Issuer, now: datetime
) -> Draft:
    """Draft the CA's own TLS certificate, for a day. `hosts` are dnsNames, `[::1]` among them."""
    defaults = subjects.SubjectDefaults({})
    subject = defaults.subject(common_name)
    sans = tuple(names.classify(_unbracketed(host)) for host in hosts)
    start = periods.whole_second(now)
    return Draft(
        subject=subject,
        public_key_info=key.public_key_info,
        validity=Validity(not_before=start - _OWN_BACKDATE, not_after=start + _OWN_LIFETIME),
        extensions=_leaf_extensions(key, sans, subject, issuer),
    )


def offline(
    subject: bytes,
    sans: tuple[San, ...],
    key: CertifiedKey,
    validity: Validity,
    issuer: Issuer | None = None,
) -> Draft:
    """Draft a leaf that no provisioner granted; without an issuer it signs itself."""
    return Draft(
        subject=subject,
        public_key_info=key.public_key_info,
        validity=validity,
        extensions=_leaf_extensions(key, sans, subject, issuer),
    )


def authority(
    subject: bytes,
    key: CertifiedKey,
    validity: Validity,
    *,
    path_length: int,
    issuer: Issuer | None = None,
) -> Draft:
    """Draft a CA certificate; without an issuer it is a root, which names itself as its issuer."""
    return Draft(
        subject=subject,
        public_key_info=key.public_key_info,
        validity=validity,
        extensions=(
            ext.CERTIFICATE_AND_CRL_SIGN,
            ext.basic_constraints(path_length),
            _key_id(key.public_key_info),
            *(_issuer_id(issuer) if issuer else ()),
        ),
    )


def _leaf_extensions(
    key: SigningRequest | CertifiedKey,
    sans: tuple[San, ...],
    subject: bytes,
    issuer: Issuer | None,
) -> tuple[Extension, ...]:
    is_rsa = isinstance(key.public_key, RSAPublicKey)
    usage = ext.SIGNATURE_AND_KEY_ENCIPHERMENT if is_rsa else ext.SIGNATURE_ONLY
    named = (ext.subject_alt_name(sans, critical=subject == subjects.EMPTY),) if sans else ()
    return (
        usage,
        ext.SERVER_AND_CLIENT,
        _key_id(key.public_key_info),
        *(_issuer_id(issuer) if issuer else ()),
        *named,
        *(issuer.pointers if issuer else ()),
    )


def _kept(old: ParsedCertificate, issuer: Issuer) -> tuple[Extension, ...]:
    """Give the old extensions; what points to its issuer follows a change of issuer."""
    before, now = old.extension(ext.AUTHORITY_KEY_ID), issuer.authority_key_id
    if not issuer.pointers or before is None or now is None or before.value == now.value:
        return old.extensions
    moved = {each.oid: each for each in issuer.pointers}
    return tuple(moved.get(each.oid, each) for each in old.extensions)


def _again(old: Validity, now: datetime, backdate: timedelta) -> Validity:
    start = periods.whole_second(now - backdate)
    return Validity(not_before=start, not_after=start + old.length)


def _key_id(public_key_info: bytes) -> Extension:
    return ext.subject_key_id(ext.key_id(public_key_info))


def _issuer_id(issuer: Issuer) -> tuple[Extension, ...]:
    return () if issuer.authority_key_id is None else (issuer.authority_key_id,)


def _unbracketed(host: str) -> str:
    return host[1:-1] if host.startswith("[") and host.endswith("]") else host
