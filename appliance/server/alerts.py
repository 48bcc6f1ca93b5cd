"""Alerts in the running appliance: who is told, by which drivers, and what of the CA's own ends."""

from collections.abc import Iterator, Sequence
from typing import assert_never

from appliance.authority.alerts.delivery import Addressee
from appliance.authority.alerts.monitor import AlertPolicy, End
from appliance.authority.crl import CrlPublisher
from appliance.authority.trust import Trust, fingerprint
from appliance.config.alert_settings import (
    AlertSettings,
    CommandTarget,
    MailTarget,
    NtfyTarget,
    Target,
    WebhookTarget,
)
from appliance.issuance import parsed, subjects
from appliance.model.validity import Validity
from appliance.ports.notices import NoticeTarget
from appliance.ports.outbound import Outbound
from appliance.server.assembly import Assembly
from appliance.upstream.command import CommandNotices
from appliance.upstream.notice_webhook import WebhookNotices
from appliance.upstream.ntfy import NtfyNotices
from appliance.upstream.smtp import MailNotices


def policy(assembly: Assembly) -> AlertPolicy:
    """Give what a configuration wants to be watched."""
    settings: AlertSettings = assembly.settings.alerts
    issuer = parsed.parse(assembly.trust.intermediates[0])
    return AlertPolicy(
        authority=subjects.common_name(issuer.subject),
        watches=settings.watches,
        burst=settings.burst,
        disabled=settings.disabled,
        holds=settings.holds,
    )


def addressees(assembly: Assembly) -> dict[str, Addressee]:
    """Open the targets of a configuration; none is asked before there is something to tell."""
    trust = assembly.trust
    authorities = (*trust.roots, *trust.federated_roots, *trust.intermediates)
    return {
        each.name: Addressee(
            target=_opened(each.target, assembly.outbound, authorities),
            least=each.least,
            rules=each.rules,
        )
        for each in assembly.settings.alerts.addressees
    }


def _opened(target: Target, outbound: Outbound, authorities: Sequence[bytes]) -> NoticeTarget:
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


def ends(assembly: Assembly, own: Validity | None, lists: CrlPublisher) -> Iterator[End]:
    """Say what of the CA's own ends when; None: it should be there and is not."""
    yield from _certificates(assembly.trust)
    yield "own-certificate", own
    if assembly.responder is not None:
        for name, validity in assembly.responder.delegates():
            yield _named("ocsp-responder", name), validity
    if lists.plan is not None:
        for name, validity in lists.validities():
            yield _named("crl", name), validity


def _certificates(trust: Trust) -> Iterator[End]:
    for subject, certificates in (("root", trust.roots), ("intermediate", trust.intermediates)):
        for der in certificates:
            certificate = parsed.parse(der)
            name = subjects.common_name(certificate.subject)
            yield f"{subject}:{name} {fingerprint(der)[:8]}", certificate.validity


def _named(subject: str, name: str) -> str:
    return f"{subject}:{name}" if name else subject
