"""SSH certificate templates: from a grant and a request to what the certificate will say."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from appliance.formats.gotemplate.library.context import FunctionContext
from appliance.issuance.ssh import drafts
from appliance.issuance.ssh.drafts import SshDraft
from appliance.issuance.ssh.grants import SshGrant
from appliance.issuance.ssh.requests import SshSigningRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class SshGiven:
    """All that a certificate is made of. `user` is the request's own data, by nobody checked."""

    grant: SshGrant
    request: SshSigningRequest
    user: object = None
    webhooks: Mapping[str, object] = field(default_factory=dict)
    context: FunctionContext


def asked_for(given: SshGiven) -> SshDraft:
    """Give what the provisioner's template, or else the default one, makes of it."""
    return drafts.by_default(given.request, given.grant)
