"""The inventory told as events, so that the past fills the live view at the start."""

from collections.abc import Iterator

from msgspec.structs import replace

from appliance.model.events import Event, EventKind
from appliance.model.inventory import CertificateKind, CertificateSummary


def events_of(certificate: CertificateSummary) -> Iterator[Event]:
    """Tell when it was issued, and when it was revoked; who asked from where is not recorded."""
    is_ssh = certificate.kind is CertificateKind.SSH
    issued = Event(
        at=certificate.issued_at,
        kind=EventKind.ISSUED,
        operation="ssh-sign" if is_ssh else "sign",
        subject=certificate.subject,
        sans=certificate.sans,
        provisioner=certificate.provisioner,
        provisioner_type=certificate.provisioner_type,
        serial=certificate.serial,
        certificate_type=certificate.certificate_type,
        not_before=certificate.not_before,
        not_after=certificate.not_after,
    )
    yield issued
    if certificate.revocation is not None:
        yield replace(
            issued,
            at=certificate.revocation.at,
            kind=EventKind.REVOKED,
            operation="ssh-revoke" if is_ssh else "revoke",
            reason=certificate.revocation.reason,
        )
