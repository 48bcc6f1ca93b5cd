"""`template check`: the certificate that would come of a request, without key or server."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from appliance.cli.main import main
from appliance.formats import pem
from tests.support.authority import hierarchy
from tests.support.requests import key_of, signing_request

Check = Callable[..., str]
Configure = Callable[..., None]

TEMPLATE = """{
  "subject": {"commonName": {{ toJson .Token.sub }}, "organization": {{ toJson .Insecure.User.o }}},
  "sans": {{ toJson .SANs }},
  "extKeyUsage": ["clientAuth"]
}"""


@pytest.fixture
def configure(tmp_path: Path, steppath: Path) -> Configure:
    """Write a ca.json whose intermediate's key is not there at all."""
    pki = hierarchy()
    (tmp_path / "root.crt").write_text(pem.encode("CERTIFICATE", pki.root))
    (tmp_path / "ca.crt").write_text(pem.encode("CERTIFICATE", pki.issuer.certificate))
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    public = {**jwt.algorithms.ECAlgorithm.to_jwk(key, as_dict=True), "kid": "kid"}

    def write(*options: dict[str, Any], **of_authority: Any) -> None:
        provisioners = [
            {"type": "JWK", "name": name, "key": public, "options": {"x509": each}}
            for name, each in zip(("admin", "other"), options, strict=False)
        ]
        config = {
            "root": str(tmp_path / "root.crt"),
            "crt": str(tmp_path / "ca.crt"),
            "key": str(tmp_path / "nowhere.key"),
            "address": ":9000",
            "dnsNames": ["ca.example"],
            "authority": {"provisioners": provisioners, **of_authority},
        }
        (steppath / "config").mkdir(parents=True, exist_ok=True)
        (steppath / "config" / "ca.json").write_text(json.dumps(config))

    return write


@pytest.fixture
def check(
    tmp_path: Path,
    configure: Configure,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Check:
    """Run the command on a request; give what it printed, on both streams when it failed."""
    monkeypatch.chdir(tmp_path)
    csr = signing_request(key_of("P-256"), "host.example", ["host.example", "10.0.0.1"])
    Path("host.csr").write_text(csr)
    configure({"template": TEMPLATE})

    def run(*flags: str, code: int = 0, csr: str = "host.csr") -> str:
        status = main(("template", "check", *flags, csr))
        printed = capsys.readouterr()
        assert status == code, printed
        return printed.out if code == 0 else printed.out + printed.err

    return run


def test_the_certificate_is_shown_and_it_is_that_of_the_request(check: Check) -> None:
    shown = check("--set", "o=Acme", "--not-after", "1h")
    assert "Subject: O=Acme,CN=host.example" in shown
    assert "Issuer: O=Test,CN=Test Intermediate CA" in shown
    assert "DNS:host.example" in shown
    assert "IP Address:10.0.0.1" in shown
    assert "X509v3 Step Provisioner" in shown or "Step Provisioner" in shown


def test_claims_names_and_what_webhooks_answered_can_be_chosen(check: Check) -> None:
    Path("claims.json").write_text('{"groups": ["a", "b"]}')
    Path("answers.json").write_text('{"people": {"name": "Joe"}}')
    Path("x.tpl").write_text(
        """{"subject": {"commonName": {{ toJson .Webhooks.people.name }},
        "organizationalUnit": {{ toJson .Token.groups }}}, "sans": {{ toJson .SANs }}}"""
    )
    shown = check(
        *("--template", "x.tpl", "--token-data", "claims.json", "--webhook-data", "answers.json"),
        *("--subject", "joe", "--san", "joe@example.com", "--format", "json"),
    )
    certificate = json.loads(shown)
    assert certificate["subject"]["common_name"] == ["Joe"]
    assert certificate["subject"]["organizational_unit"] == ["a", "b"]
    names = certificate["extensions"]["subject_alt_name"]
    assert names["email_addresses"] == ["joe@example.com"]


def test_what_the_template_makes_can_be_seen_before_it_is_a_certificate(check: Check) -> None:
    Path("x.tpl").write_text('{ "subject": {{ .Subject.CommonName }} }')
    rendered = check("--template", "x.tpl", "--format", "rendered")
    assert rendered == '{ "subject": host.example }\n'
    refused = check("--template", "x.tpl", code=1)
    assert "error applying certificate template: not JSON" in refused


def test_a_provisioner_without_template_has_the_default(check: Check, configure: Configure) -> None:
    configure({}, {"template": TEMPLATE})
    assert "host.example" in check("--provisioner", "admin", "--format", "short")
    assert '"keyUsage"' in check("--provisioner", "admin", "--format", "rendered")
    assert "name one with --provisioner: admin, other" in check(code=1)
    assert "there is no provisioner 'x'" in check("--provisioner", "x", code=1)


def test_a_policy_that_would_refuse_is_told_after_the_certificate(
    check: Check, configure: Configure
) -> None:
    configure({"template": TEMPLATE}, policy={"x509": {"deny": {"dns": ["host.example"]}}})
    printed = check(code=1)
    assert "DNS:host.example" in printed
    assert "not allowed" in printed or "denied" in printed


@pytest.mark.parametrize(
    ("template", "flags", "what"),
    [
        ('{ {{ fail "never" }} }', (), "never"),
        ('{"subject": {{ .x.y.z', (), "error applying certificate template"),
        ("{}", ("--not-after", "48h"), "more than the authorized maximum"),
        ("{}", ("--not-after", "x"), "invalid value 'x' for flag '--not-after'"),
        ("{}", ("--format", "x"), "options are text, short, json, rendered"),
        ("{}", ("--token-data", "x.tpl"), "is not a JSON object"),
    ],
)
def test_what_is_wrong_is_said(
    check: Check, template: str, flags: tuple[str, ...], what: str
) -> None:
    Path("x.tpl").write_text("[]" if "--token-data" in flags else template)
    assert what in check("--template", "x.tpl", *flags, code=1)


def test_a_file_that_is_no_request_is_refused(check: Check) -> None:
    Path("x.csr").write_text("nothing")
    assert "certificate request cannot be read" in check(code=1, csr="x.csr")
