"""The flags by which `hearth certs` is told which certificates are meant."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeVar

import click

from appliance.formats import goduration, timeorduration
from appliance.model.errors import BadRequest, FormatError
from appliance.model.inventory import CertificateKind, CertificateQuery, CertificateState

F = TypeVar("F", bound=Callable[..., Any])

ALL: Final = "all"  # kinds


def selection(function: F) -> F:
    """Add the flags that say which certificates are meant."""
    for option in (
        click.option(
            "--expires-before", metavar="<time|duration>",
            help="Only those that end before this RFC 3339 time, or this long from now.",
        ),
        click.option(
            "--expires-in", metavar="<duration>",
            help="Only those that are valid now and will have ended after this duration.",
        ),
        click.option(
            "--state", type=click.Choice([state.value for state in CertificateState]),
            help="Only those in this state.",
        ),
        click.option("--provisioner", metavar="<name>", default="", help="Only those it granted."),
        click.option(
            "--name", metavar="<name>", default="",
            help="Only those for this DNS name, address, email, URI or common name (SSH: principal "
            "or key ID); *.example.com is every name below.",
        ),
        click.option(
            "--principal", metavar="<name>", default="",
            help="Only SSH certificates for this principal, whatever their key ID.",
        ),
        click.option(
            "--serial", metavar="<serial>", default="",
            help="Only those whose serial number begins so: decimal, or hexadecimal after 0x.",
        ),
        click.option(
            "--issued-after", metavar="<time|duration>", default="",
            help="Only those issued since then; -24h is the last day.",
        ),
        click.option(
            "--issued-before", metavar="<time|duration>", default="",
            help="Only those issued before.",
        ),
        click.option(
            "--expires-after", metavar="<time|duration>", default="",
            help="Only those that end at this time or later.",
        ),
        click.option(
            "--kind", type=click.Choice([*(kind.value for kind in CertificateKind), ALL]),
            default=None, help="Which certificates: x509 (the default), ssh or all.",
        ),
        config_flag,
    ):  # fmt: skip
        function = option(function)
    return function


def config_flag(function: F) -> F:
    """Add the flag that names the CA."""
    return click.option(
        "--config", metavar="<file>", help="The CA's ca.json; that of the context by default."
    )(function)


def kind_flag(text: str, default: str | None) -> Callable[[F], F]:
    """Add the flag that names one kind of certificates."""
    return click.option(
        "--kind", type=click.Choice([kind.value for kind in CertificateKind]), default=default,
        show_default=default is not None, help=text,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Selection:
    """The flags of a selection."""

    kind: str | None
    name: str
    provisioner: str
    state: str | None
    expires_in: str | None
    expires_before: str | None
    expires_after: str = ""
    issued_after: str = ""
    issued_before: str = ""
    principal: str = ""
    serial: str = ""

    @property
    def kinds(self) -> list[CertificateKind]:
        """Which kinds of certificates they are about. Raises BadRequest."""
        if self.principal and self.kind == CertificateKind.X509:
            raise BadRequest("--principal is of SSH certificates: leave out --kind x509")
        if self.kind == ALL and not self.principal:
            return list(CertificateKind)
        if self.principal:
            return [CertificateKind.SSH]
        return [CertificateKind(self.kind or CertificateKind.X509)]

    def queries(self, now: datetime) -> list[CertificateQuery]:
        """Give what they ask for, of each kind. Raises BadRequest."""
        return [self._query(kind, now) for kind in self.kinds]

    def _query(self, kind: CertificateKind, now: datetime) -> CertificateQuery:
        if self.expires_in and self.expires_before:
            raise BadRequest("--expires-in and --expires-before exclude each other")
        if self.expires_in and self.expires_after:
            raise BadRequest("--expires-in and --expires-after exclude each other")
        try:
            before = timeorduration.moment(self.expires_before or "", now=now)
            after = timeorduration.moment(self.expires_after, now=now)
            issued_after = timeorduration.moment(self.issued_after, now=now)
            issued_before = timeorduration.moment(self.issued_before, now=now)
            if self.expires_in:
                before = now + goduration.parse(self.expires_in)
        except FormatError as error:
            raise BadRequest(error.public) from error
        except OverflowError:
            raise BadRequest(f"--expires-in {self.expires_in}: out of range") from None
        return CertificateQuery(
            kind=kind,
            name=self.name,
            provisioner=self.provisioner,
            state=CertificateState(self.state) if self.state else None,
            expires_before=before,
            expires_after=now if self.expires_in else after,
            issued_after=issued_after,
            issued_before=issued_before,
            principal=self.principal,
            serial=self.serial,
        )
