"""What a certificate says of itself, for lists: read quickly, and patient with odd ones."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.x509.oid import NameOID

from appliance.formats.certificates import UNREADABLE
from appliance.formats.ssh import certificate as ssh_certificate
from appliance.issuance import parsed
from appliance.issuance.ssh.periods import SshPeriod
from appliance.model.errors import FormatError

_KINDS: Final = (x509.DNSName, x509.RFC822Name, x509.IPAddress, x509.UniformResourceIdentifier)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Names and times. SANs are DNS names, emails, IP addresses and URIs, as in the certificate."""

    subject: str  # its common name
    sans: tuple[str, ...]
    not_before: datetime
    not_after: datetime
    certificate_type: str = ""  # of SSH: user or host


def read(der: bytes) -> Facts:
    """Take a certificate's facts. Raises FormatError when it is none."""
    try:
        certificate = x509.load_der_x509_certificate(der)
        names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        return Facts(
            subject=str(names[-1].value) if names else "",
            sans=_sans(certificate),
            not_before=certificate.not_valid_before_utc,
            not_after=certificate.not_valid_after_utc,
        )
    except UNREADABLE:
        return _read_odd(der)


def read_ssh(blob: bytes) -> Facts:
    """Take an SSH certificate's facts, its principals as names. Raises FormatError."""
    found = ssh_certificate.parse(blob)
    validity = SshPeriod(after=found.valid_after, before=found.valid_before).validity
    return Facts(
        subject=found.key_id,
        sans=found.principals,
        not_before=validity.not_before,
        not_after=validity.not_after,
        certificate_type=found.type.label,
    )


def provisioner_name(der: bytes) -> str:
    """Read who granted it from step's extension; empty where that is not said."""
    try:
        return parsed.parse(der).provisioner_name or ""
    except FormatError:
        return ""


def _sans(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return ()
    return tuple(str(name.value) for name in found.value if isinstance(name, _KINDS))


def _read_odd(der: bytes) -> Facts:
    """Read what a strict reader refuses, as our own reader of renewals does."""
    certificate = parsed.parse(der)
    return Facts(
        subject=certificate.common_name,
        sans=tuple(san.value for san in certificate.sans),
        not_before=certificate.validity.not_before,
        not_after=certificate.validity.not_after,
    )
