"""Profiles of certificates that an ACME order chooses from (draft-ietf-acme-profiles)."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final

from msgspec import structs

from appliance.issuance.grants import DefaultTemplate, Grant
from appliance.issuance.profiles import CertificateTemplate
from appliance.model.acme import AcmeError, ProblemType
from appliance.model.validity import Lifetimes

_SHOWN: Final = 80


class Purpose(enum.StrEnum):
    """What certificates of a profile without a template are for."""

    SERVER = "server"
    CLIENT = "client"


_DEFAULTS: Final[Mapping[Purpose, DefaultTemplate]] = {
    Purpose.SERVER: DefaultTemplate.SERVER_LEAF,
    Purpose.CLIENT: DefaultTemplate.CLIENT_LEAF,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One of `options.acme.profiles`. What it does not say is as the provisioner says.

    Certificates last as long as `lifetime`, and no longer where an order asks for dates.
    """

    description: str
    purpose: Purpose | None = None
    template: CertificateTemplate | None = None
    template_data: Mapping[str, object] = field(default_factory=dict)
    lifetime: timedelta | None = None
    issuer: str = ""

    def lifetimes(self, allowed: Lifetimes) -> Lifetimes:
        """Give what it makes of the provisioner's claims, within which it lies."""
        if self.lifetime is None:
            return allowed
        return replace(allowed, longest=self.lifetime, default=self.lifetime)

    def applied(self, grant: Grant) -> Grant:
        """Give what it makes of a provisioner's grant; devices that attested stay such."""
        own = grant.profile
        usual = self.template is None and self.purpose is None
        attested = grant.default is DefaultTemplate.ATTESTED_LEAF
        return structs.replace(
            grant,
            lifetimes=self.lifetimes(grant.lifetimes),
            default=grant.default if self.purpose is None or attested else _DEFAULTS[self.purpose],
            profile=replace(
                own,
                template=own.template if usual else self.template,
                template_data={**own.template_data, **self.template_data},
                issuer=self.issuer or own.issuer,
            ),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Profiles:
    """Those of a provisioner by their names; `default` is for orders that name none."""

    listed: Mapping[str, Profile] = field(default_factory=dict)
    default: str = ""

    def chosen(self, asked: str) -> str:
        """Give the name of an order's profile; empty for none. Raises AcmeError."""
        if not asked:
            return self.default
        self.named(asked)
        return asked

    def named(self, name: str) -> Profile | None:
        """Give the profile of an order; None where it has none. Raises AcmeError."""
        if not name:
            return None
        found = self.listed.get(name)
        if found is None:
            known = f"use {', '.join(self.listed)}" if self.listed else "there are none here"
            raise AcmeError(
                ProblemType.INVALID_PROFILE, f"there is no profile {name[:_SHOWN]!r}: {known}"
            )
        return found


NO_PROFILES: Final = Profiles()
