"""The CA's own certificates: found by fingerprint, and its server's is made of them."""

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from appliance.authority.identity import issue_server_certificate
from appliance.authority.trust import Trust, fingerprint
from appliance.model.errors import BadRequest, NotFound
from tests.support.authority import START, SystemChance, hierarchy, shared_hierarchy


def test_roots_are_found_in_any_spelling() -> None:
    ours, theirs = shared_hierarchy(), hierarchy()
    trust = Trust(
        roots=[ours.root], federated_roots=[theirs.root], intermediates=[ours.issuer.certificate]
    )
    for root in (ours.root, theirs.root):
        plain = fingerprint(root)
        hyphens = "-".join(plain[i : i + 2] for i in range(0, 64, 2))
        for spelling in (plain, plain.upper(), hyphens):
            assert trust.root(spelling) == root
    with pytest.raises(NotFound, match='"abc" was not found'):
        trust.root("abc")
    with pytest.raises(NotFound):
        trust.root(fingerprint(ours.issuer.certificate))


async def server_certificate(*hosts: str) -> x509.Certificate:
    pki = shared_hierarchy()
    der = await issue_server_certificate(
        common_name="Step Online CA",
        hosts=hosts,
        public_key=ec.generate_private_key(ec.SECP256R1()).public_key(),
        issuer=pki.issuer,
        signer=pki.signer,
        chance=SystemChance(),
        now=START,
    )
    return x509.load_der_x509_certificate(der)


async def test_the_servers_certificate_is_issued_by_the_ca_for_a_day() -> None:
    certificate = await server_certificate("ca.example", "[::1]")
    issuer = x509.load_der_x509_certificate(shared_hierarchy().issuer.certificate)
    certificate.verify_directly_issued_by(issuer)
    length = certificate.not_valid_after_utc - certificate.not_valid_before_utc
    assert length.total_seconds() == 24 * 3600 + 60


async def test_a_server_name_that_no_certificate_can_carry_is_told() -> None:
    with pytest.raises(BadRequest, match="bücher"):
        await server_certificate("bücher.example")
