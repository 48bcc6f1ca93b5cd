"""What is issued is judged by others: OpenSSL (strictly), GnuTLS and pkilint object to nothing.

The authority works in this process, by the real clock. Where a judge objects to a certificate that
our clients may ask for, `OBJECTIONS` says so, and a test beside step-ca that it issues the same.
"""

import json
import re
import ssl
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from appliance.authority.identity import issue_server_certificate
from appliance.cli.main import main
from appliance.formats import pem
from appliance.issuance import pointers
from appliance.issuance.pointers import PointerUrls
from tests.authority.credential_scenarios import CREDENTIAL_SCENARIOS, credential_provisioners
from tests.authority.ours import OurTarget, der
from tests.authority.record import ReferenceTarget
from tests.authority.scenarios import SCENARIOS, Ask, Outcome, Scenario, Target, provisioners
from tests.issuance.record import authority
from tests.support import judges, stepca
from tests.support.authority import Appliance, Hierarchy, StandingClock, SystemChance, hierarchy
from tests.support.idp import idp
from tests.support.requests import key_of

POINTERS = PointerUrls(
    crl="http://ca.example/crl", ocsp="http://ca.example/ocsp", issuer="http://ca.example/issuer"
)
PLAYED = [
    *("good", "no jti", "longest", "shortest", "one kind left out"),
    *("renew by TLS", "renew by TLS what names no provisioner", "rekey", "renew by token: good"),
    *("x5c, good", "x5c, names in the token", "x5c, clipped", "x5c, renewed"),
    *("nebula, version 2", "nebula, clipped", "nebula, renewed", "k8ssa, good", "k8ssa, renewed"),
    "k8ssa, no names",
]
OBJECTIONS = {
    "k8ssa, no names": {"Subject name empty"},
    "names of *.a.example": {"pkix.invalid_domain_name_syntax"},  # RFC 5280 knows no wildcards
    "template of every key": {"pkix.rdn_contains_duplicate_attribute_types"},  # two organizations
    "server": {"pkix.invalid_domain_name_syntax"},  # localhost is a single label
    "self-signed": {"pkix.authority_key_identifier_extension_absent"},
}

EVERY_KEY: dict[str, Any] = {
    "version": 3,
    "subject": {
        "commonName": "every.example",
        "country": "CH",
        "organization": ["Org", "Söhne & Co"],
        "organizationalUnit": ["Unit"],
        "locality": "Zürich",
        "province": ["ZH"],
        "streetAddress": "Gasse 1",
        "postalCode": ["8001"],
        "serialNumber": "S-1",
        "extraNames": [{"type": "0.9.2342.19200300.100.1.1", "value": "joe"}],
    },
    "sans": [
        {"type": "dns", "value": "every.example"},
        {"type": "ip", "value": "10.1.2.3"},
        {"type": "email", "value": "jane@example.com"},
        {"type": "uri", "value": "https://example.com/x"},
        {"type": "registeredID", "value": "1.2.3.4"},
        {"type": "permanentIdentifier", "value": "123456"},
        {"type": "hardwareModuleName", "asn1Value": {"type": "1.2.3.4", "serialNumber": "q80="}},
        {"type": "dn", "asn1Value": {"country": "CH", "commonName": "Directory"}},
        {"type": "1.2.3.4", "value": "utf8:other"},
    ],
    "keyUsage": ["digitalSignature"],
    "extKeyUsage": ["serverAuth", "clientAuth"],
    "unknownExtKeyUsage": ["1.3.6.1.4.1.311.20.2.2"],
    "basicConstraints": {"isCA": False},
    "ocspServer": ["http://ca.example/ocsp"],
    "issuingCertificateURL": ["http://ca.example/issuer"],
    "crlDistributionPoints": ["http://ca.example/crl"],
    "policyIdentifiers": ["1.3.6.1.4.1.37476.9000.64.9"],
    "extensions": [{"id": "1.3.6.1.4.1.37476.9000.64.8", "critical": False, "value": "BQA="}],
    "signatureAlgorithm": "ECDSA-SHA384",
}
TEMPLATES: dict[str, dict[str, Any]] = {
    "every key": EVERY_KEY,
    "no subject": {
        "subject": {}, "dnsNames": "a.example", "emailAddresses": ["jane@example.com"],
        "ipAddresses": "10.1.2.3", "uris": "https://a.example/x",
        "keyUsage": "digitalSignature", "extKeyUsage": "serverAuth",
    },
    "raw subject": {
        "rawSubject": "MBYxFDASBgNVBAMTC3JhdyBzdWJqZWN0", "dnsNames": "a.example",
        "keyUsage": "digitalSignature",
    },
    "serial and dates": {
        "subject": "a", "dnsNames": "a.example", "keyUsage": "digitalSignature",
        "serialNumber": "0x80000001",
    },
}  # fmt: skip
SUBORDINATE: dict[str, Any] = {
    "subject": "Subordinate",
    "keyUsage": ["certSign", "crlSign"],
    "basicConstraints": {"isCA": True, "maxPathLen": 0},
    "nameConstraints": {
        "critical": True,
        "permittedDNSDomains": ["example.com"],
        "excludedDNSDomains": ["bad.example.com"],
        "permittedIPRanges": ["10.0.0.0/8"],
        "excludedIPRanges": ["10.1.0.0/16"],
        "permittedEmailAddresses": ["example.com"],
        "excludedEmailAddresses": ["joe@example.com"],
        "permittedURIDomains": [".example.com"],
        "excludedURIDomains": ["bad.example.com"],
    },
}


@pytest.fixture(scope="module")
def pki() -> Hierarchy:
    return hierarchy(datetime.now(UTC) - timedelta(days=1))


def appliance(pki: Hierarchy, *more: Mapping[str, Any], **options: Any) -> Appliance:
    entries = [*provisioners(), *credential_provisioners(), *more]
    return Appliance(entries=entries, pki=pki, clock=StandingClock(datetime.now(UTC)), **options)


def objections(chain: Sequence[str], root: bytes, folder: Path) -> set[str]:
    """Let all of them judge a leaf with its chain; say what they object to."""
    file, anchor = folder / "chain.pem", folder / "root.pem"
    file.write_text("".join(chain))
    anchor.write_text(pem.encode("CERTIFICATE", root))
    leaf, intermediate = map(der, chain)
    verified = judges.openssl_verify(file, anchor)
    return {
        *(re.findall(r"lookup: ?(.*)", verified) or filter(None, [verified])),
        *filter(None, [judges.certtool_verify(file, anchor)]),
        *judges.lint_certificate(leaf),
        *judges.lint_pair(intermediate, leaf),
    }


def template(body: Mapping[str, Any]) -> dict[str, Any]:
    """Make a provisioner, `templated`, with this template."""
    admin = provisioners()[0]
    return {**admin, "name": "templated", "options": {"x509": {"template": json.dumps(body)}}}


def named(*names: str) -> Scenario:
    """A request whose token grants these names."""

    async def play(target: Target) -> Outcome:
        ask = Ask(target=target)
        return await ask.sign(ask.token(sans=list(names)), ask.csr(sans=[]))

    return play


async def templated(target: Target) -> Outcome:
    ask = Ask(target=target)
    return await ask.sign(ask.token(iss="templated"))


PLAYS: dict[str, Scenario] = {
    **{name: {**SCENARIOS, **CREDENTIAL_SCENARIOS}[name] for name in PLAYED},
    "names of 10.1.2.3": named("10.1.2.3", "jane@example.com"),
    "names of ::1": named("2001:db8::1", "https://a.example/x", "a.example"),
    "names of *.a.example": named("*.a.example"),
    "template of every key": templated,
}


@pytest.mark.parametrize("name", PLAYS)
async def test_what_every_provisioner_issues(name: str, pki: Hierarchy, tmp_path: Path) -> None:
    app = appliance(pki, template(EVERY_KEY))
    outcome = await PLAYS[name](OurTarget(app))
    assert objections(outcome.chain, pki.root, tmp_path) == OBJECTIONS.get(name, set())


@pytest.mark.parametrize("kind", ["P-256", "P-384", "P-521", "RSA-2048", "Ed25519"])
async def test_every_kind_of_key(kind: str, pki: Hierarchy, tmp_path: Path) -> None:
    outcome = await Ask(target=OurTarget(appliance(pki)), key=key_of(kind)).sign()
    assert objections(outcome.chain, pki.root, tmp_path) == set()


@pytest.mark.parametrize("kind", ["P-384", "P-521", "RSA-2048", "Ed25519"])
async def test_every_kind_of_issuer(kind: str, tmp_path: Path) -> None:
    own = hierarchy(datetime.now(UTC) - timedelta(days=1), key=key_of(kind))  # type: ignore[arg-type]
    outcome = await Ask(target=OurTarget(appliance(own))).sign()
    assert objections(outcome.chain, own.root, tmp_path) == set()


async def test_subject_defaults(pki: Hierarchy, tmp_path: Path) -> None:
    defaults = {"country": "CH", "organization": "Söhne & Co", "serialNumber": "42"}
    ask = Ask(target=OurTarget(appliance(pki, subject_defaults=defaults)))
    assert objections((await ask.sign()).chain, pki.root, tmp_path) == set()


@pytest.mark.parametrize("admins", [[], ["jane@example.com"]], ids=["person", "admin"])
async def test_people_who_logged_in(admins: list[str], pki: Hierarchy, tmp_path: Path) -> None:
    with idp() as provider:
        app = appliance(pki, provider.entry(admins=admins))
        outcome = await Ask(target=OurTarget(app)).sign(provider.token(email="jane@example.com"))
    assert outcome.status == 201, outcome.message
    assert objections(outcome.chain, pki.root, tmp_path) == set()


@pytest.mark.parametrize("name", TEMPLATES)
async def test_templates(name: str, pki: Hierarchy, tmp_path: Path) -> None:
    """New, renewed and rekeyed."""
    expected = OBJECTIONS.get(f"template of {name}", set())
    target = OurTarget(appliance(pki, template(TEMPLATES[name])))
    ask = Ask(target=target)
    outcome = await ask.sign(ask.token(iss="templated"))
    assert outcome.status == 201, outcome.message
    assert objections(outcome.chain, pki.root, tmp_path) == expected
    for again in (
        await target.renew(outcome.chain, ask.key),
        await target.rekey(outcome.chain, ask.key, Ask(target=target).csr()),
    ):
        assert again.status == 201, again.message
        assert objections(again.chain, pki.root, tmp_path) == expected


async def test_a_template_for_another_authority(pki: Hierarchy) -> None:
    """The path is too long for this intermediate: so pkilint is asked alone."""
    ask = Ask(target=OurTarget(appliance(pki, template(SUBORDINATE))))
    outcome = await ask.sign(ask.token(iss="templated"))
    assert outcome.status == 201, outcome.message
    subordinate, issuer = map(der, outcome.chain)
    assert judges.lint_certificate(subordinate) == set()
    assert judges.lint_pair(issuer, subordinate) == set()


async def test_what_says_where_its_revocation_is_found(pki: Hierarchy, tmp_path: Path) -> None:
    issuer = replace(pki.issuer, pointers=pointers.encoded(POINTERS))
    pointing = replace(pki, issuer=issuer)
    target = OurTarget(appliance(pointing))
    ask = Ask(target=target)
    outcome = await ask.sign()
    assert objections(outcome.chain, pki.root, tmp_path) == set()
    renewed = await target.renew(outcome.chain, ask.key)
    assert objections(renewed.chain, pki.root, tmp_path) == set()


@pytest.mark.parametrize("pointing", [False, True], ids=["plain", "pointing"])
@pytest.mark.parametrize("kind", ["P-256", "RSA-2048"])
async def test_the_servers_own(kind: str, pointing: bool, pki: Hierarchy, tmp_path: Path) -> None:
    key = key_of(kind)
    assert isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey)
    issuer = replace(pki.issuer, pointers=pointers.encoded(POINTERS)) if pointing else pki.issuer
    own = await issue_server_certificate(
        common_name="Step Online CA", hosts=["localhost", "127.0.0.1", "[::1]"],
        public_key=key.public_key(), issuer=issuer, signer=pki.signer, chance=SystemChance(),
        now=datetime.now(UTC),
    )  # fmt: skip
    chain = [pem.encode("CERTIFICATE", each) for each in (own, pki.issuer.certificate)]
    assert objections(chain, pki.root, tmp_path) == OBJECTIONS["server"]


def test_the_authorities(steppath: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of `ca init`, of `ca intermediate create`, of `certificate create`."""
    monkeypatch.chdir(tmp_path)
    secret = tmp_path / "pw"
    secret.write_text("a password")
    protected = ("--no-password", "--insecure")
    by_root = ("--ca", "r.crt", "--ca-key", "r.key", *protected)
    for words in (
        ("ca", "init", "--name", "Söhne & Co", "--dns", "localhost", "--address", ":0",
         "--provisioner", "admin", "--deployment-type", "standalone", "--password-file", "pw"),
        ("ca", "intermediate", "create", "2036", "--ca-password-file", "pw", "--password-file",
         "pw", "--ca-key", str(steppath / "secrets/root_ca_key")),
        ("certificate", "create", "R", "r.crt", "r.key", "--profile", "root-ca", *protected),
        ("certificate", "create", "I", "i.crt", "i.key", "--profile", "intermediate-ca", *by_root),
        ("certificate", "create", "l.example", "l.crt", "l.key", "--profile", "leaf", *by_root),
        ("certificate", "create", "s.example", "s.crt", "s.key", "--profile", "self-signed",
         "--subtle", *protected),
    ):  # fmt: skip
        assert main(list(words)) == 0, words
    (root,) = judges.ders(steppath / "certs/root_ca.crt")
    assert judges.lint_certificate(root) == set()
    made = sorted(steppath.glob("certs/intermediate*.crt"))
    assert len(made) == 2
    for file in made:
        assert judges.openssl_verify(file, steppath / "certs/root_ca.crt") == ""
        assert judges.lint_certificate(judges.ders(file)[0]) == set()
        assert judges.lint_pair(root, judges.ders(file)[0]) == set()
    for name, expected in {
        "r": set(),
        "i": set(),
        "l": set(),
        "s": OBJECTIONS["self-signed"],
    }.items():
        (certificate,) = judges.ders(Path(f"{name}.crt"))
        assert judges.lint_certificate(certificate) == expected, name
    for name in "il":
        assert judges.openssl_verify(Path(f"{name}.crt"), Path("r.crt")) == ""


async def test_the_judges_object_to_what_is_wrong(pki: Hierarchy, tmp_path: Path) -> None:
    """A judge that accepts everything would prove nothing."""
    chain = (await Ask(target=OurTarget(appliance(pki))).sign()).chain
    leaf, intermediate = map(der, chain)
    assert judges.lint_pair(intermediate, leaf[:-1] + bytes([leaf[-1] ^ 1])) != set()
    said = objections(chain, hierarchy(datetime.now(UTC) - timedelta(days=1)).root, tmp_path)
    assert "unable to get local issuer certificate" in str(said)
    assert "NOT trusted" in str(said)


@pytest.mark.reference
async def test_step_cas_own_is_objected_to_no_less(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What OBJECTIONS names is what the same request to step-ca, or step, gets."""
    monkeypatch.chdir(tmp_path)
    files = authority(tmp_path / "pki", "P-256", hashes.SHA256())
    entries = [*provisioners(), *credential_provisioners(), template(EVERY_KEY)]
    config = {
        **files,
        "dnsNames": ["ca.example", "localhost"],
        "authority": {"provisioners": [each for each in entries if each["type"] != "SCEP"]},
    }
    found = {}
    with stepca.serving(tmp_path / "ca", config) as ca:
        for name in OBJECTIONS.keys() & PLAYS.keys():
            outcome = await PLAYS[name](ReferenceTarget(ca))
            (root,) = judges.ders(Path(files["root"]))
            found[name] = objections(outcome.chain, root, tmp_path)
        server = ssl.get_server_certificate(("127.0.0.1", ca.port))
    found["server"] = judges.lint_certificate(der(server))
    words = "certificate create s.example s.crt s.key --profile self-signed --subtle --no-password"
    subprocess.run(["step", *words.split(), "--insecure"], check=True, capture_output=True)
    found["self-signed"] = judges.lint_certificate(judges.ders(Path("s.crt"))[0])
    assert found.keys() == OBJECTIONS.keys()
    assert all(found[name] >= objected for name, objected in OBJECTIONS.items()), found
