"""What step-ca's default templates say is the same as text and compiled."""

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from appliance.formats.gotemplate.library.context import FunctionContext
from appliance.formats.ssh import keys
from appliance.issuance.ssh import accounts, certificate_json, drafts, templates
from appliance.issuance.ssh.grants import SshDefaultTemplate, SshGrant, SshLifetimes
from appliance.issuance.ssh.profiles import SshProfile
from appliance.issuance.ssh.requests import SshSigningRequest
from appliance.issuance.ssh.templates import SshGiven
from appliance.issuance.templates import Template
from appliance.model.errors import BadRequest, Broken
from appliance.model.grants import ProvisionerRef
from appliance.model.ssh import CertificateType
from appliance.model.validity import Lifetimes
from tests.support.openssh import new_key

SPAN = Lifetimes(
    shortest=timedelta(minutes=5), longest=timedelta(days=1), default=timedelta(hours=16),
    backdate=timedelta(minutes=1),
)  # fmt: skip
CONTEXT = FunctionContext(now=datetime(2026, 11, 21, 12, tzinfo=UTC), entropy=bytes)
KEY = keys.of_key(new_key().public_key())


def given(
    default: SshDefaultTemplate, kind: CertificateType, principals: tuple[str, ...] | None
) -> SshGiven:
    grant = SshGrant(
        provisioner=ProvisionerRef(type="JWK", name="p", id="p"),
        subject="jane",
        token=None,
        lifetimes=SshLifetimes(user=SPAN, host=SPAN),
        type=kind,
        key_id='j"äne',
        principals=principals,
        default=default,
    )
    asked = SshSigningRequest(
        public_key=KEY, type=kind.label, key_id="asked", principals=("x", "y")
    )
    return SshGiven(grant=grant, request=asked, context=CONTEXT)


@pytest.mark.parametrize("principals", [None, (), ("jane",), ("jane", "<jane@x.y>")])
@pytest.mark.parametrize("kind", CertificateType)
@pytest.mark.parametrize("default", SshDefaultTemplate)
def test_both_forms_of_a_default_template_make_the_same(
    default: SshDefaultTemplate, kind: CertificateType, principals: tuple[str, ...] | None
) -> None:
    one = given(default, kind, principals)
    if default is not SshDefaultTemplate.GRANTED:  # their data is a user's, or a host's as here
        one = replace(one, grant=replace(one.grant, type=kind))
    text = templates.DEFAULTS[default].render(templates.data(one), CONTEXT)
    assert certificate_json.read(text) == drafts.by_default(one.request, one.grant)


def test_a_template_that_refuses_says_so_in_its_own_words() -> None:
    profile = SshProfile(template=Template('{{ fail "not today" }}'))
    one = given(SshDefaultTemplate.GRANTED, CertificateType.USER, ("jane",))
    with pytest.raises(BadRequest, match=r"^not today$"):
        templates.asked_for(replace(one, grant=replace(one.grant, profile=profile)))


def test_dates_before_1970_are_refused() -> None:
    """step-ca drops the connection."""
    text = '{"type": "user", "keyId": "k", "validAfter": "1969-12-31T23:59:59Z"}'
    profile = SshProfile(template=Template(text))
    one = given(SshDefaultTemplate.GRANTED, CertificateType.USER, ("jane",))
    with pytest.raises(Broken):
        templates.asked_for(replace(one, grant=replace(one.grant, profile=profile)))


@pytest.mark.parametrize(
    ("email", "principals"),
    [
        ("joe.doe+x@b.c", ("joedoe_x", "joe.doe+x", "joe.doe+x@b.c")),
        ("jane@b.c", ("jane", "jane@b.c")),
        ("@b.c", ("@b.c",)),
        ("jane", ("jane",)),
        ("a@b@c", ("a_b", "a@b", "a@b@c")),
    ],
)
def test_an_address_makes_the_names_of_accounts(email: str, principals: tuple[str, ...]) -> None:
    assert accounts.of_email(email) == principals
