"""From what is given to a draft: the provisioner's template, or its default, and the dates."""

from msgspec import Struct

from appliance.issuance import drafts, periods, templated, templates
from appliance.issuance.certificate_json import CertificateJson
from appliance.issuance.drafts import Draft
from appliance.issuance.issuers import Issuer
from appliance.issuance.periods import NOT_PROPOSED, Proposed
from appliance.issuance.subjects import SubjectDefaults
from appliance.issuance.templates import Given
from appliance.model.validity import TimeOrDuration, Validity


class AskedDates(Struct, frozen=True, kw_only=True):
    """The dates that a request asks for."""

    not_before: TimeOrDuration = None
    not_after: TimeOrDuration = None


def drafted(
    given: Given, asked: AskedDates, issuer: Issuer, defaults: SubjectDefaults
) -> tuple[CertificateJson | None, Draft]:
    """Draft a certificate, and say what the template asked for; None for the usual leaf.

    Raises BadRequest and Forbidden for the dates, BadRequest when the template refuses, and Broken
    when it does not work.
    """
    request, grant = given.request, given.grant
    if templates.is_plain_leaf(grant):
        validity = _validity(given, asked, NOT_PROPOSED)
        subject = defaults.subject(grant.subject)
        return None, drafts.leaf(request, grant, subject, validity, issuer)
    wanted = templates.asked_for(given)
    proposed = Proposed(not_before=wanted.not_before, not_after=wanted.not_after)
    draft = templated.draft(
        wanted,
        request,
        _validity(given, asked, proposed),
        issuer,
        defaults=defaults,
        provisioner=grant.provisioner if grant.step_extension else None,
        pointers=() if grant.profile.template else issuer.pointers,
    )
    return wanted, draft


def _validity(given: Given, asked: AskedDates, proposed: Proposed) -> Validity:
    return periods.decide(
        asked.not_before,
        asked.not_after,
        given.grant.lifetimes,
        given.context.now,
        window=given.grant.window,
        proposed=proposed,
    )
