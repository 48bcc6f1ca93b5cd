"""What webhooks are told about SSH certificates: the request before, the certificate after."""

from collections.abc import Mapping
from dataclasses import dataclass

from msgspec.structs import replace

from appliance.authority.reporting import Context
from appliance.authority.webhooks import Question, Webhooks
from appliance.authority.x509_webhooks import behind
from appliance.issuance.ssh import step_json, templates
from appliance.issuance.ssh.drafts import SshDraft
from appliance.issuance.ssh.periods import SshPeriod
from appliance.issuance.ssh.templates import SshGiven
from appliance.model.webhooks import WebhookScope


@dataclass(frozen=True, slots=True, kw_only=True)
class SshWebhooks:
    """Asks the webhooks of the grant's provisioner."""

    webhooks: Webhooks

    async def enriched(self, given: SshGiven, context: Context) -> SshGiven:
        """Give what a certificate is made of, with what ENRICHING webhooks answered.

        Raises Forbidden.
        """
        hooks = given.grant.profile.webhooks
        if not hooks:
            return given
        about = {"sshCertificateRequest": step_json.request(given.request)}
        question = _question(given, context, about)
        return replace(given, webhooks=await self.webhooks.enrich(hooks, question))

    async def permit(
        self, given: SshGiven, draft: SshDraft, period: SshPeriod, context: Context
    ) -> None:
        """Ask AUTHORIZING webhooks for leave to sign. Raises Forbidden."""
        hooks = given.grant.profile.webhooks
        if not hooks:
            return
        written = step_json.certificate(draft, given.request.public_key, period)
        question = _question(given, context, {"sshCertificate": written})
        await self.webhooks.authorize(hooks, question, given.webhooks)


def _question(given: SshGiven, context: Context, about: Mapping[str, object]) -> Question:
    return Question(
        members={**about, **behind(given.grant)},
        data=lambda found: templates.data(replace(given, webhooks=found)),
        scope=WebhookScope.SSH,
        provisioner=given.grant.provisioner.name,
        context=context,
    )
