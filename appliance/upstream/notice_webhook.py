"""Notices to a webhook: JSON by POST, signed as step-ca signs what it sends to webhooks."""

from typing import Final

from appliance.authority.webhooks import signed
from appliance.config.alert_settings import WebhookTarget
from appliance.formats import gojson
from appliance.model.alerts import Notice
from appliance.ports.outbound import Outbound, OutboundRequest
from appliance.upstream.notice_form import judge, members

_DEADLINE: Final = 15.0  # seconds


class WebhookNotices:
    """The port's driver (ports.notices.NoticeTarget)."""

    def __init__(self, settings: WebhookTarget, outbound: Outbound) -> None:
        self._settings = settings
        self._outbound = outbound

    async def deliver(self, notice: Notice) -> None:
        """Send it. Raises Unavailable, Forbidden."""
        body = gojson.encode(members(notice))
        headers = {"X-Request-Id": notice.id, **signed(body, self._settings.secret)}
        headers["X-Smallstep-Webhook-ID"] = self._settings.id
        if self._settings.token is not None:
            token = self._settings.token.reveal().decode("latin-1")
            headers["Authorization"] = f"Bearer {token}"
        request = OutboundRequest(
            method="POST",
            url=self._settings.url,
            headers=headers,
            body=body,
            timeout=_DEADLINE,
            client_certificate=True,
        )
        judge((await self._outbound.send(request)).status, "the webhook")
