"""Where revocation is published stands in certificates exactly where it was asked for."""

from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtensionOID

from appliance.issuance import certificates, drafts, extensions, issuers, parsed, pointers
from appliance.issuance.drafts import Draft
from appliance.issuance.issuers import Issuer
from appliance.issuance.pointers import PointerUrls
from appliance.model.errors import FormatError
from tests.support.authority import START, Hierarchy, hierarchy, shared_hierarchy

URLS = PointerUrls(
    crl="http://ca.example/crl", ocsp="http://ca.example/ocsp", issuer="http://ca.example/issuer"
)
KEY = drafts.certified(ec.generate_private_key(ec.SECP256R1()).public_key())
BACKDATE = timedelta(minutes=1)


def pointing(pki: Hierarchy, urls: PointerUrls = URLS) -> Issuer:
    return replace(pki.issuer, pointers=pointers.encoded(urls))


async def signed(draft: Draft, pki: Hierarchy) -> bytes:
    prepared = certificates.prepare(draft, pki.issuer, 7)
    signature = await pki.signer.sign(prepared.to_be_signed, prepared.algorithm)
    return certificates.assemble(prepared, signature)


async def told(draft: Draft) -> x509.Extensions:
    octets = await signed(draft, shared_hierarchy())
    return x509.load_der_x509_certificate(octets).extensions


async def test_others_read_what_we_write() -> None:
    issuer = pointing(shared_hierarchy())
    found = await told(drafts.server("ca", ["ca.example"], KEY, issuer, START))
    access = found.get_extension_for_oid(ExtensionOID.AUTHORITY_INFORMATION_ACCESS)
    assert not access.critical
    assert access.value == x509.AuthorityInformationAccess([
        x509.AccessDescription(
            AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier(URLS.ocsp)
        ),
        x509.AccessDescription(
            AuthorityInformationAccessOID.CA_ISSUERS, x509.UniformResourceIdentifier(URLS.issuer)
        ),
    ])  # fmt: skip
    points = found.get_extension_for_oid(ExtensionOID.CRL_DISTRIBUTION_POINTS)
    assert not points.critical
    name = x509.UniformResourceIdentifier(URLS.crl)
    assert points.value == x509.CRLDistributionPoints([
        x509.DistributionPoint([name], None, None, None)
    ])  # fmt: skip


def test_what_is_not_published_is_not_told() -> None:
    assert pointers.encoded(PointerUrls()) == ()
    (only_list,) = pointers.encoded(PointerUrls(crl=URLS.crl))
    assert only_list.oid == pointers.CRL_DISTRIBUTION_POINTS
    (only_ocsp,) = pointers.encoded(PointerUrls(ocsp=URLS.ocsp))
    assert only_ocsp == pointers.authority_info_access([URLS.ocsp], [])


def test_a_url_outside_ascii_is_refused() -> None:
    with pytest.raises(FormatError, match="not a URL"):
        pointers.encoded(PointerUrls(ocsp="http://öffentlich.example"))


def test_an_issuer_without_pointers_issues_as_before() -> None:
    pki = shared_hierarchy()
    assert pki.issuer.pointers == ()
    with_them = drafts.server("ca", ["ca.example"], KEY, pointing(pki), START)
    without = drafts.server("ca", ["ca.example"], KEY, pki.issuer, START)
    assert with_them.extensions[:-2] == without.extensions


def test_authorities_point_nowhere() -> None:
    """The intermediate is not asked about its own issuer: that key is not at hand."""
    pki = shared_hierarchy()
    draft = drafts.authority(
        pki.issuer.subject, KEY, pki.issuer.validity, path_length=0, issuer=pointing(pki)
    )
    kinds = {each.oid for each in draft.extensions}
    assert not kinds & {pointers.AUTHORITY_INFO_ACCESS, pointers.CRL_DISTRIBUTION_POINTS}


async def test_a_renewal_keeps_them_while_the_issuer_stays() -> None:
    pki = shared_hierarchy()
    draft = drafts.server("ca", ["ca.example"], KEY, pointing(pki), START)
    old = parsed.parse(await signed(draft, pki))
    for issuer in (pki.issuer, pointing(pki, PointerUrls(crl="http://else.example/crl"))):
        again = drafts.renewed(old, issuer, now=START, backdate=BACKDATE)
        assert again.extensions[-2:] == draft.extensions[-2:]


async def test_a_renewal_by_another_issuer_points_to_that_one() -> None:
    pki, other = shared_hierarchy(), hierarchy()
    draft = drafts.server("ca", ["ca.example"], KEY, pointing(pki), START)
    old = parsed.parse(await signed(draft, pki))
    moved = pointing(other, PointerUrls(crl="http://new.example/crl", ocsp=URLS.ocsp))
    again = drafts.renewed(old, moved, now=START, backdate=BACKDATE)
    assert again.extensions[-2:] == moved.pointers
    assert len(again.extensions) == len(draft.extensions)
    assert again.extensions[0] == moved.authority_key_id


async def test_a_renewal_adds_none() -> None:
    pki, other = shared_hierarchy(), hierarchy()
    draft = drafts.server("ca", ["ca.example"], KEY, pki.issuer, START)
    old = parsed.parse(await signed(draft, pki))
    again = drafts.renewed(old, pointing(other), now=START, backdate=BACKDATE)
    assert {each.oid for each in again.extensions} == {each.oid for each in draft.extensions}
    assert extensions.AUTHORITY_KEY_ID in {each.oid for each in again.extensions}


def test_a_ca_certificate_is_read_as_an_issuer_without_pointers() -> None:
    assert issuers.of_certificate(shared_hierarchy().issuer.certificate).pointers == ()
