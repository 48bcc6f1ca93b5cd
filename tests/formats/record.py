"""Record how step shows certificates, in golden/inspect: `python -m tests.formats.record`.

Needs step on PATH. Certificates and requests that are there already are kept, so that a new run
changes what step says only where step changed. The tests replay every file.
"""

import datetime as dt
import ipaddress
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import (
    AttributeOID,
    AuthorityInformationAccessOID,
    ExtendedKeyUsageOID,
    NameOID,
)

from appliance.formats import der
from appliance.formats.keys import PrivateKey, PublicKey

GOLDEN = Path(__file__).parent / "golden" / "inspect"
FORMS = {
    "txt": ("--format", "text"),
    "short": ("--short",),
    "json": ("--format", "json"),
    "bundle.json": ("--format", "json", "--bundle"),
}
START = dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)
STEP = "1.3.6.1.4.1.37476.9000.64"

Extensions = list[tuple[x509.ExtensionType, bool]]


def named(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def raw(oid: str, value: bytes) -> x509.UnrecognizedExtension:
    return x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), value)


def usage(*bits: int) -> x509.KeyUsage:
    names = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment")
    more = ("key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only")
    return x509.KeyUsage(**{name: number in bits for number, name in enumerate(names + more)})


def signed(
    subject: x509.Name,
    extensions: Extensions,
    *,
    public_key: PublicKey,
    key: PrivateKey,
    issuer: x509.Name,
    digest: hashes.HashAlgorithm | None = None,
    rsa_padding: padding.PSS | None = None,
    days: int = 1,
    serial: int = 0x6F9634B4282C08ED2EAACA1D0CDD081C,
) -> bytes:
    """Make a certificate in PEM."""
    builder = x509.CertificateBuilder(
        issuer, subject, public_key, serial, START, START + dt.timedelta(days=days)
    )
    for value, critical in extensions:
        builder = builder.add_extension(value, critical=critical)
    if digest is None and not isinstance(key, ed25519.Ed25519PrivateKey):
        digest = hashes.SHA256()
    made = builder.sign(key, digest, rsa_padding=rsa_padding)  # type: ignore[arg-type]
    return made.public_bytes(Encoding.PEM)


def request(
    subject: x509.Name, extensions: Extensions, key: PrivateKey, challenge: bytes = b""
) -> bytes:
    """Make a certificate request in PEM."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    for value, critical in extensions:
        builder = builder.add_extension(value, critical=critical)
    if challenge:
        builder = builder.add_attribute(AttributeOID.CHALLENGE_PASSWORD, challenge)
    digest = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return builder.sign(key, digest).public_bytes(Encoding.PEM)


def general_names() -> list[x509.GeneralName]:
    permanent = der.sequence(der.utf8_string("device-1"), der.oid("1.2.3.4"))
    module = der.sequence(der.oid("1.2.3.5"), der.tlv(0x84, b"serial-7"))
    return [
        x509.UniformResourceIdentifier("https://example.com/a?b=c"),
        x509.DNSName("b.example.com"),
        x509.IPAddress(ipaddress.ip_address("10.1.2.3")),
        x509.DNSName("*.example.com"),
        x509.RFC822Name("joe@example.com"),
        x509.IPAddress(ipaddress.ip_address("2001:db8::1")),
        x509.UniformResourceIdentifier("spiffe://example.com/x"),
        x509.OtherName(x509.ObjectIdentifier("1.3.6.1.5.5.7.8.3"), permanent),
        x509.OtherName(x509.ObjectIdentifier("1.3.6.1.5.5.7.8.4"), module),
        x509.OtherName(x509.ObjectIdentifier("1.3.6.1.4.1.311.20.2.3"), der.utf8_string("u@x")),
        x509.OtherName(x509.ObjectIdentifier("1.2.3.6"), der.utf8_string("other")),
        x509.DirectoryName(named("directory")),
        x509.RegisteredID(x509.ObjectIdentifier("1.2.3.7")),
    ]


def step_extensions() -> Extensions:
    pairs = der.sequence(der.utf8_string("InstanceID"), der.tlv(der.PRINTABLE_STRING, b"i-1"))
    provisioner = der.sequence(
        der.integer(4), der.octet_string(b"amazon"), der.octet_string(b"1234567890"), pairs
    )
    authority = der.sequence(der.tlv(der.PRINTABLE_STRING, b"cloudcas"), der.utf8_string("id/9"))
    return [
        (raw(f"{STEP}.1", provisioner), False),
        (raw(f"{STEP}.2", authority), False),
        (raw(f"{STEP}.3", der.sequence(der.integer(2), der.utf8_string("endpoint"))), False),
        (raw(f"{STEP}.4", der.sequence(der.utf8_string("device"))), True),
    ]


def odd_extensions() -> Extensions:
    sct = (
        b"\0"
        + bytes(range(32))
        + (1_700_000_000_123).to_bytes(8)
        + b"\0\0"
        + b"\4\3"
        + b"\0\5sign!"
    )
    listed = len(sct).to_bytes(2) + sct
    yubico = "1.3.6.1.4.1.41482.3"
    return [
        (raw("1.3.6.1.4.1.11129.2.4.2", der.octet_string(len(listed).to_bytes(2) + listed)), False),
        (raw("2.16.840.1.113730.1.13", der.tlv(der.IA5_STRING, b"a comment")), False),
        (raw("2.5.29.54", der.integer(0)), True),
        (raw("1.2.3.4.5", b"text \xff\xe2\x82 \xc3\xa9\n\0end"), True),
        (raw("1.2.3.4.6", b"plain text"), False),
        (raw(f"{yubico}.3", b"\5\4\3"), False),
        (raw(f"{yubico}.7", der.integer(12345678)), False),
        (raw(f"{yubico}.8", b"\2\3"), False),
        (raw(f"{yubico}.9", b"\3"), False),
        (raw(f"{yubico}.10", b""), False),
        (raw("1.3.6.1.4.1.57264.1.1", b"https://issuer"), False),
    ]


def policies() -> x509.CertificatePolicies:
    return x509.CertificatePolicies(
        [
            x509.PolicyInformation(x509.ObjectIdentifier("2.23.140.1.2.1"), None),
            x509.PolicyInformation(x509.ObjectIdentifier("1.2.3.4"), ["https://cps.example.com"]),
        ]
    )


def pki_extensions() -> Extensions:
    uri = x509.UniformResourceIdentifier
    access = x509.AccessDescription
    aia = AuthorityInformationAccessOID
    point = x509.DistributionPoint
    return [
        (usage(*range(9)), False),
        (
            x509.ExtendedKeyUsage(
                [
                    ExtendedKeyUsageOID.CODE_SIGNING,
                    x509.ObjectIdentifier("1.2.3.4"),
                    ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,
                    ExtendedKeyUsageOID.EMAIL_PROTECTION,
                    ExtendedKeyUsageOID.TIME_STAMPING,
                    ExtendedKeyUsageOID.OCSP_SIGNING,
                    ExtendedKeyUsageOID.IPSEC_IKE,
                    x509.ObjectIdentifier("2.23.133.8.1"),
                    x509.ObjectIdentifier("1.3.6.1.5.5.7.3.6"),
                    x509.ObjectIdentifier("1.3.6.1.4.1.311.10.3.3"),
                ]
            ),
            True,
        ),
        (
            x509.AuthorityInformationAccess(
                [
                    access(aia.OCSP, uri("http://ocsp.example.com")),
                    access(aia.CA_ISSUERS, uri("http://ca.example.com/1")),
                    access(aia.CA_ISSUERS, uri("http://ca.example.com/2")),
                ]
            ),
            False,
        ),
        (
            x509.CRLDistributionPoints(
                [
                    point([uri("http://crl.example.com/1")], None, None, None),
                    point([uri("http://crl.example.com/2")], None, None, None),
                ]
            ),
            False,
        ),
        (policies(), False),
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (x509.IssuerAlternativeName([x509.DNSName("issuer.example.com")]), False),
    ]


def constraints() -> x509.NameConstraints:
    network = ipaddress.ip_network
    return x509.NameConstraints(
        permitted_subtrees=[
            x509.DNSName("example.com"),
            x509.DNSName(".example.org"),
            x509.IPAddress(network("10.0.0.0/8")),
            x509.RFC822Name("example.com"),
            x509.UniformResourceIdentifier("example.com"),
        ],
        excluded_subtrees=[
            x509.DNSName("bad.example.com"),
            x509.IPAddress(network("2001:db8::/32")),
            x509.RFC822Name("joe@example.com"),
            x509.UniformResourceIdentifier(".bad.example.com"),
        ],
    )


def long_name() -> x509.Name:
    attribute = x509.NameAttribute
    together = x509.RelativeDistinguishedName(
        [attribute(NameOID.ORGANIZATION_NAME, "Ö, Inc."), attribute(NameOID.USER_ID, "u1")]
    )
    return x509.Name(
        [
            x509.RelativeDistinguishedName([attribute(NameOID.COUNTRY_NAME, "SE")]),
            together,
            *(
                x509.RelativeDistinguishedName([attribute(oid, f"{number}")])
                for number, oid in enumerate(
                    (
                        NameOID.STATE_OR_PROVINCE_NAME,
                        NameOID.LOCALITY_NAME,
                        NameOID.STREET_ADDRESS,
                        NameOID.POSTAL_CODE,
                        NameOID.ORGANIZATIONAL_UNIT_NAME,
                        NameOID.ORGANIZATIONAL_UNIT_NAME,
                        NameOID.SERIAL_NUMBER,
                        NameOID.EMAIL_ADDRESS,
                        NameOID.DOMAIN_COMPONENT,
                        NameOID.GIVEN_NAME,
                        x509.ObjectIdentifier("1.2.3.4"),
                        NameOID.COMMON_NAME,
                    )
                )
            ),
        ]
    )


def certificates() -> Iterator[tuple[str, bytes]]:
    """Make one certificate for each thing that can be shown."""
    ca_key, ca = ec.generate_private_key(ec.SECP256R1()), named("Golden CA")
    ski = x509.SubjectKeyIdentifier.from_public_key
    leaf_key = ec.generate_private_key(ec.SECP384R1())
    public = leaf_key.public_key()
    leaf: Extensions = [
        (usage(0), True),
        (
            x509.ExtendedKeyUsage(
                [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
            ),
            False,
        ),
        (ski(public), False),
        (x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), False),
        (x509.SubjectAlternativeName([x509.DNSName("leaf.example.com")]), False),
    ]
    provisioner = der.sequence(
        der.integer(1),
        der.octet_string(b"admin@example.com"),
        der.octet_string(b"kid-of-43-letters"),
    )
    authority: Extensions = [
        (usage(5, 6), True),
        (x509.BasicConstraints(ca=True, path_length=0), True),
        (ski(ca_key.public_key()), False),
    ]
    ca_end: dict[str, Any] = {"public_key": ca_key.public_key(), "key": ca_key, "issuer": ca}
    root = signed(ca, authority, **ca_end, days=3650)
    by_ca: dict[str, Any] = {"public_key": public, "key": ca_key, "issuer": ca}
    one = signed(
        named("leaf.example.com"), [*leaf, (raw(f"{STEP}.1", provisioner), False)], **by_ca
    )
    yield "root-ec", root
    yield "leaf-and-root", one + root
    limited: Extensions = [(x509.BasicConstraints(ca=True, path_length=None), False)]
    yield (
        "intermediate-constrained",
        signed(named("Sub"), [*limited, (constraints(), True)], **by_ca),
    )
    yield (
        "constraints-dns",
        signed(
            named("Sub"),
            [(x509.NameConstraints([x509.DNSName("x.example")], None), False)],
            **by_ca,
        ),
    )
    yield (
        "names",
        signed(x509.Name([]), [(x509.SubjectAlternativeName(general_names()), True)], **by_ca),
    )
    yield "subject", signed(long_name(), [], **by_ca)
    yield "step-extensions", signed(named("x"), step_extensions(), **by_ca)
    yield "odd-extensions", signed(named("x"), odd_extensions(), **by_ca)
    yield "pki-extensions", signed(named("x"), pki_extensions(), **by_ca)
    yield "small-serial", signed(named("localhost"), leaf, **by_ca, serial=1, days=365_00)
    p521 = ec.generate_private_key(ec.SECP521R1())
    yield (
        "p521",
        signed(
            named("x"),
            [],
            public_key=p521.public_key(),
            key=p521,
            issuer=named("x"),
            digest=hashes.SHA512(),
        ),
    )
    edwards = ed25519.Ed25519PrivateKey.generate()
    yield (
        "ed25519",
        signed(named("x"), [], public_key=edwards.public_key(), key=edwards, issuer=named("x")),
    )
    modulus = rsa.generate_private_key(65537, 2048)
    rsa_end: dict[str, Any] = {
        "public_key": modulus.public_key(),
        "key": modulus,
        "issuer": named("RSA"),
    }
    yield "rsa", signed(named("rsa.example.com"), [], **rsa_end)
    pss = padding.PSS(padding.MGF1(hashes.SHA384()), padding.PSS.DIGEST_LENGTH)
    yield "rsa-pss", signed(named("y"), [], **rsa_end, digest=hashes.SHA384(), rsa_padding=pss)
    small = ec.generate_private_key(ec.SECP256R1())
    yield "request-ec", request(named("r.example.com"), leaf[:3] + leaf[4:], small)
    yield (
        "request-names",
        request(x509.Name([]), [(x509.SubjectAlternativeName(general_names()), True)], small),
    )
    yield "request-rsa", request(long_name(), [], modulus)
    yield "request-ed25519", request(named("r"), [], edwards)
    yield (
        "request-odd",
        request(
            named("r"),
            [*odd_extensions()[2:5], *authority[:2], *pki_extensions()[1:2]],
            small,
            b"secret",
        ),
    )
    yield "request-constrained", request(named("r"), [(constraints(), False)], small)


def main() -> None:
    GOLDEN.mkdir(parents=True, exist_ok=True)
    for name, content in certificates():
        file = GOLDEN / f"{name}.pem"
        if not file.exists():
            file.write_bytes(content)
        for suffix, flags in FORMS.items():
            if suffix.startswith("bundle") and content.count(b"BEGIN") < 2:
                continue
            command = ["step", "certificate", "inspect", *flags, str(file)]
            answer = subprocess.run(command, capture_output=True, check=False)
            text = answer.stdout if answer.returncode == 0 else b"refused: " + answer.stderr
            (GOLDEN / f"{name}.{suffix}").write_bytes(text.replace(str(file).encode(), b"FILE"))


if __name__ == "__main__":
    main()
