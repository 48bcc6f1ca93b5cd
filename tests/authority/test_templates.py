"""A provisioner's template at work in the authority: what it issues, refuses, records and tells."""

from typing import Any

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from appliance.authority.x509 import SignRequest
from appliance.authority.x509_recording import Issued
from appliance.model.errors import BadRequest, Broken, Conflict, Forbidden
from appliance.model.grants import Credential
from tests.authority.ours import OurTarget
from tests.authority.scenarios import Ask, provisioners
from tests.support.authority import CONTEXT, START, Appliance
from tests.support.requests import key_of

TEMPLATE = """{
  "subject": {"commonName": {{ toJson .Insecure.User.name }}, "organization": "Templated"},
  "dnsNames": ["other.example"],
  "extKeyUsage": "clientAuth"
}"""


def appliance(template: str, **more: Any) -> Appliance:
    """Make an authority whose first provisioner, `admin`, has the template."""
    options = {"x509": {"template": template}}
    first, *others = provisioners()
    return Appliance(entries=[{**first, "options": options}, *others], **more)


def request(app: Appliance, **more: Any) -> SignRequest:
    ask = Ask(target=OurTarget(app), name="host.example", key=key_of("P-256"))
    return SignRequest(csr=ask.csr().encode(), token=ask.token(), context=CONTEXT, **more)


def loaded(issued: Issued) -> x509.Certificate:
    return x509.load_der_x509_certificate(issued.certificate)


async def test_a_template_decides_and_what_it_issued_is_recorded_and_told() -> None:
    """Names are those of the certificate, not those that the token granted."""
    app = appliance(TEMPLATE)
    issued = await app.x509.sign(request(app, template_data={"name": "from the request"}))
    certificate = loaded(issued)
    (name,) = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    assert name.value == "from the request"
    assert (issued.subject, issued.sans) == ("from the request", ("other.example",))
    assert issued.serial == certificate.serial_number


async def test_a_template_that_fails_refuses_with_its_own_words_and_spends_the_token() -> None:
    app = appliance('{ {{ fail "not for you" }} }')
    asked = request(app)
    with pytest.raises(BadRequest, match=r"^not for you$"):
        await app.x509.sign(asked)
    assert "not for you" in app.events[-1].reason
    with pytest.raises(Exception, match="token"):
        await app.x509.sign(asked)


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ('{"subject": {{ .Subject.CommonName }} }', "not JSON"),
        ('{"subject": {{ toJson .Subject }', "template"),
        ('{"subject": {{ .Subject.Nothing }} }', "Nothing"),
        ('{"keyUsage": "everything"}', "keyUsage"),
        ('{"serialNumber": 0}', "serial number must be positive"),
        ('{"signatureAlgorithm": "ECDSA-SHA1"}', "too weak"),
        ('{"signatureAlgorithm": "SHA256-RSA"}', "cannot sign with"),
    ],
)
async def test_a_template_that_does_not_work_is_the_cas_fault(template: str, reason: str) -> None:
    """The client learns that it failed, the log why."""
    app = appliance(template)
    with pytest.raises(Broken) as raised:
        await app.x509.sign(request(app))
    assert raised.value.public == "error applying certificate template"
    assert reason in raised.value.detail
    assert reason in app.events[-1].reason


async def test_dates_of_a_template_hold_where_the_request_asks_for_none() -> None:
    end = START.replace(hour=18, minute=0, second=0, microsecond=0)
    app = appliance(f'{{"notAfter": "{end:%Y-%m-%dT%H:%M:%SZ}"}}')
    assert (await app.x509.sign(request(app))).validity.not_after == end


async def test_dates_of_a_template_are_held_to_the_claims() -> None:
    app = appliance('{"notAfter": "2030-01-01T00:00:00Z"}')
    with pytest.raises(Forbidden, match="more than the authorized maximum"):
        await app.x509.sign(request(app))


async def test_a_serial_number_of_a_template_is_issued_once() -> None:
    """step-ca issues it again and again, and loses the record of the former each time."""
    app = appliance('{"serialNumber": "0x1234"}')
    first = await app.x509.sign(request(app))
    assert first.serial == 0x1234 == loaded(first).serial_number
    with pytest.raises((Broken, Conflict)):
        await app.x509.sign(request(app))


async def test_another_signature_algorithm_of_the_same_key() -> None:
    app = appliance('{"signatureAlgorithm": "ECDSA-SHA384"}')
    algorithm = loaded(await app.x509.sign(request(app))).signature_hash_algorithm
    assert algorithm is not None
    assert algorithm.name == "sha384"


async def test_a_certificate_of_a_template_is_renewed_with_all_that_it_has() -> None:
    extension = '{"id": "1.2.3.4", "value": "BQA="}'
    app = appliance(f'{{"subject": "a", "extensions": [{extension}]}}')
    issued = await app.x509.sign(request(app))
    shown = Credential(certificate=issued.certificate, chain=issued.chain)
    renewed = loaded(await app.x509.renew(shown, CONTEXT))
    kept = renewed.extensions.get_extension_for_oid(x509.ObjectIdentifier("1.2.3.4"))
    assert kept.value.public_bytes() == b"\x05\0"


async def test_what_webhooks_and_policies_do_not_see_cannot_slip_in_raw() -> None:
    """Names in a raw extension count as names of the certificate, unlike in step-ca."""
    names = '{"id": "2.5.29.17", "value": "MAuCCWIuZXhhbXBsZQ=="}'
    app = appliance(f'{{"subject": "a", "dnsNames": "a.example", "extensions": [{names}]}}')
    assert (await app.x509.sign(request(app))).sans == ("b.example",)
