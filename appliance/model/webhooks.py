"""Services that are asked while a certificate is made."""

import enum
from dataclasses import dataclass

from appliance.model.secret import Password


class WebhookKind(enum.StrEnum):
    """What a webhook is asked for, in step-ca's spelling."""

    ENRICHING = "ENRICHING"  # data for the template
    AUTHORIZING = "AUTHORIZING"  # leave to sign
    SCEP_CHALLENGE = "SCEPCHALLENGE"
    NOTIFYING = "NOTIFYING"


class WebhookScope(enum.StrEnum):
    """For which certificates it is asked: `certType`."""

    ALL = "ALL"
    X509 = "X509"
    SSH = "SSH"


@dataclass(frozen=True, slots=True, kw_only=True)
class BasicAuth:
    """A name and a password for the webhook's server."""

    username: str
    password: Password


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """One entry of `options.webhooks`. `url` is a template; `secret` is the key of the HMAC."""

    id: str
    name: str
    url: str
    kind: WebhookKind
    scope: WebhookScope = WebhookScope.ALL
    secret: Password | None = None
    bearer_token: Password | None = None
    basic_auth: BasicAuth | None = None
    client_certificate: bool = True
