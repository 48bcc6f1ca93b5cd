"""Certificates made by hand: who signs, how long they hold, what they carry."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, generate_private_key

from appliance.issuance import certificates, issuers, offline
from appliance.issuance.issuers import Issuer
from appliance.issuance.offline import Profile, Wish
from appliance.model.errors import BadRequest

NOW = datetime(2030, 1, 2, 3, 4, 5, 600, UTC)
KEY = generate_private_key(SECP256R1())


def make(profile: Profile, issuer: Issuer | None = None, *sans: str) -> bytes:
    wish = Wish(
        profile=profile,
        subject="name",
        sans=sans,
        key=KEY.public_key(),
        validity=offline.validity(profile, None, None, NOW),
    )
    prepared = offline.prepare(wish, issuer, 7)
    signature = KEY.sign(prepared.to_be_signed, ECDSA(hashes.SHA256()))
    return certificates.assemble(prepared, signature)


@pytest.mark.parametrize("profile", [Profile.ROOT_CA, Profile.SELF_SIGNED])
def test_some_sign_themselves(profile: Profile) -> None:
    made = x509.load_der_x509_certificate(make(profile))
    made.verify_directly_issued_by(made)
    assert profile.signs_itself
    with pytest.raises(x509.ExtensionNotFound):
        made.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier)


@pytest.mark.parametrize("profile", [Profile.INTERMEDIATE_CA, Profile.LEAF])
def test_others_are_signed(profile: Profile) -> None:
    issuer = issuers.of_certificate(make(Profile.ROOT_CA))
    made = x509.load_der_x509_certificate(make(profile, issuer))
    assert made.issuer == x509.load_der_x509_certificate(issuer.certificate).subject
    named = made.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    own = x509.SubjectKeyIdentifier.from_public_key(KEY.public_key())
    assert named.key_identifier == own.digest


def test_the_subject_is_the_name_when_none_is_given() -> None:
    issuer = issuers.of_certificate(make(Profile.ROOT_CA))
    for sans, expected in ((), ["name"]), (("a", "b"), ["a", "b"]):
        made = x509.load_der_x509_certificate(make(Profile.LEAF, issuer, *sans))
        names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert names.get_values_for_type(x509.DNSName) == expected


@pytest.mark.parametrize("profile", list(Profile))
def test_how_long_they_hold(profile: Profile) -> None:
    found = offline.validity(profile, None, None, NOW)
    assert found.not_before == NOW.replace(microsecond=0)
    assert found.length == timedelta(days=3650 if profile.is_authority else 1)
    later = offline.validity(profile, NOW + timedelta(hours=1), None, NOW)
    assert later.length == found.length


def test_ends_that_make_no_sense_are_refused() -> None:
    with pytest.raises(BadRequest, match="already expired"):
        offline.validity(Profile.LEAF, None, NOW - timedelta(hours=1), NOW)
    with pytest.raises(BadRequest, match="calendar"):
        offline.validity(Profile.ROOT_CA, datetime(9999, 1, 1, tzinfo=UTC), None, NOW)
