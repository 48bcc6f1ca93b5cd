"""A provisioner's template makes the certificate that step-ca makes of it, octet for octet."""

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from msgspec.structs import replace

from appliance.formats import names
from appliance.formats.gotemplate.library.context import FunctionContext
from appliance.issuance import (
    certificates,
    drafts,
    issuers,
    parsed,
    periods,
    requests,
    templated,
    templates,
)
from appliance.issuance.extensions import STEP_PROVISIONER
from appliance.issuance.grants import DefaultTemplate, Grant
from appliance.issuance.periods import Proposed
from appliance.issuance.profiles import X509Profile
from appliance.issuance.requests import SigningRequest
from appliance.issuance.subjects import SubjectDefaults
from appliance.issuance.templates import Given, Template
from appliance.model.errors import BadRequest, Broken, HearthError
from appliance.model.grants import ProvisionerRef, TokenUse
from appliance.model.validity import Validity
from tests.issuance import record_templates
from tests.issuance.record_templates import as_option, claims_of
from tests.issuance.recorded import LONG, der

RECORDED: dict[str, Any] = json.loads(
    (Path(__file__).parent / "golden" / "templates.json").read_text()
)
CASES: list[dict[str, Any]] = RECORDED["cases"]
ISSUER = issuers.of_certificate(der(RECORDED["intermediate"]))
REQUESTS = {name: requests.read(pem.encode()) for name, pem in RECORDED["requests"].items()}
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
CONTEXT = FunctionContext(now=NOW, entropy=bytes)
DEFAULTS = SubjectDefaults({})
STATUS: dict[type[HearthError], int] = {BadRequest: 400, Broken: 500}


def granted(number: int, profile: X509Profile, claims: dict[str, Any], **more: Any) -> Grant:
    """Give what a JWK provisioner grants for the claims."""
    ref = ProvisionerRef(
        type="JWK",
        name=f"case {number}",
        id=f"case {number}:golden-kid",
        credential_id="golden-kid",
    )
    sans = claims.get("sans") or [claims["sub"]]
    return Grant(
        provisioner=ref,
        subject=claims["sub"],
        common_names=None,
        sans=tuple(names.classify(san) for san in sans),
        lifetimes=LONG,
        token=TokenUse(reuse_key="", raw=""),
        claims=claims,
        profile=profile,
        **more,
    )


def profile_of(case: dict[str, Any]) -> X509Profile:
    """Read the options of a case."""
    data = case.get("data") or {}
    if not isinstance(data, dict):
        return X509Profile(template=Template("", problem="templateData must be an object"))
    return X509Profile(
        template=templates.of_option(as_option(case["template"])), template_data=data
    )


def issued(case: dict[str, Any], number: int, old: Validity | None) -> bytes:
    """Give what is signed; `old` are the dates that were recorded, for cases that set none."""
    request = REQUESTS[case["request"]]
    grant = granted(number, profile_of(case), claims_of(case, f"case {number}", "jti"))
    wanted = templates.asked_for(
        Given(grant=grant, request=request, user=templates.user_data(case.get("user")),
              context=CONTEXT)
    )  # fmt: skip
    asked = case.get("asked", {})
    validity = periods.decide(
        datetime.fromisoformat(asked["notBefore"]) if "notBefore" in asked else None,
        _end(asked.get("notAfter")),
        LONG,
        NOW,
        proposed=Proposed(not_before=wanted.not_before, not_after=wanted.not_after),
    )
    own = "notBefore" in asked or wanted.not_before is not None
    if old is not None and not own:
        end = wanted.not_after or old.not_after
        validity = Validity(not_before=old.not_before, not_after=end)
    return made(templated.draft(wanted, request, validity, ISSUER, defaults=DEFAULTS,
                                provisioner=grant.provisioner), case)  # fmt: skip


def made(draft: drafts.Draft, case: dict[str, Any]) -> bytes:
    """Encode a draft with the serial that was recorded."""
    serial = parsed.parse(base64.b64decode(case["certificate"])).serial if _passed(case) else 1
    return certificates.prepare(draft, ISSUER, serial).to_be_signed


def _passed(case: dict[str, Any]) -> bool:
    return bool(case["status"] == 201)


def _end(text: str | None) -> datetime | timedelta | None:
    if text is None:
        return None
    return timedelta(hours=24) if text == "24h" else datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("number", "case"),
    list(enumerate(CASES)),
    ids=[f"{case['request']}: {case['name']}" for case in CASES],
)
def test_the_certificate_is_step_cas(number: int, case: dict[str, Any]) -> None:
    """The same octets are signed, or the request is refused with the same status."""
    if not _passed(case):
        with pytest.raises((BadRequest, Broken)) as raised:
            issued(case, number, None)
        assert STATUS[type(raised.value)] == case["status"]
        if case["status"] == 400:
            assert raised.value.public in case["message"]
        return
    recorded = base64.b64decode(case["certificate"])
    wanted = x509.load_der_x509_certificate(recorded).tbs_certificate_bytes
    assert issued(case, number, parsed.parse(recorded).validity) == wanted


AUTHORITIES: dict[str, Any] = json.loads(
    (Path(__file__).parent / "golden" / "template_authorities.json").read_text()
)


@pytest.mark.parametrize(
    ("authority", "number"),
    [(each, n) for each in AUTHORITIES["authorities"] for n in range(len(each["cases"]))],
    ids=lambda value: value["name"] if isinstance(value, dict) else str(value),
)
def test_the_certificate_is_step_cas_under_other_authorities(
    authority: dict[str, Any], number: int
) -> None:
    """Keys of other kinds, subject defaults, no step provisioner extension."""
    case = authority["cases"][number]
    request = requests.read(AUTHORITIES["csr"].encode())
    issuer = issuers.of_certificate(der(authority["intermediate"]))
    profile = X509Profile(template=Template(case["template"]))
    grant = granted(number, profile, {"sub": "leaf.example"})

    def made_by(old: Validity) -> drafts.Draft:
        return templated.draft(
            templates.asked_for(Given(grant=grant, request=request, context=CONTEXT)),
            request,
            old,
            issuer,
            defaults=SubjectDefaults(authority["subjectDefaults"]),
            provisioner=grant.provisioner if authority["stepExtension"] else None,
        )

    if not _passed(case):
        with pytest.raises(Broken):
            made_by(DAY)
        return
    old = parsed.parse(base64.b64decode(case["certificate"]))
    prepared = certificates.prepare(made_by(old.validity), issuer, old.serial)
    recorded = x509.load_der_x509_certificate(old.der)
    assert prepared.to_be_signed == recorded.tbs_certificate_bytes


@pytest.mark.parametrize("request_name", REQUESTS)
@pytest.mark.parametrize("default", DefaultTemplate)
def test_a_default_template_and_its_compiled_form_give_the_same(
    request_name: str, default: DefaultTemplate
) -> None:
    request = REQUESTS[request_name]
    claims = {"sub": "leaf.example", "sans": ["b.example", "10.0.0.1", "joe@example.com", "urn:x"]}
    text = {
        DefaultTemplate.LEAF: templates.LEAF_TEXT,
        DefaultTemplate.ADMIN_LEAF: templates.ADMIN_LEAF_TEXT,
        DefaultTemplate.SERVER_LEAF: templates.SERVER_LEAF_TEXT,
        DefaultTemplate.CLIENT_LEAF: templates.ATTESTED_LEAF_TEXT,
        DefaultTemplate.ATTESTED_LEAF: templates.ATTESTED_LEAF_TEXT,
    }[default]
    device = "device-1" if default is DefaultTemplate.ATTESTED_LEAF else ""
    compiled, written = (
        replace(granted(1, profile, claims, default=default), permanent_identifier=device)
        for profile in (X509Profile(), X509Profile(template=Template(text)))
    )
    assert _drafted(compiled, request) == _drafted(written, request)
    if templates.is_plain_leaf(compiled):
        subject = DEFAULTS.subject(compiled.subject)
        leaf, same = (
            drafts.leaf(request, compiled, subject, DAY, ISSUER),
            _drafted(compiled, request),
        )
        assert (leaf.subject, leaf.extensions) == (same.subject, same.extensions)


DAY = Validity(not_before=NOW, not_after=NOW + timedelta(days=1))


def _drafted(grant: Grant, request: SigningRequest) -> drafts.Draft:
    wanted = templates.asked_for(Given(grant=grant, request=request, context=CONTEXT))
    return templated.draft(
        wanted, request, DAY, ISSUER, defaults=DEFAULTS, provisioner=grant.provisioner
    )


def test_data_of_the_configuration_reaches_the_default_template() -> None:
    profile = X509Profile(template_data={"Subject": {"commonName": "replaced"}})
    grant = granted(1, profile, {"sub": "leaf.example"})
    assert not templates.is_plain_leaf(grant)
    assert _drafted(grant, REQUESTS["plain"]).common_name == "replaced"


def test_data_of_the_request_does_not_reach_the_default_template() -> None:
    grant = granted(1, X509Profile(), {"sub": "leaf.example"})
    given = Given(grant=grant, request=REQUESTS["plain"], user={"x": 1}, context=CONTEXT)
    assert "User" not in templates.data(given)["Insecure"]


def test_what_webhooks_answered_joins_the_data() -> None:
    template = Template('{"subject": {{ toJson .Webhooks.one.name }}}')
    profile = X509Profile(template=template, template_data={"Webhooks": {"two": 2}})
    grant = granted(1, profile, {"sub": "leaf.example"})
    given = Given(
        grant=grant,
        request=REQUESTS["plain"],
        webhooks={"one": {"name": "from a webhook"}},
        context=CONTEXT,
    )
    assert templates.asked_for(given).subject.common_name == "from a webhook"
    assert templates.data(given)["Webhooks"]["two"] == 2.0


def test_the_time_of_one_rendering_is_not_that_of_the_next() -> None:
    """Templates are parsed once; what looks at the clock must not be."""
    template = Template('{"subject": {{ now | date "2006" | toJson }}}')
    later = FunctionContext(now=NOW + timedelta(days=400), entropy=bytes)
    assert template.render({}, CONTEXT) == '{"subject": "2026"}'
    assert template.render({}, later) == '{"subject": "2027"}'


def test_with_no_extension_to_give_a_templates_own_copy_passes() -> None:
    """As step-ca has it with disableSmallstepExtensions."""
    copy = '{"extensions": [{"id": "' + STEP_PROVISIONER + '", "value": "BQA="}]}'
    grant = granted(1, X509Profile(template=Template(copy)), {"sub": "leaf.example"})
    given = Given(grant=grant, request=REQUESTS["plain"], context=CONTEXT)
    draft = templated.draft(
        templates.asked_for(given),
        REQUESTS["plain"],
        DAY,
        ISSUER,
        defaults=DEFAULTS,
        provisioner=None,
    )
    assert [each.value for each in draft.extensions if each.oid == STEP_PROVISIONER] == [b"\x05\0"]


def test_what_the_configuration_says_of_every_subject_fills_what_is_empty() -> None:
    template = Template('{"subject": {"commonName": "kept", "organization": "kept"}}')
    grant = granted(1, X509Profile(template=template), {"sub": "leaf.example"})
    draft = templated.draft(
        templates.asked_for(Given(grant=grant, request=REQUESTS["plain"], context=CONTEXT)),
        REQUESTS["plain"],
        DAY,
        ISSUER,
        defaults=SubjectDefaults({"country": "CH", "organization": "no", "commonName": "no"}),
        provisioner=grant.provisioner,
    )
    assert b"CH" in draft.subject
    assert b"no" not in draft.subject


@pytest.mark.reference
def test_every_outcome_is_as_recorded(tmp_path: Path) -> None:
    """step-ca still answers so."""
    played = record_templates.record_templates(tmp_path)["cases"]
    assert [(case["name"], case["status"]) for case in played] == [
        (case["name"], case["status"]) for case in CASES
    ]
