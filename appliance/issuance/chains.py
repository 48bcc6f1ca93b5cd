"""Does a certificate lead to one of our roots? (RFC 5280 section 6, as far as it decides here)

For client certificates that come in tokens: our own, to be renewed, and others', as credentials.
Of our own, name constraints are not looked at: whoever signed such a certificate was held by them
when it was issued.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.x509.oid import ExtendedKeyUsageOID

from appliance.formats.certificates import UNREADABLE
from appliance.issuance import paths
from appliance.model.errors import FormatError, Unauthorized

_Value = TypeVar("_Value", bound=x509.ExtensionType)

_LONGEST = 8  # certificates between leaf and root
_BROKEN = (*UNREADABLE, InvalidSignature)
_CLIENT_PURPOSES = {
    ExtendedKeyUsageOID.CLIENT_AUTH,
    ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,
}


def check_client(leaf: bytes, others: Sequence[bytes], roots: Sequence[bytes]) -> None:
    """Let a client certificate pass that leads through the others to a root (all in DER).

    Judged as of a minute before its end, so that an expired one passes: whether it may be expired
    is for its provisioner to say. Raises Unauthorized.
    """
    try:
        certificate = x509.load_der_x509_certificate(leaf)
        moment = certificate.not_valid_after_utc - timedelta(minutes=1)
        _check_usage(certificate)
        anchors = [x509.load_der_x509_certificate(each) for each in roots]
        between = [x509.load_der_x509_certificate(each) for each in others[:_LONGEST]]
        _climb(certificate, between, anchors, moment)
    except _BROKEN as error:
        raise Unauthorized("the certificate cannot be read", detail=str(error)) from error


def check_credential(
    leaf: bytes, others: Sequence[bytes], roots: Sequence[bytes], now: datetime
) -> None:
    """Let a certificate of someone else's CA pass that may sign a token now (all in DER).

    It leads through the others to a root, within dates, name constraints and purposes. Raises
    Unauthorized.
    """
    try:
        trust = paths.Trust(roots=roots, between=others[:_LONGEST])
        paths.verify(leaf, trust, now=now, purpose=ExtendedKeyUsageOID.CLIENT_AUTH)
        _check_usage(x509.load_der_x509_certificate(leaf))
    except (FormatError, *_BROKEN) as error:
        raise Unauthorized("the certificate cannot be read", detail=str(error)) from error


def _check_usage(leaf: x509.Certificate) -> None:
    usage = _value(leaf, x509.KeyUsage)
    if usage is None or not usage.digital_signature:
        raise Unauthorized("the certificate may not be used for signatures")
    if not _for_clients(leaf):
        raise Unauthorized("the certificate may not be used by clients")


def _climb(
    certificate: x509.Certificate,
    between: list[x509.Certificate],
    anchors: list[x509.Certificate],
    moment: datetime,
) -> None:
    for below in range(_LONGEST):
        if any(_did_issue(anchor, certificate, moment, below) for anchor in anchors):
            return
        issuers = [each for each in between if _did_issue(each, certificate, moment, below)]
        if not issuers:
            break
        certificate = issuers[0]
        between = [each for each in between if each is not certificate]
    raise Unauthorized(
        "the certificate does not lead to a root of this certificate authority",
        detail=f"no issuer found of {certificate.subject.rfc4514_string()}",
    )


def _did_issue(
    issuer: x509.Certificate, certificate: x509.Certificate, moment: datetime, below: int
) -> bool:
    """Say whether the issuer is a CA at that moment, may have so many CAs below, and signed it."""
    if issuer.subject != certificate.issuer or not _is_authority(issuer, below):
        return False
    if not issuer.not_valid_before_utc <= moment <= issuer.not_valid_after_utc:
        return False
    try:
        certificate.verify_directly_issued_by(issuer)
    except _BROKEN:
        return False
    return True


def _is_authority(certificate: x509.Certificate, below: int) -> bool:
    constraints = _value(certificate, x509.BasicConstraints)
    if constraints is None or not constraints.ca:
        return False
    if constraints.path_length is not None and constraints.path_length < below:
        return False
    usage = _value(certificate, x509.KeyUsage)
    return (usage is None or usage.key_cert_sign) and _for_clients(certificate)


def _for_clients(certificate: x509.Certificate) -> bool:
    purposes = _value(certificate, x509.ExtendedKeyUsage)
    return purposes is None or not _CLIENT_PURPOSES.isdisjoint(purposes)


def _value(certificate: x509.Certificate, kind: type[_Value]) -> _Value | None:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None
