"""What counts as a proof of tls-alpn-01 (RFC 8737 3, RFC 8738 6), http-01 and dns-01."""

import ipaddress
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from appliance.formats import der
from appliance.issuance.acme import proofs
from appliance.issuance.acme.proofs import Flaw
from tests.support.authority import START

AUTHORIZATION = "token.thumbprint"
HASH = proofs.key_hash(AUTHORIZATION)
KEY = ec.generate_private_key(ec.SECP256R1())
IDENTIFIER = "1.3.6.1.5.5.7.1.31"
NAME = x509.DNSName("app.example")


def shown(
    *names: x509.GeneralName,
    value: bytes | None = None,
    critical: bool = True,
    oid: str = IDENTIFIER,
) -> bytes:
    subject = x509.Name([])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(KEY.public_key())
        .serial_number(1)
        .not_valid_before(START)
        .not_valid_after(START + timedelta(days=1))
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    octets = der.octet_string(HASH) if value is None else value
    extension = x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), octets)
    builder = builder.add_extension(extension, critical=critical)
    return builder.sign(KEY, hashes.SHA256()).public_bytes(Encoding.DER)


def judged(certificate: bytes, value: str = "app.example", protocol: str = proofs.ALPN) -> str:
    flaw = proofs.handshake(protocol, certificate, value, HASH)
    assert flaw is None or flaw.is_final
    return "" if flaw is None else flaw.text


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (NAME, "app.example"),
        (x509.DNSName("APP.example"), "app.example"),
        (x509.IPAddress(ipaddress.ip_address("192.0.2.7")), "192.0.2.7"),
        (x509.IPAddress(ipaddress.ip_address("2001:db8::1")), "2001:db8:0::1"),
    ],
)
def test_a_certificate_with_the_one_name_and_the_hash_is_a_proof(
    name: x509.GeneralName, value: str
) -> None:
    assert judged(shown(name), value) == ""


@pytest.mark.parametrize(
    ("certificate", "reason"),
    [
        (shown(), "must have one name"),
        (shown(NAME, x509.DNSName("b.example")), "must have one name"),
        (shown(NAME, x509.IPAddress(ipaddress.ip_address("192.0.2.7"))), "must have one name"),
        (shown(x509.DNSName("b.example")), "must have one name"),
        (shown(x509.DNSName("192.0.2.7")), "must have one name"),
        (shown(NAME, critical=False), "not critical"),
        (shown(NAME, oid="1.3.6.1.5.5.7.1.30.1"), "but that of a draft"),
        (shown(NAME, oid="1.2.3.4", critical=False), "has no acmeIdentifier"),
        (shown(NAME, value=der.octet_string(HASH[:-1])), "not 32 octets"),
        (shown(NAME, value=HASH), "not 32 octets"),
        (shown(NAME, value=der.octet_string(HASH) + b"\0"), "not 32 octets"),
        (shown(NAME, value=der.octet_string(bytes(32))), "not the hash of the key authorization"),
        (b"", "cannot be read"),
        (b"0\x03\x02\x01\x00", "cannot be read"),
    ],
)
def test_any_other_is_none_and_final(certificate: bytes, reason: str) -> None:
    assert reason in judged(certificate)


def test_without_the_protocol_no_certificate_is_a_proof() -> None:
    assert "did not agree" in judged(shown(NAME), protocol="http/1.1")


def test_a_page_may_have_white_space_round_the_key_authorization() -> None:
    assert proofs.web_page("u", 200, f"\n {AUTHORIZATION}\r\n".encode(), AUTHORIZATION) is None


@pytest.mark.parametrize(
    ("status", "body", "is_final"),
    [(404, AUTHORIZATION.encode(), False), (500, b"", False), (200, b"", True), (200, b"x", True),
     (200, b"\xff" * 4096, True), (200, f"{AUTHORIZATION}x".encode(), True)],
)  # fmt: skip
def test_a_wrong_page_is_final_and_a_failing_server_is_not(
    status: int, body: bytes, is_final: bool
) -> None:
    flaw = proofs.web_page("u", status, body, AUTHORIZATION)
    assert isinstance(flaw, Flaw)
    assert flaw.is_final is is_final
    assert len(flaw.text) < 400


def test_one_of_several_records_is_enough_and_a_missing_one_is_not_final() -> None:
    assert proofs.texts("n", ("old", "wanted"), "wanted") is None
    flaw = proofs.texts("n", ("old",), "wanted")
    assert flaw is not None
    assert not flaw.is_final
