"""Certificates that the person at the box has issued, without a one-time token."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from appliance.model.ssh import CertificateType


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """How long certificates may be valid; `usual` is taken where nothing is asked."""

    shortest: timedelta
    longest: timedelta
    usual: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A provisioner by whose rules certificates can be issued at the box.

    None: it certifies nothing of that kind. `profiles` are those of ACME, `has_template` says that
    data for a template of its own can be given, by kind.
    """

    name: str
    type: str
    x509: Span | None = None
    ssh_user: Span | None = None
    ssh_host: Span | None = None
    profiles: Mapping[str, Span] | None = None
    has_template: bool = False
    has_ssh_template: bool = False

    def ssh(self, kind: CertificateType) -> Span | None:
        """Give the span of SSH certificates of a type."""
        return self.ssh_user if kind is CertificateType.USER else self.ssh_host

    def takes_data(self, kind: CertificateType | None) -> bool:
        """Say whether a template of its own makes something of data; None is X.509."""
        return self.has_template if kind is None else self.has_ssh_template


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateOrder:
    """One X.509 certificate. Without `names` it gets those of the request.

    Times are RFC 3339 or Go durations, or empty.
    """

    provisioner: str
    csr: bytes  # DER
    names: tuple[str, ...] = ()
    profile: str = ""
    not_before: str = ""
    not_after: str = ""
    template_data: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SshOrder:
    """One SSH certificate for a public key, which is a line as authorized_keys has it."""

    provisioner: str
    type: CertificateType
    public_key: str
    key_id: str
    principals: tuple[str, ...]
    not_after: str = ""
    template_data: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SshMade:
    """An SSH certificate: its line without comment, its serial number, and its end."""

    line: str
    serial: int
    not_after: datetime
