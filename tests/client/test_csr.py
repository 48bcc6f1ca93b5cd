"""Keys by step's flags, and requests that ask for what was meant."""

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from appliance.client.csr import KeyKind, generate_key, key_kind, read_request, signing_request
from appliance.formats import pem
from appliance.model.errors import BadRequest, FormatError


@pytest.mark.parametrize(
    ("flags", "kind"),
    [
        ((None, None, None), KeyKind(kty="EC", curve="P-256")),
        (("EC", None, None), KeyKind(kty="EC", curve="P-256")),
        (("EC", "P-521", None), KeyKind(kty="EC", curve="P-521")),
        (("OKP", None, None), KeyKind(kty="OKP", curve="Ed25519")),
        (("RSA", None, None), KeyKind(kty="RSA", size=2048)),
        (("RSA", None, 4096), KeyKind(kty="RSA", size=4096)),
    ],
)
def test_flags_choose_a_key(
    flags: tuple[str | None, str | None, int | None], kind: KeyKind
) -> None:
    assert key_kind(*flags) == kind


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        ((None, "P-256", None), "'--curve' requires the '--kty'"),
        ((None, None, 2048), "'--size' requires the '--kty'"),
        (("RSA", "P-256", None), "'--curve' is incompatible"),
        (("RSA", None, 1024), "requires at least 2048"),
        (("EC", None, 256), "'--size' is incompatible"),
        (("EC", "Ed25519", None), r"--curve P-256, P-384, P-521"),
        (("OKP", "P-256", None), "--curve Ed25519"),
        (("DSA", None, None), "options are RSA, EC, OKP"),
    ],
)
def test_flags_that_do_not_fit_are_refused(
    flags: tuple[str | None, str | None, int | None], says: str
) -> None:
    with pytest.raises(BadRequest, match=says):
        key_kind(*flags)


@pytest.mark.parametrize(
    "kind",
    [
        KeyKind(kty="EC", curve="P-256"),
        KeyKind(kty="EC", curve="P-384"),
        KeyKind(kty="EC", curve="P-521"),
        KeyKind(kty="OKP", curve="Ed25519"),
        KeyKind(kty="RSA", size=2048),
    ],
)
def test_a_request_of_every_kind_of_key_is_read_back(kind: KeyKind) -> None:
    key = generate_key(kind)
    der = signing_request(key, "web", ["web", "10.0.0.1", "a@b.example", "https://x/y", "web", ""])
    view = read_request(pem.encode("CERTIFICATE REQUEST", der).encode(), "a.csr")
    assert view.common_name == "web"
    assert view.sans == ("web", "10.0.0.1", "a@b.example", "https://x/y")
    assert view.der == der
    assert isinstance(
        key, ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey
    )


def test_a_name_longer_than_the_rfc_allows_is_left_to_the_ca() -> None:
    name = "a" * 70 + ".example.com"
    der = signing_request(generate_key(KeyKind(kty="OKP")), name, [name])
    assert name.encode() in der


def test_without_names_there_is_no_extension() -> None:
    der = signing_request(generate_key(KeyKind(kty="OKP")), "x", [])
    assert not list(x509.load_der_x509_csr(der).extensions)


def test_a_name_that_no_certificate_carries_is_refused() -> None:
    with pytest.raises(FormatError, match="ASCII"):
        signing_request(generate_key(KeyKind(kty="OKP")), "x", ["dömain.example"])


def test_the_fingerprint_is_that_of_the_reference() -> None:
    view = read_request(_REQUEST, "a.csr")
    assert view.fingerprint == "jR5KgfSjRuKCTnFsxcEGyQmksjuINI97EohGeHyckng"


@pytest.mark.parametrize(
    "text",
    [b"", b"junk", b"-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----"],
)
def test_what_is_no_request_is_named(text: bytes) -> None:
    with pytest.raises(BadRequest, match=r"error parsing a\.csr: .*certificate request"):
        read_request(text, "a.csr")


def test_a_request_whose_signature_is_wrong_is_refused() -> None:
    der = bytearray(signing_request(generate_key(KeyKind(kty="OKP")), "x", []))
    der[-1] ^= 1
    text = pem.encode("CERTIFICATE REQUEST", bytes(der)).encode()
    with pytest.raises(BadRequest, match="the signature of the certificate request does not hold"):
        read_request(text, "a.csr")


_REQUEST = b"""-----BEGIN CERTIFICATE REQUEST-----
MIIBCDCBrwIBADAaMRgwFgYDVQQDEw9iYXIuZXhhbXBsZS5jb20wWTATBgcqhkjO
PQIBBggqhkjOPQMBBwNCAATrnV4WpIPctQC0V2CqCLYFNvRd8a9J1hnD9rqB3J+e
wjQGvOqV7KmWGQYiMoBqEciiarlNHuCEjVu3Tl2idjyaoDMwMQYJKoZIhvcNAQkO
MSQwIjAgBgNVHREEGTAXgg9iYXIuZXhhbXBsZS5jb22HBAoAAAEwCgYIKoZIzj0E
AwIDSAAwRQIgGmNV61SKXXHW4R4ITU7WRIEH/U28oR0Ij+ubIHR5bXUCIQCD8scK
X5sAl0enqs7sCKDgD2tSo1WUBe62HAGsSoHipg==
-----END CERTIFICATE REQUEST-----
"""
