"""Revocation leaves a row and an event, and needs somewhere to be remembered."""

import pytest

from appliance.authority import records
from appliance.authority.revocation import RevokeRequest
from appliance.model.errors import BadRequest, NotSupported, Unauthorized
from appliance.model.events import EventKind
from appliance.model.grants import Credential
from tests.authority.ours import OurTarget
from tests.authority.scenarios import URL, Ask, provisioners, serial_of
from tests.support.authority import CONTEXT, Appliance


def revoke_request(ask: Ask, serial: str, *, token: str | None = None) -> RevokeRequest:
    chosen = ask.token(sub=serial, aud=f"{URL}/revoke") if token is None else token
    return RevokeRequest(
        serial=serial, token=chosen, reason_code=1, reason="lost", passive=True, context=CONTEXT
    )


@pytest.fixture
def appliance() -> Appliance:
    return Appliance(entries=provisioners())


async def test_it_is_told_with_what_is_known_of_the_certificate(appliance: Appliance) -> None:
    ask = Ask(target=OurTarget(appliance))
    serial = serial_of(await ask.issued())
    assert await appliance.revocation.revoke(revoke_request(ask, serial)) == int(serial)
    event = appliance.events[-1]
    assert (event.kind, event.operation) == (EventKind.REVOKED, "revoke")
    assert (event.serial, event.subject) == (int(serial), "host.example")
    assert (event.provisioner, event.reason) == ("admin", "lost")
    assert await records.is_revoked(appliance.store, int(serial))


async def test_certificates_of_others_are_revoked_unseen(appliance: Appliance) -> None:
    ask = Ask(target=OurTarget(appliance))
    await appliance.revocation.revoke(revoke_request(ask, "42"))
    assert await records.is_revoked(appliance.store, 42)
    assert appliance.events[-1].subject == ""


async def test_without_a_database_nothing_can_be_revoked() -> None:
    appliance = Appliance(entries=provisioners(), persistent=False)
    ask = Ask(target=OurTarget(appliance))
    with pytest.raises(NotSupported, match="db"):
        await appliance.revocation.revoke(revoke_request(ask, "42"))


async def test_a_certificate_revokes_itself_though_its_provisioner_is_gone(
    appliance: Appliance,
) -> None:
    chain = await Ask(target=OurTarget(appliance)).issued("plain")
    other = Appliance(entries=[{"type": "ACME", "name": "acme"}], store=appliance.store)
    outcome = await OurTarget(other).revoke(
        {"serial": serial_of(chain), "ott": "", "reasonCode": 0, "reason": "", "passive": True},
        (chain, Ask(target=OurTarget(other)).key),
    )
    assert outcome.status == 200


async def test_an_expired_certificate_revokes_nothing(appliance: Appliance) -> None:
    ask = Ask(target=OurTarget(appliance))
    chain = await ask.issued()
    appliance.clock.advance(90_000)
    body = {"serial": serial_of(chain), "ott": "", "reasonCode": 0, "reason": "", "passive": True}
    assert (await OurTarget(appliance).revoke(body, (chain, ask.key))).status == 401


async def test_a_junk_certificate_revokes_nothing(appliance: Appliance) -> None:
    request = RevokeRequest(
        serial="1",
        token="",
        passive=True,
        credential=Credential(certificate=b"junk", chain=()),
        context=CONTEXT,
    )
    with pytest.raises(Unauthorized):
        await appliance.revocation.revoke(request)


async def test_a_token_of_a_refused_revocation_is_spent(appliance: Appliance) -> None:
    ask = Ask(target=OurTarget(appliance))
    token = ask.token(sub="7", aud=f"{URL}/revoke")
    await appliance.revocation.revoke(revoke_request(ask, "7"))
    with pytest.raises(BadRequest, match="already revoked"):
        await appliance.revocation.revoke(revoke_request(ask, "7", token=token))
    with pytest.raises(Unauthorized, match="used before"):
        await appliance.revocation.revoke(revoke_request(ask, "7", token=token))
