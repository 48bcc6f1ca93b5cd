"""Every option of a provisioner of type ACME has its effect on ACME's orders.

Others are where what they are about is: `challenges` and `forceCN` in test_orders, `termsOfService`
in test_accounts, `website` and `caaIdentities` in test_requests, `requireEAB` in
test_external_accounts, attestation in test_devices, profiles in test_profiles.
"""

import base64
import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from appliance.issuance.parsed import parse
from appliance.model.errors import Unauthorized
from tests.support.acme_by_hand import ACME_ENTRY, AcmeWorld, csr
from tests.support.webhooks import Outside, Reply

STEP_EXTENSION = x509.ObjectIdentifier("1.3.6.1.4.1.37476.9000.64.1")
HOOK = "https://hooks.example/names"


def world_of(**members: Any) -> AcmeWorld:
    return AcmeWorld(entries=[{**ACME_ENTRY, **members}])


async def issued(world: AcmeWorld, name: str = "a.example") -> x509.Certificate:
    return (await (await world.client()).issue(name))[0]


def length(certificate: x509.Certificate) -> timedelta:
    return certificate.not_valid_after_utc - certificate.not_valid_before_utc


# ---- claims


async def test_the_claims_say_how_long_certificates_last() -> None:
    claims = {"defaultTLSCertDuration": "2h", "minTLSCertDuration": "1h"}
    world = world_of(claims=claims)
    assert length(await issued(world)) == timedelta(hours=2, minutes=1)
    client, now = await world.client(), world.clock.now()
    for hours, status in ((0.5, 400), (1, 201), (24, 201), (25, 400)):
        until = (now + timedelta(hours=hours)).isoformat()
        answer = await client.order("a.example", notBefore=now.isoformat(), notAfter=until)
        assert answer.status == status, hours
        if status != 201:
            assert "certificate duration" in answer.json["detail"]


@pytest.mark.parametrize("disabled", [False, True])
async def test_step_s_extension_is_left_out_where_the_claims_say_so(*, disabled: bool) -> None:
    found = await issued(world_of(claims={"disableSmallstepExtensions": disabled}))
    assert (STEP_EXTENSION in {each.oid for each in found.extensions}) == (not disabled)


async def test_what_acme_issued_is_renewed_unless_the_claims_forbid_it() -> None:
    for disabled in (False, True):
        world = world_of(claims={"disableRenewal": disabled})
        provisioner = world.appliance.x509.registry.by_name("acme")
        assert provisioner is not None
        validity = parse((await issued(world)).public_bytes(Encoding.DER)).validity
        if disabled:
            with pytest.raises(Unauthorized):
                provisioner.authorize_renewal(validity, world.clock.now())
        else:
            provisioner.authorize_renewal(validity, world.clock.now())


# ---- options


async def test_the_template_makes_the_certificate() -> None:
    template = '{"subject": {"organization": "{{ .who }}"}, "sans": {{ toJson .SANs }}}'
    encoded = base64.b64encode(template.encode()).decode()
    for written in (template, encoded):
        x509_options = {"template": written, "templateData": {"who": "Home"}}
        found = await issued(world_of(options={"x509": x509_options}))
        assert found.subject.rfc4514_string() == "O=Home"


async def test_a_template_that_refuses_is_told_by_a_problem() -> None:
    options = {"x509": {"template": '{{ fail "not today" }}'}}
    client = await world_of(options=options).client()
    order = (await client.order("a.example")).json
    await client.authorize(order)
    answer = await client.finalize(order, csr("a.example"))
    assert (answer.status, answer.json["detail"]) == (400, "not today")


@pytest.mark.parametrize(
    "rules", [{"deny": {"dns": ["b.example"]}}, {"allow": {"dns": ["a.example"]}}]
)
async def test_the_provisioner_s_policy_holds_against_orders(rules: Mapping[str, Any]) -> None:
    world = world_of(options={"x509": rules})
    await issued(world, "a.example")
    answer = await (await world.client()).order("a.example", "b.example")
    assert (answer.problem, answer.status) == ("rejectedIdentifier", 400)
    assert answer.json["subproblems"][0]["identifier"] == {"type": "dns", "value": "b.example"}


async def test_webhooks_are_asked_and_their_no_is_told() -> None:
    def hooked(allowed: bool) -> tuple[AcmeWorld, Outside]:
        outside = Outside({HOOK: [Reply(body=json.dumps({"allow": allowed}).encode())]})
        hook = {"id": "1", "name": "names", "url": HOOK, "kind": "AUTHORIZING", "secret": "a2V5"}
        entry = {**ACME_ENTRY, "options": {"webhooks": [hook]}}
        return AcmeWorld(entries=[entry], outbound=outside), outside

    world, outside = hooked(allowed=True)
    await issued(world)
    (asked,) = outside.sent
    told = json.loads(asked.body)["x509Certificate"]["sans"]
    assert told == [{"type": "dns", "value": "a.example"}]
    world, _ = hooked(allowed=False)
    client = await world.client()
    order = (await client.order("a.example")).json
    await client.authorize(order)
    answer = await client.finalize(order, csr("a.example"))
    assert (answer.status, answer.problem) == (403, "unauthorized")
