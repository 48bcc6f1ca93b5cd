"""The drivers of those who are told of alerts."""

from collections.abc import Sequence
from typing import assert_never

from appliance.config.alert_settings import (
    CommandTarget,
    MailTarget,
    NtfyTarget,
    Target,
    WebhookTarget,
)
from appliance.ports.notices import NoticeTarget
from appliance.ports.outbound import Outbound
from appliance.upstream.command import CommandNotices
from appliance.upstream.notice_webhook import WebhookNotices
from appliance.upstream.ntfy import NtfyNotices
from appliance.upstream.smtp import MailNotices


def opened(target: Target, outbound: Outbound, authorities: Sequence[bytes]) -> NoticeTarget:
    """Open a target; `authorities` (DER) are trusted by those that have TLS of their own."""
    match target:
        case WebhookTarget():
            return WebhookNotices(target, outbound)
        case NtfyTarget():
            return NtfyNotices(target, outbound)
        case MailTarget():
            return MailNotices(target, authorities)
        case CommandTarget():
            return CommandNotices(target)
    assert_never(target)
