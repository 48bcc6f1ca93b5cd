"""Signing requests are read whole, and believed only when their own key signed them."""

import ipaddress

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from appliance.issuance import requests, rules
from appliance.model.errors import BadRequest, Forbidden
from appliance.model.names import San, SanKind
from tests.support.requests import key_of, signing_request

KEY = ec.generate_private_key(ec.SECP256R1())
GOOD = signing_request(KEY, "a.example", ["a.example", "10.0.0.1"])
GOOD_DER = x509.load_pem_x509_csr(GOOD.encode()).public_bytes(Encoding.DER)


def test_reads_every_kind_of_name() -> None:
    names = ["a.example", "10.0.0.1", "::1", "a@b.example", "spiffe://x/y"]
    read = requests.read(signing_request(KEY, "a.example", names).encode())
    assert read.common_name == "a.example"
    assert read.sans == (
        San(kind=SanKind.DNS, value="a.example"),
        San(kind=SanKind.IP, value="10.0.0.1"),
        San(kind=SanKind.IP, value="::1"),
        San(kind=SanKind.EMAIL, value="a@b.example"),
        San(kind=SanKind.URI, value="spiffe://x/y"),
    )


def built(builder: x509.CertificateSigningRequestBuilder) -> bytes:
    return builder.sign(KEY, hashes.SHA256()).public_bytes(Encoding.PEM)


@pytest.mark.parametrize(
    "other",
    [
        x509.RegisteredID(x509.ObjectIdentifier("1.2.3")),
        x509.OtherName(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00"),
        x509.IPAddress(ipaddress.ip_network("192.0.2.0/24")),
    ],
    ids=["registered id", "other name", "range of addresses"],
)
def test_names_of_other_kinds_say_nothing(other: x509.GeneralName) -> None:
    """But that there are some is known: ACME refuses them."""
    names = x509.SubjectAlternativeName([other, x509.DNSName("a.example")])
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    read = requests.read(built(builder.add_extension(names, critical=False)))
    assert read.sans == (San(kind=SanKind.DNS, value="a.example"),)
    assert read.has_other_sans
    assert read.common_name == ""


def test_a_uri_that_is_none_is_a_bad_request() -> None:
    names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier("no uri")])
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    with pytest.raises(BadRequest, match="no uri"):
        requests.read(built(builder.add_extension(names, critical=False)))


def test_of_several_common_names_the_last_counts() -> None:
    """As in Go; the first could otherwise hide a name that is not granted."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, each) for each in ("a", "b")])
    builder = x509.CertificateSigningRequestBuilder().subject_name(name)
    assert requests.read(built(builder)).common_name == "b"


@pytest.mark.parametrize("label", ["CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"])
def test_both_labels_are_known(label: str) -> None:
    requests.read(GOOD.replace("CERTIFICATE REQUEST", label).encode())


@pytest.mark.parametrize("kind", ["P-256", "P-384", "P-521", "RSA-2048", "RSA-3072", "Ed25519"])
def test_keys_that_may_be_certified(kind: str) -> None:
    read = requests.read(signing_request(key_of(kind), "a", []).encode())
    rules.check_key(read.public_key)


@pytest.mark.parametrize("kind", ["P-224", "K-256", "DSA-2048"])
def test_other_kinds_of_key_are_a_bad_request(kind: str) -> None:
    with pytest.raises(BadRequest):
        requests.read(signing_request(key_of(kind), "a", []).encode())


def test_small_rsa_keys_are_forbidden() -> None:
    read = requests.read(signing_request(key_of("RSA-1024"), "a", []).encode())
    with pytest.raises(Forbidden, match=r"at least 2048 bits \(256 bytes\)"):
        rules.check_key(read.public_key)


@given(place=st.integers(0, len(GOOD_DER) - 1), flip=st.integers(1, 255))
def test_one_changed_octet_is_noticed(place: int, flip: int) -> None:
    octets = bytearray(GOOD_DER)
    octets[place] ^= flip
    with pytest.raises(BadRequest):
        requests.read_der(bytes(octets))


@given(st.binary(max_size=300))
def test_junk_is_a_bad_request(octets: bytes) -> None:
    with pytest.raises(BadRequest):
        requests.read_der(octets)
    with pytest.raises(BadRequest):
        requests.read(octets)


def test_more_octets_after_the_end_are_noticed() -> None:
    with pytest.raises(BadRequest):
        requests.read_der(GOOD_DER + b"\0")
