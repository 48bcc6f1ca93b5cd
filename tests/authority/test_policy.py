"""Where policies stand on the way of a certificate: before issuing, not before renewal."""

from typing import Any

import pytest

from appliance.authority.x509 import SignRequest
from appliance.issuance.policy import NamePolicy
from appliance.model.errors import Forbidden
from appliance.model.events import EventKind
from appliance.model.grants import Credential
from tests.authority.ours import OurTarget
from tests.authority.scenarios import Ask, provisioners
from tests.support.authority import CONTEXT, Appliance


def appliance(policy: NamePolicy | None = None, **x509: Any) -> Appliance:
    admin, *_ = provisioners()
    return Appliance(entries=[admin | {"options": {"x509": x509}}], policy=policy)


def request(ask: Ask, **claims: Any) -> SignRequest:
    csr = ask.csr(sans=[])
    return SignRequest(csr=csr.encode(), token=ask.token(**claims), context=CONTEXT)


DENY_HOST = NamePolicy.compile({}, {"dns": ["host.example"]}, place="authority.policy.x509")


async def test_a_refusal_is_told_with_name_and_rule_and_uses_up_the_token() -> None:
    app = appliance(DENY_HOST)
    asked = request(Ask(target=OurTarget(app)))
    with pytest.raises(Forbidden, match=r'"host\.example" not allowed by authority\.policy\.x509'):
        await app.x509.sign(asked)
    (event,) = app.events
    assert event.kind is EventKind.REFUSED
    assert 'deny.dns has "host.example"' in event.reason
    with pytest.raises(Exception, match="used"):
        await app.x509.sign(asked)


async def test_the_provisioners_policy_comes_before_the_authoritys() -> None:
    app = appliance(DENY_HOST, allow={"dns": ["other.example"]})
    with pytest.raises(Forbidden, match=r"by options\.x509: no rule in allow\.dns"):
        await app.x509.sign(request(Ask(target=OurTarget(app))))


@pytest.mark.parametrize(
    "template",
    [
        '{"subject": "host.example"}',
        '{"dnsNames": ["a.example", "host.example"]}',
        '{"sans": [{"type": "dns", "value": "HOST.example"}]}',
        # a SubjectAltName octet by octet, which step-ca's policies do not look into
        '{"extensions": [{"id": "2.5.29.17", "value": "MA6CDGhvc3QuZXhhbXBsZQ=="}]}',
        # the same beside a name of a kind that policies know nothing of
        '{"sans": [{"type": "permanentIdentifier", "value": "1"},'
        ' {"type": "dns", "value": "host.example"}]}',
    ],
)
async def test_what_a_template_adds_is_judged_too(template: str) -> None:
    """The names of the certificate count, wherever they come from."""
    app = appliance(DENY_HOST, template=template)
    ask = Ask(target=OurTarget(app), name="good.example")
    with pytest.raises(Forbidden, match=r'(?i)"host\.example" not allowed'):
        await app.x509.sign(request(ask))


async def test_a_renewal_keeps_its_names_whatever_the_policy_says_by_then() -> None:
    """As in step-ca: a policy is for new certificates."""
    app = appliance()
    ask = Ask(target=OurTarget(app))
    issued = await app.x509.sign(request(ask))
    later = Appliance(entries=app.entries, store=app.store, policy=DENY_HOST)
    credential = Credential(certificate=issued.certificate, chain=issued.chain)
    assert (await later.x509.renew(credential, CONTEXT)).subject == "host.example"
    rekeyed = await later.x509.rekey(credential, ask.csr().encode(), CONTEXT)
    assert rekeyed.subject == "host.example"
