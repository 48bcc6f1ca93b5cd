"""A certificate by ACME, from the account to the download, and what does not get one."""

from cryptography import x509

from appliance.model.events import EventKind
from tests.support.acme import AcmeWorld


async def test_a_whole_order_ends_with_a_certificate_for_its_names() -> None:
    world = AcmeWorld()
    client = await world.client()
    leaf, issuer = await client.issue("nas.example", "10.0.0.9")
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(each.value) for each in names] == ["nas.example", "10.0.0.9"]
    leaf.verify_directly_issued_by(issuer)
    event = world.appliance.events[-1]
    assert (event.kind, event.provisioner) == (EventKind.ISSUED, "acme")
