"""`certificate create --template`: what a template and --set make, and what is refused."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from appliance.cli.main import main

OPEN = ("--no-password", "--insecure")
ROOT = """{
  "subject": {"commonName": {{ toJson .Subject.CommonName }},
              "organization": {{ toJson .Insecure.User.organization }}},
  "issuer": {{ toJson .Subject }},
  "keyUsage": ["certSign", "crlSign"],
  "basicConstraints": {"isCA": true, "maxPathLen": {{ .Insecure.User.length }}}
}"""
LEAF = """{
  "subject": {{ toJson .Insecure.CR.Subject }},
  "sans": {{ toJson .SANs }},
  "extKeyUsage": ["clientAuth"],
  "notAfter": "2099-01-01T00:00:00Z"
}"""
REQUEST = """{
  "subject": {{ toJson .Subject }},
  "sans": [{"type": "dns", "value": "a.example"}],
  "keyUsage": "digitalSignature",
  "extensions": [{"id": "1.2.3.4", "value": "BQA="}]
}"""

Hearth = Callable[..., str]


@pytest.fixture
def hearth(
    tmp_path: Path,
    steppath: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Hearth:
    """Run a command in a folder with templates; give what it printed."""
    del steppath
    monkeypatch.chdir(tmp_path)
    for name, text in (("root.tpl", ROOT), ("leaf.tpl", LEAF), ("request.tpl", REQUEST)):
        Path(name).write_text(text)
    Path("organization.json").write_text(json.dumps({"organization": "Acme", "length": 5}))

    def run(*args: str, code: int = 0) -> str:
        status = main(("certificate", "create", *OPEN, *args))
        printed = capsys.readouterr()
        assert status == code, printed
        return printed.out if code == 0 else printed.out + printed.err

    return run


def certificate(name: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(Path(name).read_bytes())


SET = ("--set-file", "organization.json", "--set", "length=2")


def test_a_root_of_a_template_signs_itself_and_set_wins_over_the_file(hearth: Hearth) -> None:
    hearth("--template", "root.tpl", *SET, "Root", "root.crt", "root.key")
    root = certificate("root.crt")
    root.verify_directly_issued_by(root)
    assert root.subject.rfc4514_string() == "CN=Root,O=Acme"
    constraints = root.extensions.get_extension_for_class(x509.BasicConstraints)
    assert (constraints.critical, constraints.value.path_length) == (True, 2)


def test_a_leaf_of_a_template_is_signed_by_the_ca_and_dates_are_the_flags(hearth: Hearth) -> None:
    """A template's own dates are not looked at here, as in step."""
    hearth("--template", "root.tpl", *SET, "Root", "root.crt", "root.key")
    hearth("--template", "leaf.tpl", "--ca", "root.crt", "--ca-key", "root.key", "--bundle",
           "--san", "b.example", "leaf", "leaf.crt", "leaf.key")  # fmt: skip
    leaf, root = x509.load_pem_x509_certificates(Path("leaf.crt").read_bytes())
    leaf.verify_directly_issued_by(root)
    (name,) = leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    assert name.value == "leaf"
    assert leaf.not_valid_after_utc.year < 2099
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["b.example"]


def test_a_request_of_a_template(hearth: Hearth) -> None:
    hearth("--csr", "--template", "request.tpl", "joe", "joe.csr", "joe.key")
    request = x509.load_pem_x509_csr(Path("joe.csr").read_bytes())
    assert request.is_signature_valid
    assert [each.oid.dotted_string for each in request.extensions] == [
        "2.5.29.17",
        "2.5.29.15",
        "1.2.3.4",
    ]


def test_a_certificate_for_a_public_key(hearth: Hearth) -> None:
    """Nothing of a request is there to be seen but the key."""
    hearth("--template", "root.tpl", *SET, "Root", "root.crt", "root.key")
    assert main(("crypto", "keypair", *OPEN, "joe.pub", "joe.key")) == 0
    Path("key.tpl").write_text('{"subject": {{ typeOf .Insecure.CR.PublicKey | toJson }}}')
    hearth("--template", "key.tpl", "--key", "joe.pub", "--skip-csr-signature", "--ca", "root.crt",
           "--ca-key", "root.key", "joe", "joe.crt")  # fmt: skip
    assert certificate("joe.crt").subject.rfc4514_string() == "CN=*ecdsa.PublicKey"


@pytest.mark.parametrize(
    ("template", "flags", "what"),
    [
        ("{{", (), "error parsing template x.tpl"),
        ('{ {{ fail "no such thing" }} }', (), "no such thing"),
        ('{"subject": 5}', (), "subject must be"),
        ('{"subject": {"extraNames": [{"type": "1", "value": "a"}]}}', (), "object identifier"),
        ("{}", ("--profile", "leaf"), "'--profile' is incompatible with '--template'"),
        ("{}", ("--ca", "root.crt"), "'--ca' requires the '--ca-key' flag"),
        ("{}", ("--ca-key", "root.key"), "'--ca-key' requires the '--ca' flag"),
        ("{}", ("--bundle",), "'--bundle' requires the '--ca' flag"),
        ("{}", ("--set", "x"), "write it as key=value"),
        ("{}", ("--set-file", "x.tpl"), "is not a JSON object|is not JSON"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_written(
    hearth: Hearth, template: str, flags: tuple[str, ...], what: str
) -> None:
    Path("x.tpl").write_text(template)
    if "is not JSON" in what:
        Path("x.tpl").write_text('["no object"]')
    printed = hearth("--template", "x.tpl", *flags, "a", "a.crt", "a.key", code=1)
    assert any(each in printed for each in what.split("|")), printed
    assert not Path("a.crt").exists()
    assert not Path("a.key").exists()
