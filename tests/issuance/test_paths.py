"""Paths to a root are judged as RFC 5280 section 6 asks and Go does it."""

import datetime as dt
import ipaddress
from dataclasses import dataclass, field
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from appliance.issuance import name_constraints, paths
from appliance.issuance.paths import Trust
from appliance.model.errors import FormatError, Unauthorized
from appliance.model.names import San, SanKind

NOW = dt.datetime(2030, 6, 1, tzinfo=dt.UTC)
NAMES = (
    x509.DNSName("www.example.com"),
    x509.DNSName("*.apps.example.com"),
    x509.IPAddress(ipaddress.ip_address("10.0.0.1")),
    x509.RFC822Name("joe@example.com"),
)


@dataclass(slots=True, kw_only=True)
class Party:
    """A certificate with its key, and what it can sign."""

    name: x509.Name
    key: ec.EllipticCurvePrivateKey
    der: bytes
    extensions: list[tuple[x509.ExtensionType, bool]] = field(default_factory=list)


def party(
    name: str,
    issuer: Party | None,
    *extensions: tuple[x509.ExtensionType, bool],
    begin: dt.datetime = NOW - dt.timedelta(days=1),
    end: dt.datetime = NOW + dt.timedelta(days=1),
    key: ec.EllipticCurvePrivateKey | None = None,
) -> Party:
    key = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = x509.CertificateBuilder(
        issuer.name if issuer else subject, subject, key.public_key(), 7, begin, end
    )
    for value, critical in extensions:
        builder = builder.add_extension(value, critical=critical)
    made = builder.sign(issuer.key if issuer else key, hashes.SHA256())
    return Party(name=subject, key=key, der=made.public_bytes(Encoding.DER))


def authority(length: int | None = None) -> tuple[x509.ExtensionType, bool]:
    return x509.BasicConstraints(ca=True, path_length=length), True


def leaf(issuer: Party | None, **times: Any) -> Party:
    return party("leaf", issuer, (x509.SubjectAlternativeName(NAMES), False), **times)


ROOT = party("root", None, authority())
MIDDLE = party("middle", ROOT, authority(0))
LEAF = leaf(MIDDLE)
OTHER = party("root", None, authority())


def check(end: Party, *between: Party, root: Party = ROOT, host: str = "") -> None:
    trust = Trust(roots=[root.der], between=[each.der for each in between])
    paths.verify(end.der, trust, now=NOW, host=host)


def test_a_chain_to_a_root_holds() -> None:
    check(LEAF, MIDDLE)
    check(LEAF, ROOT, MIDDLE, LEAF)


def test_a_trusted_certificate_is_its_own_path() -> None:
    check(ROOT)
    check(LEAF, root=LEAF)
    check(LEAF, root=MIDDLE)


@pytest.mark.parametrize("host", ["www.example.com", "WWW.example.com.", "a.apps.example.com"])
def test_hosts_that_it_is_for(host: str) -> None:
    check(LEAF, MIDDLE, host=host)
    check(LEAF, MIDDLE, host="10.0.0.1")
    check(LEAF, MIDDLE, host="[::ffff:10.0.0.1]")


@pytest.mark.parametrize(
    "host",
    ["example.com", "apps.example.com", "a.b.apps.example.com", "10.0.0.2", "leaf", ".example.com"],
)
def test_hosts_that_it_is_not_for(host: str) -> None:
    with pytest.raises(Unauthorized, match=r"certificate is valid for .*, not"):
        check(LEAF, MIDDLE, host=host)


def test_without_the_intermediate_there_is_no_path() -> None:
    with pytest.raises(Unauthorized, match="unknown authority"):
        check(LEAF)


def test_another_root_of_the_same_name_does_not_do() -> None:
    with pytest.raises(Unauthorized, match="did not sign"):
        check(LEAF, MIDDLE, root=OTHER)


def test_the_right_one_of_two_issuers_of_the_same_name_is_found() -> None:
    check(LEAF, party("middle", OTHER, authority()), MIDDLE)


@pytest.mark.parametrize(
    ("begin", "end", "what"),
    [
        (NOW - dt.timedelta(2), NOW - dt.timedelta(1), "is after"),
        (NOW + dt.timedelta(1), NOW + dt.timedelta(2), "is before"),
    ],
)
def test_every_certificate_must_be_within_its_time(
    begin: dt.datetime, end: dt.datetime, what: str
) -> None:
    with pytest.raises(Unauthorized, match=what):
        check(leaf(MIDDLE, begin=begin, end=end), MIDDLE)
    stale = party("middle", ROOT, authority(), begin=begin, end=end, key=MIDDLE.key)
    with pytest.raises(Unauthorized, match=what):
        check(LEAF, stale)
    old = party("root", None, authority(), begin=begin, end=end, key=ROOT.key)
    with pytest.raises(Unauthorized, match=what):
        check(LEAF, MIDDLE, root=old)


@pytest.mark.parametrize(
    ("extensions", "what"),
    [
        ((), "not a certificate authority"),
        (((x509.BasicConstraints(ca=False, path_length=None), True),), "not a certificate"),
        (
            (
                authority(),
                (x509.KeyUsage(True, False, False, False, False, False, True, False, False), True),
            ),
            "may not sign",
        ),
        (
            (authority(), (x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3"), b"x"), True)),
            "critical extension is not understood: 1.2.3",
        ),
        (
            (authority(), (x509.NameConstraints([x509.DNSName("example.org")], None), True)),
            "not permitted",
        ),
        (
            (authority(), (x509.NameConstraints(None, [x509.DNSName("apps.example.com")]), True)),
            "excluded",
        ),
        (
            (
                authority(),
                (x509.NameConstraints([x509.DirectoryName(ROOT.name)], None), True),
            ),
            "critical extension is not understood",
        ),
    ],
)
def test_who_may_not_issue_does_not(
    extensions: tuple[tuple[x509.ExtensionType, bool], ...], what: str
) -> None:
    middle = party("middle", ROOT, *extensions, key=MIDDLE.key)
    with pytest.raises(Unauthorized, match=what):
        check(LEAF, middle)


def test_the_length_of_a_path_is_limited() -> None:
    lower = party("lower", MIDDLE, authority())
    with pytest.raises(Unauthorized, match="too many intermediates"):
        check(leaf(lower), lower, MIDDLE)


def test_a_long_way_ends_somewhere() -> None:
    chain = [ROOT]
    for number in range(12):
        chain.append(party(f"ca {number}", chain[-1], authority()))
    with pytest.raises(Unauthorized, match="unknown authority"):
        check(leaf(chain[-1]), *chain)


def test_issuers_of_each_other_are_no_path() -> None:
    one, two = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    first = party("two", None, authority(), key=two)
    loop = party("one", first, authority(), key=one)
    back = party("two", loop, authority(), key=two)
    with pytest.raises(Unauthorized, match="unknown authority"):
        check(leaf(loop), loop, back)


def test_signatures_over_weak_hashes_do_not_count() -> None:
    """The library no longer makes one: the identifier of SHA-1 is put in afterwards."""
    key = rsa.generate_private_key(65537, 2048)
    builder = x509.CertificateBuilder(
        ROOT.name, MIDDLE.name, MIDDLE.key.public_key(), 7, NOW, NOW + dt.timedelta(1)
    ).add_extension(*authority())
    octets = builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)
    weak = octets.replace(bytes.fromhex("2a864886f70d01010b"), bytes.fromhex("2a864886f70d010105"))
    middle = Party(name=MIDDLE.name, key=MIDDLE.key, der=weak)
    with pytest.raises(Unauthorized, match="insecure hash"):
        check(LEAF, middle)


def test_a_maze_of_issuers_is_given_up() -> None:
    maze = [party("middle", OTHER, authority()) for _ in range(120)]
    with pytest.raises(Unauthorized, match="unknown authority"):
        check(LEAF, *maze, MIDDLE)


def test_an_extension_that_is_there_twice_is_not_read() -> None:
    broken = LEAF.der.replace(b"\x55\x1d\x11", b"\x55\x1d\x13")
    with pytest.raises((FormatError, Unauthorized)):
        check(Party(name=LEAF.name, key=LEAF.key, der=broken), MIDDLE)


def test_what_cannot_be_read_is_said() -> None:
    with pytest.raises(FormatError):
        paths.verify(b"x", Trust(roots=[ROOT.der]), now=NOW)
    with pytest.raises(Unauthorized):
        paths.verify(LEAF.der, Trust(roots=[b"x"]), now=NOW)


@pytest.mark.parametrize(
    ("kind", "name", "constraint", "inside"),
    [
        ("dns", "a.example.com", x509.DNSName("example.com"), True),
        ("dns", "EXAMPLE.com", x509.DNSName("example.COM"), True),
        ("dns", "anexample.com", x509.DNSName("example.com"), False),
        ("dns", "example.com", x509.DNSName(".example.com"), False),
        ("dns", "a.example.com", x509.DNSName(".example.com"), True),
        ("dns", "x", x509.DNSName(""), True),
        ("email", "joe@example.com", x509.RFC822Name("example.com"), True),
        ("email", "joe@example.com", x509.RFC822Name("joe@Example.com"), True),
        ("email", "Joe@example.com", x509.RFC822Name("joe@example.com"), False),
        (
            "uri",
            "https://a.example.com:8443/x",
            x509.UniformResourceIdentifier(".example.com"),
            True,
        ),
        ("uri", "https://10.0.0.1/", x509.UniformResourceIdentifier("10.0.0.1"), False),
        ("uri", "urn:x", x509.UniformResourceIdentifier(""), False),
        ("uri", "https://[x/", x509.UniformResourceIdentifier(""), False),
        ("ip", "10.1.2.3", x509.IPAddress(ipaddress.ip_network("10.0.0.0/8")), True),
        ("ip", "11.1.2.3", x509.IPAddress(ipaddress.ip_network("10.0.0.0/8")), False),
        ("ip", "::1", x509.IPAddress(ipaddress.ip_network("10.0.0.0/8")), False),
    ],
)
def test_names_and_constraints(
    kind: str, name: str, constraint: x509.GeneralName, inside: bool
) -> None:
    sans = [San(kind=SanKind(kind), value=name)]
    permitted = x509.NameConstraints([constraint], None)
    excluded = x509.NameConstraints(None, [constraint])
    assert (not name_constraints.violation(sans, permitted)) == inside
    assert bool(name_constraints.violation(sans, excluded)) == inside


def test_a_constraint_binds_names_of_its_kind_only() -> None:
    sans = [San(kind=SanKind.DNS, value="a.example")]
    constraints = x509.NameConstraints([x509.RFC822Name("example.com")], None)
    assert name_constraints.violation(sans, constraints) == ""
