"""What the options of a provisioner make of the SSH certificates that it grants."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from appliance.issuance.profiles import CertificateTemplate
from appliance.model.ssh import CertificateType
from appliance.model.webhooks import Webhook


class PrincipalPolicy(Protocol):
    """Rules about principals, for users and for hosts."""

    def check(self, kind: CertificateType, principals: Sequence[str]) -> None:
        """Let a certificate's principals pass, or raise Forbidden with the one and the rule.

        Raises Broken where step-ca fails instead (homelab.md, section 10).
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SshProfile:
    """A provisioner's `options.ssh` and `options.webhooks`, read and compiled."""

    template: CertificateTemplate | None = None  # None: the default of the provisioner's type
    template_data: Mapping[str, object] = field(default_factory=dict)
    policy: PrincipalPolicy | None = None
    webhooks: tuple[Webhook, ...] = ()


DEFAULT_SSH_PROFILE = SshProfile()
