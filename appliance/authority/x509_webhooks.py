"""What webhooks are told about X.509 certificates: the request before, the certificate after."""

from collections.abc import Mapping
from dataclasses import dataclass

from msgspec.structs import replace

from appliance.authority.reporting import Context
from appliance.authority.webhooks import Question, Webhooks
from appliance.issuance import parsed, step_json, templates
from appliance.issuance.certificate_json import CertificateJson
from appliance.issuance.grants import Grant
from appliance.issuance.ssh.grants import SshGrant
from appliance.issuance.templates import Given
from appliance.model.validity import Validity
from appliance.model.webhooks import WebhookScope


@dataclass(frozen=True, slots=True, kw_only=True)
class X509Webhooks:
    """Asks the webhooks of the grant's provisioner."""

    webhooks: Webhooks

    async def enriched(self, given: Given, context: Context) -> Given:
        """Give what a certificate is made of, with what ENRICHING webhooks answered.

        Raises Forbidden.
        """
        hooks = given.grant.profile.webhooks
        if not hooks:
            return given
        question = _question(
            given, context, {"x509CertificateRequest": step_json.request(given.request)}
        )
        return replace(given, webhooks=await self.webhooks.enrich(hooks, question))

    async def permit(
        self, given: Given, wanted: CertificateJson | None, validity: Validity, context: Context
    ) -> None:
        """Ask AUTHORIZING webhooks for leave to sign; None stands for the default certificate.

        Raises Forbidden.
        """
        hooks = given.grant.profile.webhooks
        if not hooks:
            return
        written = templates.asked_for(given) if wanted is None else wanted
        certificate = step_json.certificate(written, given.request.public_key, validity)
        question = _question(given, context, {"x509Certificate": certificate})
        await self.webhooks.authorize(hooks, question, given.webhooks)


def _question(given: Given, context: Context, about: Mapping[str, object]) -> Question:
    return Question(
        members={**about, **behind(given.grant)},
        data=lambda found: templates.data(replace(given, webhooks=found)),
        scope=WebhookScope.X509,
        provisioner=given.grant.provisioner.name,
        context=context,
    )


def behind(grant: Grant | SshGrant) -> dict[str, object]:
    """Tell the certificate behind the token, and for whom it speaks; most tokens have neither."""
    members: dict[str, object] = {}
    if grant.x5c_certificate is not None:
        shown = parsed.parse(grant.x5c_certificate)
        members["x5cCertificate"] = step_json.credential(shown)
    if grant.principal:
        members["authorizationPrincipal"] = grant.principal
    return members
