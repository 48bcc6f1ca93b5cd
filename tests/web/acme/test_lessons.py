"""What other young CAs shipped, as tests here: holes, and strictness that broke their fleets.

Each test is named for one of them. Those that are not of ACME have theirs elsewhere: what OCSP says
after a revocation in tests/web/test_ocsp.py, bodies without end in tests/web/test_limits.py, a
redirect to https in tests/upstream/test_http_probe.py.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from appliance.web.application import build_application
from tests.support.acme_by_hand import (
    ACME_ENTRY,
    AcmeWorld,
    Client,
    csr,
    encode,
    in_process,
    jwk,
    new_key,
)
from tests.support.authority import SystemChance
from tests.support.web import kept_in

NAME = "a.example"
FORGED = x509.ObjectIdentifier("1.3.6.1.4.1.99999.1")
WEAK = rsa.generate_private_key(65537, 1024)


async def proven(client: Client, *names: str) -> dict[str, Any]:
    order: dict[str, Any] = (await client.order(*names)).json
    await client.authorize(order, "dns-01" if any("*" in each for each in names) else "http-01")
    return order


async def test_extensions_of_a_csr_are_not_copied() -> None:
    """Hole 1: CA:true, keyCertSign, OCSPSigning, key identifiers, and anything else."""
    key = new_key()
    foreign = x509.SubjectKeyIdentifier(b"\1" * 20)
    usage = x509.KeyUsage(
        digital_signature=False, content_commitment=False, key_encipherment=False,
        data_encipherment=False, key_agreement=False, key_cert_sign=True, crl_sign=True,
        encipher_only=False, decipher_only=False,
    )  # fmt: skip
    request = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Bank")]))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=9), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(
            x509.ExtendedKeyUsage(
                [ExtendedKeyUsageOID.OCSP_SIGNING, ExtendedKeyUsageOID.CODE_SIGNING]
            ),
            critical=False,
        )
        .add_extension(foreign, critical=False)
        .add_extension(x509.AuthorityKeyIdentifier(b"\2" * 20, None, None), critical=False)
        .add_extension(x509.OCSPNoCheck(), critical=False)
        .add_extension(x509.UnrecognizedExtension(FORGED, b"\5\0"), critical=False)
        .sign(key, hashes.SHA256())
    )
    client = await AcmeWorld().client()
    leaf, issuer = await client.issue(NAME, request=request.public_bytes(Encoding.DER))
    found = {each.oid: each.value for each in leaf.extensions}
    basic = found.get(x509.BasicConstraints.oid)
    assert basic is None or basic == x509.BasicConstraints(ca=False, path_length=None)
    assert not leaf.extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign
    purposes = set(leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)
    assert purposes == {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH}
    own = leaf.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    assert own == x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    authority = leaf.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    subject = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    assert authority.key_identifier == subject.digest
    assert not {FORGED, x509.OCSPNoCheck.oid} & set(found)
    assert leaf.subject.rfc4514_string() == ""


@pytest.mark.parametrize(
    "name",
    [
        x509.RFC822Name("me@a.example"),
        x509.UniformResourceIdentifier("https://a.example/"),
        x509.RegisteredID(x509.ObjectIdentifier("1.2.3")),
        x509.DirectoryName(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x")])),
        x509.OtherName(x509.ObjectIdentifier("1.3.6.1.4.1.311.20.2.3"), b"\x0c\1x"),
        x509.DNSName("b.example"),
        x509.DNSName("*.a.example"),
    ],
    ids=lambda each: type(each).__name__,
)
async def test_the_whole_set_of_names_is_compared(name: x509.GeneralName) -> None:
    """Hole 2: names of other kinds, and more of them, slipped in."""
    client = await AcmeWorld().client()
    order = await proven(client, NAME)
    assert (await client.finalize(order, csr(NAME, more=[name]))).problem == "badCSR"


@pytest.mark.parametrize("common_name", ["b.example", "10.0.0.1", "The Bank", "*.a.example"])
async def test_the_subject_s_name_is_compared_too(common_name: str) -> None:
    """Hole 2."""
    client = await AcmeWorld().client()
    order = await proven(client, NAME)
    refused = await client.finalize(order, csr(NAME, common_name=common_name))
    assert refused.problem == "badCSR"


async def test_nothing_is_read_without_a_signature_or_by_another_account() -> None:
    """Hole 3: orders, authorizations, certificates by GET, or by whoever knows the URL."""
    world = AcmeWorld()
    client, stranger = await world.client(), await world.client()
    made = await client.order(NAME)
    await client.authorize(made.json)
    done = (await client.finalize(made.json, csr(NAME))).json
    for url in (made.header("location"), made.json["authorizations"][0], done["certificate"]):
        assert (await world.send("GET", url, {}, b"")).status == 405
        assert (await stranger.post(url)).problem == "unauthorized"


async def test_an_order_signed_with_a_bare_key_is_refused() -> None:
    """Hole 3: even the key of an account."""
    client = await AcmeWorld().client()
    names = {"identifiers": [{"type": "dns", "value": NAME}]}
    header = {"jwk": jwk(client.key)}
    url = client.directory["newOrder"]
    refused = await client.post(url, names, header=header, without=["kid"])
    assert refused.problem == "malformed"


async def test_an_account_that_is_gone_orders_nothing() -> None:
    """Hole 3: nor finishes what it began."""
    client = await AcmeWorld().client()
    order = await proven(client, NAME)
    await client.post(client.kid, {"status": "deactivated"})
    assert (await client.order(NAME)).problem == "unauthorized"
    assert (await client.finalize(order, csr(NAME))).problem == "unauthorized"


async def test_no_path_takes_a_weak_key() -> None:
    """Hole 4: new account, key change, CSR, revocation."""
    world = AcmeWorld()
    account = await Client(world.send, key=WEAK).register()
    assert account.problem == "badPublicKey"
    client = await world.client()
    order = await proven(client, NAME)
    p224 = ec.generate_private_key(ec.SECP224R1())
    assert (await client.finalize(order, csr(NAME, key=WEAK))).problem == "badCSR"
    assert (await client.finalize(order, csr(NAME, key=p224))).problem in ("badCSR", "malformed")
    leaf = {"certificate": encode(b"0\0")}
    url = client.directory["revokeCert"]
    revocation = await Client(world.send, key=WEAK).begin()
    assert (await revocation.post(url, leaf, by_key=True)).problem == "badPublicKey"


async def test_a_ca_near_its_end_issues_or_refuses_and_does_not_break() -> None:
    """Hole 8: dates with and without a zone met there."""
    for days in (3648.9, 3649, 3660):
        world = AcmeWorld()
        world.clock.advance(timedelta(days=days).total_seconds())
        client = await world.client()
        order = await proven(client, NAME)
        answer = await client.finalize(order, csr(NAME))
        assert answer.status in (200, 403, 503), answer


async def test_a_wildcard_s_authorization_is_of_the_wildcard() -> None:
    """Strictness: it was kept in another form than it was looked for in."""
    client = await AcmeWorld().client()
    order = await proven(client, "*.a.example")
    assert (await client.finalize(order, csr("*.a.example"))).status == 200
    base = (await client.order(NAME)).json
    assert base["status"] == "pending"


@pytest.mark.parametrize(
    "entry",
    [{}, {"challenges": ["http-01", "dns-01"]}, {"caaIdentities": ["ca.lan"]}],
    ids=["as it comes", "two challenges", "with CAA identities"],
)
async def test_a_closed_network_gets_its_certificates(entry: Mapping[str, Any]) -> None:
    """Strictness: names that no public DNS has."""
    client = await AcmeWorld(entries=[{**ACME_ENTRY, **entry}]).client()
    for name in ("nas", "nas.lan", "nas.home.arpa", "nas.internal", "10.0.0.9", "fd00::9"):
        order = await proven(client, name)
        assert (await client.finalize(order, csr(name))).status == 200, name


async def test_who_was_refused_and_why_is_in_the_log() -> None:
    """Their users could not tell "never reached us" from "refused"."""
    lines: list[Mapping[str, object]] = []
    application = build_application(
        AcmeWorld().endpoints.routes(), chance=SystemChance(), access_log=kept_in(lines)
    )
    client = Client(in_process(application))
    await client.register()
    await client.order("a..b")
    (line,) = (each for each in lines if each.get("status") == 400)
    assert line["remote-address"] == "192.0.2.1"
    assert line["path"] == "/acme/acme/new-order"
    assert "a..b" in str(line["error"])
