"""What is wrong with a row by what its own value says: for databases whose files vouch for nothing.

A certificate has its serial number as key and is signed by an issuer, so every octet of it can be
held; of JSON it can be said that it can be read, and is about what its key names.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature

from appliance.authority import records, revoked_rows
from appliance.authority.acme import records as acme
from appliance.authority.ssh import records as ssh
from appliance.formats import jwt
from appliance.formats.certificates import UNREADABLE
from appliance.formats.ssh import certificate as ssh_certificate
from appliance.issuance import parsed
from appliance.issuance.issuers import Issuer
from appliance.model.errors import FormatError

UNKNOWN_ISSUER: Final = "its issuer is not known"
"""What is said of a certificate whose signature could not be held against any issuer."""

_NAMED: Final = {  # tables whose rows repeat their keys, and as what
    records.REVOCATIONS: "Serial",
    ssh.REVOCATIONS: "Serial",
    acme.ACCOUNTS: "id",
    acme.AUTHORIZATIONS: "id",
    acme.CHALLENGES: "id",
    acme.ORDERS: "id",
    acme.CERTIFICATES: "id",
    acme.CERTIFICATES_BY_SERIAL: "serial",
    acme.EXTERNAL_KEYS: "id",
    "nonces": "ID",
    "admins": "id",
    "provisioners": "id",
}
_OBJECTS: Final = frozenset(
    {records.CERTIFICATES_DATA, "x509_crl", ssh.HOST_PRINCIPALS, "authority_policies"}
)
_SERIALS: Final = frozenset({ssh.HOSTS, ssh.USERS})


def problem(table: str, key: bytes, value: bytes, issuers: Sequence[Issuer] = ()) -> str:
    """Say what is wrong with a row; empty for nothing, and for tables that are not known.

    Certificates are held against those of `issuers` that bear their issuer's name and key;
    without any `issuers`, their signatures are not looked at.
    """
    if table == records.CERTIFICATES:
        return _certificate(key, value, issuers)
    if check := _CHECKS.get(table):
        return check(key, value)
    if table in _NAMED or table in _OBJECTS:
        return _object(key, value, _NAMED.get(table, ""))
    if table in _SERIALS and not value.isdigit():
        return "it is no serial number"
    return ""


def _certificate(key: bytes, value: bytes, issuers: Sequence[Issuer]) -> str:
    try:
        found = parsed.parse(value)
    except FormatError:
        return "it is no certificate"
    if records.serial_key(found.serial) != key:
        return f"it is the certificate with serial number {found.serial}"
    tag = revoked_rows.issuer_of(found)
    issuer = next((each for each in issuers if revoked_rows.issuer_tag(each) == tag), None)
    if issuer is None:
        return UNKNOWN_ISSUER if issuers else ""
    return "" if _is_signed(value, issuer.certificate) else "its signature is not its issuer's"


def _is_signed(certificate: bytes, issuer: bytes) -> bool:
    try:
        found = x509.load_der_x509_certificate(certificate)
        found.verify_directly_issued_by(x509.load_der_x509_certificate(issuer))
    except (InvalidSignature, *UNREADABLE):
        return False
    return True


def _ssh_certificate(key: bytes, value: bytes) -> str:
    try:
        found = ssh_certificate.parse(value)
    except FormatError:
        return "it is no SSH certificate"
    if records.serial_key(found.serial) != key:
        return f"it is the certificate with serial number {found.serial}"
    if not found.is_signed_by([found.signature_key]):
        return "its signature is not its issuer's"
    return ""


def _token(_: bytes, value: bytes) -> str:
    try:
        jwt.split(value.decode())
    except (FormatError, UnicodeDecodeError):
        return "it is no token"
    return ""


def _object(key: bytes, value: bytes, name: str) -> str:
    try:
        members: dict[str, Any] = msgspec.json.decode(value, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return "it is no JSON object"
    if name and members.get(name) != key.decode(errors="replace"):
        return f"its {name} is not its key"
    return ""


_CHECKS: Final[Mapping[str, Callable[[bytes, bytes], str]]] = {
    ssh.CERTIFICATES: _ssh_certificate,
    records.USED_TOKENS: _token,
}
