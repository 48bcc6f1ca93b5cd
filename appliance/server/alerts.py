"""Alerts in the running appliance: who is told, by which drivers, and what of the CA's own ends."""

from collections.abc import Iterator

from appliance.authority.alerts.delivery import Addressee
from appliance.authority.alerts.monitor import AlertPolicy, End
from appliance.authority.crl import CrlPublisher
from appliance.authority.trust import Trust, fingerprint
from appliance.config.alert_settings import AlertSettings
from appliance.issuance import parsed, subjects
from appliance.model.validity import Validity
from appliance.server.assembly import Assembly


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
    configured = assembly.settings.alerts.addressees
    if not configured:
        return {}
    from appliance.server import notices  # noqa: PLC0415 - who tells nobody needs no driver

    trust = assembly.trust
    authorities = (*trust.roots, *trust.federated_roots, *trust.intermediates)
    return {
        each.name: Addressee(
            target=notices.opened(each.target, assembly.outbound, authorities),
            least=each.least,
            rules=each.rules,
        )
        for each in configured
    }


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
