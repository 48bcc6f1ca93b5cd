"""Notices to a phone, by an ntfy server: its JSON form, in which text may be of any language."""

from base64 import b64encode
from typing import Final

import msgspec

from appliance.config.alert_settings import NtfyTarget
from appliance.model.alerts import Change, Notice
from appliance.model.conditions import Severity
from appliance.ports.outbound import Outbound, OutboundRequest
from appliance.upstream.notice_form import judge

_DEADLINE: Final = 15.0  # seconds
_PRIORITIES: Final = {Severity.NOTICE: 3, Severity.WARNING: 4, Severity.CRITICAL: 5}
_RECOVERED: Final = 3
_TAGS: Final = {
    Change.FIRING: "warning",
    Change.RECOVERED: "white_check_mark",
    Change.NOTED: "information_source",
    Change.TEST: "test_tube",
}


class NtfyNotices:
    """The port's driver (ports.notices.NoticeTarget)."""

    def __init__(self, settings: NtfyTarget, outbound: Outbound) -> None:
        self._settings = settings
        self._outbound = outbound

    async def deliver(self, notice: Notice) -> None:
        """Publish it. Raises Unavailable, Forbidden."""
        is_over = notice.change is Change.RECOVERED
        body = msgspec.json.encode(
            {
                "topic": self._settings.topic,
                "title": notice.title,
                "message": notice.text,
                "priority": _RECOVERED if is_over else _PRIORITIES[notice.severity],
                "tags": [_TAGS[notice.change]],
            }
        )
        request = OutboundRequest(
            method="POST",
            url=f"{self._settings.server}/",
            headers={"Content-Type": "application/json", **self._credentials()},
            body=body,
            timeout=_DEADLINE,
        )
        judge((await self._outbound.send(request)).status, "the ntfy server")

    def _credentials(self) -> dict[str, str]:
        settings = self._settings
        if settings.token is not None:
            return {"Authorization": f"Bearer {settings.token.reveal().decode('latin-1')}"}
        if settings.password is not None:
            pair = settings.username.encode() + b":" + settings.password.reveal()
            return {"Authorization": f"Basic {b64encode(pair).decode('ascii')}"}
        return {}
