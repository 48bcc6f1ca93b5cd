"""Is a certificate revoked, by what a list or a responder says, and may these say so at all?

For a person who asks about any CA's certificate. Raise Unauthorized with the reason why nothing
follows from what was said, FormatError for what cannot be read.
"""

from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from appliance.formats import crl, der, extension_values, ocsp, ocsp_reading, x509_fields
from appliance.formats.certificates import UNREADABLE, load
from appliance.formats.crl import CrlEntry, CrlFields
from appliance.formats.keys import checked_public
from appliance.formats.ocsp import (
    BasicResponse,
    CertificateId,
    CertificateState,
    ResponseStatus,
    SingleAnswer,
)
from appliance.formats.x509_fields import CertificateFields
from appliance.issuance.algorithms import IDENTIFIERS, is_signed
from appliance.issuance.extensions import EXTENDED_KEY_USAGE, key_id
from appliance.model.errors import FormatError, Unauthorized

_CLOCKS_DIFFER: Final = timedelta(minutes=5)
_OCSP_SIGNING: Final = "1.3.6.1.5.5.7.3.9"
_ALGORITHMS: Final = {identifier: algorithm for algorithm, identifier in IDENTIFIERS.items()}


def issuer_of(certificate: bytes, candidates: Iterable[bytes]) -> bytes | None:
    """Find the certificate that issued one, all in DER."""
    return next((each for each in candidates if _issued(each, certificate)), None)


def ask_about(certificate: bytes, issuer: bytes) -> CertificateId:
    """Name a certificate for a responder. Raises FormatError."""
    above = x509_fields.certificate(issuer)
    serial = x509_fields.certificate(certificate).serial
    return ocsp.certificate_id(above.subject_raw, above.public_key.bits, serial)


def listed(
    revocation_list: bytes, certificate: bytes, issuer: bytes | None, now: datetime
) -> CrlEntry | None:
    """Find a certificate on a list (DER); None when it is not revoked.

    Without an `issuer` the list's signature is not checked.
    """
    fields = crl.parse(revocation_list)
    if issuer is not None:
        above = x509_fields.certificate(issuer)
        if fields.issuer_raw != above.subject_raw:
            raise Unauthorized("the list is of another issuer")
        check_list_signature(fields, above)
    _check_dates(fields.this_update, fields.next_update, now, "the list")
    return fields.find(x509_fields.certificate(certificate).serial)


def check_list_signature(fields: CrlFields, issuer: CertificateFields) -> None:
    """See that the key of a certificate signed a list, whoever that is."""
    identifier = der.sequence(der.oid(fields.algorithm.oid), fields.algorithm.parameters)
    _check_signature(fields.to_be_signed, fields.signature, identifier, issuer)


def answered(
    response: bytes, asked: CertificateId, issuer: bytes, now: datetime
) -> CertificateState:
    """Read what a responder says of a certificate of an issuer (RFC 6960 section 3.2)."""
    read = ocsp_reading.read_response(response)
    if read.basic is None:
        name = ResponseStatus(read.status).name.lower().replace("_", " ")
        raise Unauthorized(f"the responder answers: {name}")
    basic = read.basic
    answer = _about(asked, basic.answers)
    signer = _responder(basic, issuer, now)
    _check_signature(basic.to_be_signed, basic.signature, basic.algorithm, signer)
    _check_dates(answer.this_update, answer.next_update, now, "the answer")
    return answer.state


def _about(asked: CertificateId, answers: Iterable[SingleAnswer]) -> SingleAnswer:
    wanted = (asked.digest, asked.issuer_name_hash, asked.issuer_key_hash, asked.serial)
    for each in answers:
        about = each.certificate
        found = (about.digest, about.issuer_name_hash, about.issuer_key_hash, about.serial)
        if found == wanted:
            return each
    raise Unauthorized("the answer is about another certificate")


def _responder(basic: BasicResponse, issuer: bytes, now: datetime) -> CertificateFields:
    """Find whose answer it is: the issuer's own, or that of who it delegated to (4.2.2.2)."""
    for certificate in (issuer, *basic.certificates):
        fields = x509_fields.certificate(certificate)
        by_key = basic.responder_key_hash == key_id(fields.public_key.raw)
        by_name = basic.responder_name == fields.subject_raw
        if (by_key or by_name) and (certificate == issuer or _delegated(fields, issuer, now)):
            return fields
    raise Unauthorized("the answer is signed by somebody whom the issuer did not ask to")


def _delegated(fields: CertificateFields, issuer: bytes, now: datetime) -> bool:
    usage = fields.extension(EXTENDED_KEY_USAGE)
    return (
        usage is not None
        and _OCSP_SIGNING in extension_values.identifiers(usage.value)
        and fields.not_before - _CLOCKS_DIFFER <= now <= fields.not_after + _CLOCKS_DIFFER
        and _issued(issuer, fields.raw)
    )


def _check_signature(
    message: bytes, signature: bytes, identifier: bytes, signer: CertificateFields
) -> None:
    algorithm = _ALGORITHMS.get(identifier)
    if algorithm is None:
        raise Unauthorized("it is signed by an algorithm that is not known, or no longer good")
    try:
        key = checked_public(_loaded(signer.raw).public_key())
    except _BROKEN as error:
        raise FormatError("a key that cannot be read", detail=str(error)) from error
    if not is_signed(message, signature, algorithm, key):
        raise Unauthorized("its signature is not that of the issuer")


def _check_dates(start: datetime, end: datetime | None, now: datetime, what: str) -> None:
    if start > now + _CLOCKS_DIFFER:
        raise Unauthorized(f"{what} is of the future: {start:%Y-%m-%dT%H:%M:%SZ}")
    if end is not None and end < now - _CLOCKS_DIFFER:
        raise Unauthorized(f"{what} has ended: {end:%Y-%m-%dT%H:%M:%SZ}")


def _issued(issuer: bytes, certificate: bytes) -> bool:
    with suppress(FormatError, *_BROKEN):
        _loaded(certificate).verify_directly_issued_by(_loaded(issuer))
        return True
    return False


_BROKEN: Final = (*UNREADABLE, InvalidSignature)


def _loaded(certificate: bytes) -> x509.Certificate:
    return load(certificate)
