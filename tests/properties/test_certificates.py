"""What is drafted is what an independent reader finds in the certificate."""

import ipaddress
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import assume, given
from hypothesis import strategies as st

from appliance.formats import names
from appliance.issuance import certificates, drafts, parsed
from appliance.issuance.algorithms import ECDSA_SCHEMES
from appliance.issuance.drafts import CertifiedKey
from appliance.issuance.grants import Grant
from appliance.issuance.subjects import EMPTY, SubjectDefaults
from appliance.model.errors import FormatError
from appliance.model.grants import ProvisionerRef, TokenUse
from appliance.model.names import San, SanKind
from appliance.model.validity import Lifetimes, Validity
from tests.issuance.recorded import RECORDED, der
from tests.support.authority import shared_hierarchy

KEYS: list[CertifiedKey] = [
    drafts.certified(each)
    for each in (
        ec.generate_private_key(ec.SECP384R1()).public_key(),
        rsa.generate_private_key(65537, 2048).public_key(),
        ed25519.Ed25519PrivateKey.generate().public_key(),
    )
]
NONE = timedelta()
NOTHING = Lifetimes(shortest=NONE, longest=NONE, default=NONE, backdate=NONE)

label = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True)
dns = st.lists(label, min_size=1, max_size=4).map(".".join).filter(
    lambda name: names.classify(name).kind is SanKind.DNS
)  # fmt: skip
sans = st.lists(
    dns.map(lambda name: San(kind=SanKind.DNS, value=name))
    | st.ip_addresses().map(lambda ip: names.canonical(SanKind.IP, str(ip)))
    | dns.map(lambda name: San(kind=SanKind.EMAIL, value=f"a@{name}"))
    | dns.map(lambda name: San(kind=SanKind.URI, value=f"spiffe://{name}/x")),
    max_size=8,
)
whole_seconds = st.integers(0, 220_000_000_000).map(lambda at: datetime.fromtimestamp(at, UTC))
text = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=60
).filter(lambda each: len(each.encode()) <= 64)  # octets: cryptography warns of more


def found_names(certificate: x509.Certificate) -> list[San]:
    listed = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    kinds: dict[type[object], SanKind] = {
        x509.DNSName: SanKind.DNS,
        x509.RFC822Name: SanKind.EMAIL,
        x509.IPAddress: SanKind.IP,
        x509.UniformResourceIdentifier: SanKind.URI,
    }
    return [San(kind=kinds[type(each)], value=str(each.value)) for each in listed]


@given(
    common_name=text | st.just(""),
    sans=sans,
    start=whole_seconds,
    length=st.timedeltas(timedelta(), timedelta(days=300_000)),
    serial=st.binary(min_size=16, max_size=16),
    key=st.sampled_from(KEYS),
    provisioner=text,
    step_extension=st.booleans(),
)
def test_a_leaf(
    common_name: str,
    sans: list[San],
    start: datetime,
    length: timedelta,
    serial: bytes,
    key: CertifiedKey,
    provisioner: str,
    step_extension: bool,
) -> None:
    issuer = shared_hierarchy().issuer
    validity = Validity(
        not_before=start, not_after=start + timedelta(seconds=length // timedelta(seconds=1))
    )
    number = certificates.serial_number(serial)
    subject = SubjectDefaults({}).subject(common_name)
    draft = drafts.leaf(
        key,
        Grant(
            provisioner=ProvisionerRef(type="JWK", name=provisioner, id="i", credential_id="k"),
            subject=common_name,
            common_names=(),
            sans=tuple(sans),
            lifetimes=NOTHING,
            token=TokenUse(reuse_key="k", raw="r"),
            step_extension=step_extension,
        ),
        subject,
        validity,
        issuer,
    )
    prepared = certificates.prepare(draft, issuer, number)
    whole = certificates.assemble(prepared, _sign(prepared))
    read = x509.load_der_x509_certificate(whole)
    assert (read.serial_number, read.version) == (number, x509.Version.v3)
    assert (read.not_valid_before_utc, read.not_valid_after_utc) == (
        validity.not_before,
        validity.not_after,
    )
    assert [each.value for each in read.subject] == ([common_name] if common_name else [])
    assert read.issuer.public_bytes() == issuer.subject
    info = read.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert info == key.public_key_info
    if sans:
        assert sorted(found_names(read)) == sorted(sans)
    for extension in read.extensions:
        assert extension.critical == (
            extension.oid.dotted_string == "2.5.29.15"
            or (extension.oid.dotted_string == "2.5.29.17" and subject == EMPTY)
        )
    again = parsed.parse(whole)
    assert (again.serial, again.common_name, again.validity) == (number, common_name, validity)
    assert sorted(again.sans) == sorted(sans)
    assert again.provisioner_name == (provisioner if step_extension else None)


def _sign(prepared: certificates.Prepared) -> bytes:
    key = shared_hierarchy().signer._key
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key.sign(prepared.to_be_signed, ECDSA_SCHEMES[prepared.algorithm])


@given(st.binary(max_size=200))
def test_junk_is_no_certificate(octets: bytes) -> None:
    assume(octets != b"")
    try:
        parsed.parse(octets)
    except FormatError:
        return
    raise AssertionError("junk was read")


@pytest.mark.parametrize("flip", [1, 2, 0x20, 0x80, 0xFF])
def test_a_certificate_with_a_changed_octet_is_read_or_refused(flip: int) -> None:
    whole = der(RECORDED["authorities"][0]["cases"][5]["certificate"])
    for place in range(len(whole)):
        octets = bytearray(whole)
        octets[place] ^= flip
        with suppress(FormatError):
            certificate = parsed.parse(bytes(octets))
            assert isinstance(certificate.common_name, str)
            assert isinstance(certificate.sans, tuple)
            assert isinstance(certificate.provisioner_name, str | None)


def test_addresses_are_written_whole() -> None:
    """Four octets for IPv4, also for one that was mapped into IPv6."""
    san = names.canonical(SanKind.IP, "::ffff:10.1.2.3")
    assert ipaddress.ip_address(san.value).version == 4
