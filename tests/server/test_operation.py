"""What the person at the box sees and does, over the control socket of a running CA."""

import pytest
from cryptography import x509

from appliance.model.errors import BadRequest, NotFound
from appliance.model.inventory import CertificateKind, CertificateQuery, CertificateState
from appliance.operator.remote import connected
from tests.server.conftest import Authority, Start


async def test_a_certificate_is_revoked_without_a_token_and_its_renewal_refused(
    start: Start, authority: Authority
) -> None:
    """The row says neither token nor certificate; the journal says that the operator asked."""
    async with start() as appliance:
        signed = await appliance.client.post("/sign", json=authority.request("lost.test"))
        leaf = x509.load_pem_x509_certificate(signed.json()["crt"].encode())
        async with connected(authority.directory / "db") as operator:
            revoke = operator.revoke_certificate
            await revoke(leaf.serial_number, CertificateKind.X509, reason_code=1, reason="stolen")
            with pytest.raises(BadRequest, match="already revoked"):
                await revoke(leaf.serial_number, CertificateKind.X509)
            with pytest.raises(BadRequest, match="reasonCode"):
                await revoke(5, CertificateKind.SSH, reason_code=99)
            for kind in CertificateKind:
                with pytest.raises(NotFound):
                    await revoke(5, kind)
            detail = await operator.certificate(leaf.serial_number)
            told = [each.event for each in await operator.events()]
    assert detail.summary.state is CertificateState.REVOKED
    revocation = detail.summary.revocation
    assert revocation is not None
    assert (revocation.reason_code, revocation.reason, revocation.means) == (1, "stolen", "")
    revoked = next(each for each in told if each.kind == "revoked")
    assert (revoked.subject, revoked.asked_by, revoked.client) == (
        "lost.test", "the operator", "operator",
    )  # fmt: skip


async def test_the_last_hours_are_known_from_before_the_start(
    start: Start, authority: Authority
) -> None:
    async with start() as appliance:
        bodies = [authority.request(name) for name in ("a.test", "b.test")]
        for body in (*bodies, bodies[0]):  # a token that was used
            await appliance.client.post("/sign", json=body)
    async with start() as appliance:
        await appliance.client.post("/sign", json=authority.request("c.test"))
        async with connected(authority.directory / "db") as operator:
            first = await operator.activity()
            again = await operator.activity()
            found = await operator.certificates(CertificateQuery(word="b.te"))
    assert first == again
    assert len(first.hours) == 24
    assert first.known_since == first.hours[0].start
    assert sum(each.issued for each in first.hours) == 3
    assert sum(each.refused for each in first.hours) == len(first.refusals) >= 1
    assert [each.subject for each in found.certificates] == ["b.test"]
