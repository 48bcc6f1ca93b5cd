"""Other chains of a certificate, where issuers are cross-signed (RFC 8555 7.4.2)."""

from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from appliance.authority.acme.chains import Chains
from appliance.authority.trust import Trust
from appliance.issuance.acme.alternates import alternates
from tests.support.acme_by_hand import AcmeWorld, Answer, Client, csr
from tests.support.authority import START, shared_hierarchy

OLD = ec.generate_private_key(ec.SECP256R1())
OLDER = ec.generate_private_key(ec.SECP256R1())


def certified(
    subject: x509.Name, key: ec.EllipticCurvePublicKey, issuer: str, by: ec.EllipticCurvePrivateKey
) -> bytes:
    """A CA certificate of a name and key, by whomever."""
    named = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)])
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .public_key(key)
        .issuer_name(named)
        .serial_number(x509.random_serial_number())
        .not_valid_before(START - timedelta(days=2))
        .not_valid_after(START + timedelta(days=900))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(by, hashes.SHA256())
        .public_bytes(Encoding.DER)
    )


def root(name: str, key: ec.EllipticCurvePrivateKey) -> bytes:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    return certified(subject, key.public_key(), name, key)


def twin(certificate: bytes, issuer: str, by: ec.EllipticCurvePrivateKey) -> bytes:
    """The same CA, signed by another one."""
    loaded = x509.load_der_x509_certificate(certificate)
    key = loaded.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    return certified(loaded.subject, key, issuer, by)


PKI = shared_hierarchy()
USUAL = PKI.issuer.certificate
OLD_ROOT, OLDER_ROOT = root("Old Root", OLD), root("Older Root", OLDER)
CROSSED = twin(USUAL, "Old Root", OLD)
CROSSED_ROOT = twin(PKI.root, "Old Root", OLD)
OLD_BY_OLDER = twin(OLD_ROOT, "Older Root", OLDER)


def crossed(*intermediates: bytes, roots: tuple[bytes, ...] = (PKI.root, OLD_ROOT)) -> AcmeWorld:
    world = AcmeWorld()
    trust = Trust(roots=roots, intermediates=[USUAL, *intermediates])
    world.serve(replace(world.endpoints, chains=Chains(trust=trust)))
    return world


async def downloaded(client: Client) -> tuple[str, Answer]:
    order = (await client.order("a.example")).json
    await client.authorize(order)
    url = (await client.finalize(order, csr("a.example"))).json["certificate"]
    return url, await client.post(url)


def others(answer: Answer) -> list[str]:
    found = [each for each in answer.all("link") if 'rel="alternate"' in each]
    return [each.partition(">")[0].removeprefix("<") for each in found]


def top(answer: Answer) -> str:
    """What certbot's --preferred-chain is held against: the issuer of the last certificate."""
    assert answer.header("content-type") == "application/pem-certificate-chain"
    last = x509.load_pem_x509_certificates(answer.body)[-1]
    return str(last.issuer.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)


async def test_without_another_way_up_there_is_no_link() -> None:
    client = await AcmeWorld().client()
    url, answer = await downloaded(client)
    assert others(answer) == []
    for number in ("0", "1", "-1", "x", "01"):
        assert (await client.post(f"{url}/{number}")).status == 404


async def test_a_cross_signed_intermediate_is_another_way_up() -> None:
    client = await crossed(CROSSED).client()
    url, answer = await downloaded(client)
    assert (top(answer), others(answer)) == ("Test Root CA", [f"{url}/1"])
    other = await client.post(f"{url}/1")
    assert (top(other), others(other)) == ("Old Root", [url])
    assert other.body.startswith(answer.body.partition(b"-----END")[0])
    assert (await client.post(f"{url}/2")).status == 404


async def test_the_chain_is_for_the_account_that_ordered() -> None:
    world = crossed(CROSSED)
    client, stranger = await world.client(), await world.client()
    url, _ = await downloaded(client)
    assert (await stranger.post(f"{url}/1")).problem == "unauthorized"


async def test_a_cross_signed_root_is_another_way_up() -> None:
    client = await crossed(CROSSED_ROOT).client()
    url, _ = await downloaded(client)
    other = await client.post(f"{url}/1")
    assert top(other) == "Old Root"
    assert len(x509.load_pem_x509_certificates(other.body)) == 3


def test_ways_may_be_long_and_come_together() -> None:
    found = alternates(
        [USUAL], [CROSSED, CROSSED_ROOT, OLD_BY_OLDER, OLD_BY_OLDER], [PKI.root, OLDER_ROOT]
    )
    assert set(found) == {
        (USUAL, CROSSED_ROOT, OLD_BY_OLDER),
        (CROSSED, OLD_BY_OLDER),
    }


@pytest.mark.parametrize(
    ("usual", "known"),
    [
        ((USUAL,), ()),
        ((USUAL, PKI.root), (PKI.root,)),  # the root comes along
        ((USUAL,), (OLD_BY_OLDER,)),  # of another key
        ((USUAL,), (twin(USUAL, "Test Root CA", OLD),)),  # a forged one
        ((USUAL,), (twin(USUAL, "Nobody", OLDER),)),  # leads nowhere
    ],
)
def test_what_is_no_way_up_is_not_offered(
    usual: tuple[bytes, ...], known: tuple[bytes, ...]
) -> None:
    assert alternates(usual, known, [PKI.root]) == ()


def test_many_ways_are_bounded() -> None:
    many = [twin(USUAL, "Old Root", OLD) for _ in range(40)]
    assert len(alternates([USUAL], many, [PKI.root, OLD_ROOT])) == 8
