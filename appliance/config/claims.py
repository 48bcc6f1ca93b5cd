"""Claims: what a provisioner says, else `authority.claims`, else step-ca's own values."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import msgspec

from appliance.config.document import Document
from appliance.config.schema import Claims
from appliance.config.settings import ClaimsSettings
from appliance.formats import goduration
from appliance.issuance.ssh.grants import SshLifetimes
from appliance.model.errors import FormatError
from appliance.model.validity import Lifetimes


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """How long certificates of a kind may last."""

    shortest: timedelta
    longest: timedelta
    default: timedelta

    def inherit(self, own: Mapping[str, timedelta], kind: str) -> "Span":
        """Let a provisioner's durations win, by their names in ca.json.

        A default without bounds of its own that lies outside the bounds above stretches them.
        """
        default = own.get(f"default{kind}CertDuration", self.default)
        shortest, longest = self.shortest, self.longest
        if f"default{kind}CertDuration" in own:
            shortest, longest = min(shortest, default), max(longest, default)
        return Span(
            shortest=own.get(f"min{kind}CertDuration", shortest),
            longest=own.get(f"max{kind}CertDuration", longest),
            default=default,
        )

    def lifetimes(self, backdate: timedelta) -> Lifetimes:
        """Give it in the form that provisioners work with."""
        return Lifetimes(
            shortest=self.shortest, longest=self.longest, default=self.default, backdate=backdate
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Inherited:
    """Complete claims."""

    tls: Span
    user_ssh: Span
    host_ssh: Span
    enable_ssh: bool
    disable_renewal: bool
    allow_renewal_after_expiry: bool
    disable_step_extension: bool

    def settings(self, backdate: timedelta) -> ClaimsSettings:
        """Give them in the form that provisioners work with."""
        return ClaimsSettings(
            lifetimes=self.tls.lifetimes(backdate),
            ssh=SshLifetimes(
                user=self.user_ssh.lifetimes(backdate), host=self.host_ssh.lifetimes(backdate)
            ),
            enable_ssh=self.enable_ssh,
            disable_renewal=self.disable_renewal,
            allow_renewal_after_expiry=self.allow_renewal_after_expiry,
            disable_step_extension=self.disable_step_extension,
        )

    def problem(self) -> str:
        """Say what contradicts what; nothing when all is well.

        As in step-ca, durations for SSH are not looked at: what cannot be is refused later.
        """
        named = {
            "minTLSCertDuration": self.tls.shortest,
            "maxTLSCertDuration": self.tls.longest,
            "defaultTLSCertDuration": self.tls.default,
        }
        for name, value in named.items():
            if value <= timedelta():
                return f"{name} must be more than nothing"
        for low, high in (
            ("minTLSCertDuration", "maxTLSCertDuration"),
            ("minTLSCertDuration", "defaultTLSCertDuration"),
            ("defaultTLSCertDuration", "maxTLSCertDuration"),
        ):
            if named[low] > named[high]:
                less, more = (goduration.format_duration(named[each]) for each in (high, low))
                return f"{high} ({less}) is less than {low} ({more})"
        return ""


_DAY: Final = timedelta(hours=24)
_LEAST: Final = timedelta(minutes=5)

BUILT_IN: Final = Inherited(
    tls=Span(shortest=_LEAST, longest=_DAY, default=_DAY),
    user_ssh=Span(shortest=_LEAST, longest=_DAY, default=timedelta(hours=16)),
    host_ssh=Span(shortest=_LEAST, longest=30 * _DAY, default=30 * _DAY),
    enable_ssh=False,
    disable_renewal=False,
    allow_renewal_after_expiry=False,
    disable_step_extension=False,
)


def inherit(above: Inherited, claims: Claims | None, document: Document, place: str) -> Inherited:
    """Let claims win over those above them.

    Raises ConfigError for what is no duration; contradictions are for `problem` to find.
    """
    if claims is None:
        return above
    own = durations(claims, document, place)
    return Inherited(
        tls=above.tls.inherit(own, "TLS"),
        user_ssh=above.user_ssh.inherit(own, "UserSSH"),
        host_ssh=above.host_ssh.inherit(own, "HostSSH"),
        enable_ssh=_or(claims.enable_ssh_ca, above.enable_ssh),
        disable_renewal=_or(claims.disable_renewal, above.disable_renewal),
        allow_renewal_after_expiry=_or(
            claims.allow_renewal_after_expiry, above.allow_renewal_after_expiry
        ),
        disable_step_extension=_or(claims.disable_step_extensions, above.disable_step_extension),
    )


def durations(claims: Claims, document: Document, place: str) -> Mapping[str, timedelta]:
    """Read all durations by their names in ca.json. Raises ConfigError."""
    found = {}
    for name, value in msgspec.to_builtins(claims).items():
        if isinstance(value, str):
            found[name] = duration(value, document, f"{place}.{name}")
    return found


def duration(text: str, document: Document, place: str) -> timedelta:
    """Read one duration. Raises ConfigError."""
    try:
        return goduration.parse(text)
    except FormatError as error:
        raise document.wrong(error.public, place) from None


def shown(claims: Claims, document: Document, place: str) -> Mapping[str, object]:
    """Give claims as GET /provisioners shows them: durations in full."""
    spans = durations(claims, document, place)
    return {
        name: goduration.format_duration(spans[name]) if name in spans else value
        for name, value in msgspec.to_builtins(claims).items()
        if value is not None
    }


def _or(own: bool | None, above: bool) -> bool:  # noqa: FBT001
    return above if own is None else own
