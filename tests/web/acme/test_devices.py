"""A certificate for a device that attests its key, from the order to the download."""

import base64
from typing import Any

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from appliance.authority.acme.looking import Probes
from appliance.authority.acme.validation import Validation
from appliance.formats import pem
from appliance.stores.memory import MemoryStore
from appliance.upstream.connecting import Connecting
from appliance.upstream.dns_probe import DnsClient
from appliance.upstream.http_probe import HttpClient
from appliance.upstream.tls_probe import TlsClient
from tests.support import attesting
from tests.support.acme_by_hand import AcmeWorld, Answer, Client, csr, new_key, thumbprint
from tests.support.attesting import Vendor
from tests.support.authority import START, RecordedEvents, StandingClock, SystemChance

VENDOR = Vendor(now=START)
ROOTS = pem.encode("CERTIFICATE", VENDOR.root).encode()
ENTRY = {
    "type": "ACME",
    "name": "acme",
    "challenges": ["device-attest-01"],
    "attestationRoots": base64.b64encode(ROOTS).decode(),
}


async def world(**options: Any) -> Client:
    store, clock = MemoryStore(), StandingClock()
    connecting = Connecting()
    validation: Any = Validation(
        store=store,
        clock=clock,
        chance=SystemChance(),
        events=RecordedEvents(),
        probes=Probes(http=HttpClient(connecting), dns=DnsClient(), tls=TlsClient(connecting)),
    )
    made = AcmeWorld(
        entries=({**ENTRY, **options},), store=store, clock=clock, validator=validation
    )
    return await made.client()


async def attested(client: Client, key: ec.EllipticCurvePrivateKey) -> dict[str, Any]:
    """Order for a device, and let it attest the key by a TPM."""
    identifier = {"type": "permanent-identifier", "value": "device-1"}
    made = await client.post(client.directory["newOrder"], {"identifiers": [identifier]})
    authorization = (await client.post(made.json["authorizations"][0])).json
    (challenge,) = authorization["challenges"]
    words = f"{challenge['token']}.{thumbprint(client.key)}"
    statement = attesting.tpm(VENDOR, key.public_key(), words, "device-1")
    answer = msgspec.json.decode(attesting.payload("tpm", statement))
    settled = await client.post(challenge["url"], answer)
    assert settled.json["status"] == "valid", settled
    order: dict[str, Any] = made.json
    return order


async def finalized(client: Client, order: dict[str, Any], key: Any, **request: str) -> Answer:
    return await client.finalize(order, csr(key=key, **request))


@pytest.mark.parametrize("common_name", ["", "device-1"])
async def test_an_attested_key_gets_a_clients_certificate_with_its_identifier(
    common_name: str,
) -> None:
    client, key = await world(), ec.generate_private_key(ec.SECP256R1())
    order = await attested(client, key)
    done = await finalized(client, order, key, common_name=common_name)
    assert done.status == 200, done
    chain = await client.post(done.json["certificate"])
    leaf = x509.load_pem_x509_certificates(chain.body)[0]
    purposes = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(purposes) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    (name,) = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert isinstance(name, x509.OtherName)
    assert name.type_id.dotted_string == "1.3.6.1.5.5.7.8.3"
    assert b"device-1" in name.value
    assert leaf.public_key() == key.public_key()


async def test_another_key_than_the_attested_one_gets_none() -> None:
    client, key = await world(), ec.generate_private_key(ec.SECP256R1())
    order = await attested(client, key)
    answer = await finalized(client, order, new_key())
    assert answer.problem == "unauthorized"


async def test_a_device_cannot_take_another_name() -> None:
    client, key = await world(), ec.generate_private_key(ec.SECP256R1())
    order = await attested(client, key)
    answer = await finalized(client, order, key, common_name="device-2")
    assert answer.problem == "badCSR"


async def test_a_format_that_the_provisioner_does_not_list_is_not_believed() -> None:
    """`attestationFormats`."""
    client, key = await world(attestationFormats=["apple", "Step"]), new_key()
    with pytest.raises(AssertionError, match="badAttestationStatement"):
        await attested(client, key)
    client = await world(attestationFormats=["TPM"])
    assert await attested(client, key)
