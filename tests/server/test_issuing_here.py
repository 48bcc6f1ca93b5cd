"""Certificates for the person at the box, over the control socket of a running CA."""

import subprocess
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from appliance.formats import keyfile
from appliance.model.errors import BadRequest, Forbidden, NotFound, NotSupported
from appliance.model.secret import Password
from appliance.model.ssh import CertificateType
from appliance.operator import wishes
from appliance.operator.issued_files import Written, prepare
from appliance.operator.remote import RemoteOperator, connected
from appliance.operator.wishes import FileForm, Subject, Wish
from tests.server.conftest import Authority, Start

LONG = {"maxTLSCertDuration": "19800h", "defaultTLSCertDuration": "8760h"}
SECRET = Password(b"open sesame")


def entries(authority: Authority) -> list[dict[str, Any]]:
    """Make provisioners of several types, one of them switched to what no key signs."""
    jwk: dict[str, Any] = {**authority.provisioner.entry(), "name": "admin"}
    return [
        {"type": "ACME", "name": "acme", "options": {"acme": {"profiles": {"device": {}}}}},
        {"type": "SSHPOP", "name": "sshpop"},
        {
            **jwk,
            "claims": {**LONG, "enableSSHCA": True},
            "options": {
                "x509": {"deny": {"dns": ["evil.example"]}},
                "ssh": {
                    "user": {"deny": {"principal": ["root"]}},
                    "host": {"allow": {"dns": ["*.test"]}},
                },
            },
        },
        {
            **jwk,
            "name": "own",
            "key": {**jwk["key"], "kid": "own"},
            "options": {
                "x509": {
                    "template": '{"subject": {{ toJson .Insecure.User.who }}, '
                    '"sans": {{ toJson .SANs }}, "extKeyUsage": ["clientAuth"]}'
                }
            },
        },
    ]


@pytest.fixture(autouse=True)
def quick_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords are stretched less here than in earnest."""
    monkeypatch.setattr(keyfile, "ITERATIONS", 1000)


def ssh_keys(directory: Path) -> dict[str, str]:
    found = {}
    for name in ("hostKey", "userKey"):
        key = ec.generate_private_key(ec.SECP256R1())
        file = directory / name
        file.touch(mode=0o600)
        file.write_bytes(
            key.private_bytes(
                Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        found[name] = str(file)
    return found


@pytest.fixture
def configured(authority: Authority) -> Authority:
    authority.configure(
        authority={"provisioners": entries(authority)}, ssh=ssh_keys(authority.directory)
    )
    return authority


async def issued(operator: RemoteOperator, wish: Wish) -> Written:
    return (await prepare(wish).ask(operator)).write(wish)


def openssl(*arguments: str | Path) -> str:
    done = subprocess.run(
        ["openssl", *map(str, arguments)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


async def test_a_printer_gets_a_certificate_for_a_year_in_each_form_of_file(
    start: Start, configured: Authority, tmp_path: Path
) -> None:
    root = configured.directory / "root.crt"
    wish = Wish(
        names="printer.test 192.0.2.9, a@home.test spiffe://home.test/p", provisioner="admin"
    )
    async with start(), connected(configured.directory / "db") as operator:
        two = await issued(operator, replace(wish, path=str(tmp_path / "printer.crt")))
        assert [file.name for file in two.files] == ["printer.crt", "printer.key"]
        assert {file.stat().st_mode & 0o777 for file in two.files} == {0o600}
        openssl("verify", "-CAfile", root, "-untrusted", two.files[0], two.files[0])
        leaf = x509.load_pem_x509_certificate(two.text.encode())
        assert leaf.not_valid_after_utc - datetime.now(UTC) > timedelta(days=364)
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert names.get_values_for_type(x509.DNSName) == ["printer.test"]
        assert len(names) == 4
        key = serialization.load_pem_private_key(two.files[1].read_bytes(), None)
        assert key.public_key() == leaf.public_key()

        one = replace(
            wish, form=FileForm.ONE_PEM, key="Ed25519", passphrase=SECRET, again=SECRET,
            lifetime="30d", path=str(tmp_path / "printer.pem"),
        )  # fmt: skip
        both = await issued(operator, one)
        assert both.files[0].read_bytes().count(b"BEGIN CERTIFICATE") == 2
        openssl("pkey", "-in", both.files[0], "-passin", "pass:open sesame", "-noout")
        assert timedelta(days=29) < both.not_after - datetime.now(UTC) < timedelta(days=31)

        for form, kind, said in (
            (FileForm.P12, "EC P-384", "PBES2"),
            (FileForm.OLD_P12, "RSA 2048", "pbeWithSHA1And3-KeyTripleDES-CBC"),
        ):
            store = replace(one, form=form, key=kind, path=str(tmp_path / f"{kind}.p12"))
            written = (await issued(operator, store)).files[0]
            opened, own, chain = pkcs12.load_key_and_certificates(
                written.read_bytes(), SECRET.reveal()
            )
            assert own is not None
            assert opened is not None
            assert opened.public_key() == own.public_key()
            assert len(chain) == 1
            info = subprocess.run(
                ["openssl", "pkcs12", "-in", str(written), "-info", "-noout", "-legacy",
                 "-passin", "pass:open sesame"],
                capture_output=True, text=True, check=True,
            )  # fmt: skip
            assert said in info.stderr
        told = [each.event for each in await operator.events()]
        detail = await operator.certificate(two.serial)
    assert {
        (each.asked_by, each.client, each.provisioner, each.journaled)
        for each in told
        if each.kind == "issued"
    } == {("the operator", "operator", "admin", True)}
    assert detail.summary.subject == "printer.test"


def csr(common_name: str, *sans: str, key: ec.EllipticCurvePrivateKey | None = None) -> str:
    builder = x509.CertificateSigningRequestBuilder(
        subject_name=x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    )
    if sans:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([x509.DNSName(each) for each in sans]), critical=False
        )
    made = builder.sign(key or ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    return made.public_bytes(Encoding.PEM).decode()


async def test_the_request_of_a_device_is_signed_pasted_or_from_its_file(
    start: Start, configured: Authority, tmp_path: Path
) -> None:
    """A name in the subject alone, as devices write it, is put where clients look for it."""
    file = tmp_path / "nas.csr"
    file.write_text(csr("nas.test"))
    wish = Wish(subject=Subject.REQUEST, request=str(file), provisioner="acme", profile="device")

    def names_of(written: Written) -> Sequence[str]:
        leaf = x509.load_pem_x509_certificate(written.text.encode())
        usages = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        assert list(usages) == [ExtendedKeyUsageOID.CLIENT_AUTH]
        san = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        return san.get_values_for_type(x509.DNSName)

    async with start(), connected(configured.directory / "db") as operator:
        first = await issued(operator, replace(wish, path=str(tmp_path / "1.crt")))
        assert names_of(first) == ["nas.test"]
        pasted = replace(wish, request=csr("x", "a.test", "b.test"), path=str(tmp_path / "2.crt"))
        assert names_of(await issued(operator, pasted)) == ["a.test", "b.test"]
        others = replace(pasted, names="c.test", path=str(tmp_path / "3.crt"))
        assert names_of(await issued(operator, others)) == ["c.test"]


async def test_what_policy_claims_or_template_forbid_is_refused_with_their_words(
    start: Start, configured: Authority
) -> None:
    wish = Wish(names="nas.test", provisioner="admin")
    async with start(), connected(configured.directory / "db") as operator:

        async def refused(wish: Wish, kind: type[Exception], said: str) -> None:
            order, _ = wishes.x509_order(wish)
            with pytest.raises(kind, match=said):
                await operator.issue_certificate(order)

        await refused(replace(wish, names="evil.example"), Forbidden, "evil.example")
        await refused(replace(wish, lifetime="9y"), Forbidden, "maximum certificate duration")
        await refused(replace(wish, provisioner="nobody"), NotFound, "nobody")
        await refused(replace(wish, provisioner="sshpop"), NotSupported, "certifies nothing")
        await refused(replace(wish, profile="device"), NotFound, "no profile")
        order, _ = wishes.x509_order(wish)
        with pytest.raises(BadRequest):
            await operator.issue_certificate(replace(order, csr=b"no request"))
        templated, _ = wishes.x509_order(replace(wish, provisioner="own", data="who=Jane Doe"))
        leaf = x509.load_der_x509_certificate((await operator.issue_certificate(templated))[0])
        assert "Jane Doe" in leaf.subject.rfc4514_string()
        offers = await operator.offers()
        told = [each.event for each in await operator.events() if each.event.kind == "refused"]
    assert {each.asked_by for each in told} == {"the operator"}
    assert [(each.name, each.has_template) for each in offers] == [
        ("admin", False), ("own", True), ("acme", False),
    ]  # fmt: skip
    assert offers[0].ssh(CertificateType.HOST) is not None
    assert offers[1].ssh(CertificateType.USER) is None
    assert offers[2].profiles == {"device": offers[2].x509}


async def test_ssh_certificates_are_issued_for_a_public_key(
    start: Start, configured: Authority, tmp_path: Path
) -> None:
    key = ed25519.Ed25519PrivateKey.generate().public_key()
    line = key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    wish = Wish(
        subject=Subject.SSH_USER, ssh_key=f"{line} jane@laptop", names="jane, admin",
        provisioner="admin", path=str(tmp_path / "jane-cert.pub"), lifetime="2h",
    )  # fmt: skip
    async with start(), connected(configured.directory / "db") as operator:
        order = wishes.ssh_order(wish)
        written = await issued(operator, wish)
        host = replace(wish, subject=Subject.SSH_HOST, names="nas.test", key_id="nas")
        made = await operator.issue_ssh_certificate(wishes.ssh_order(host))
        assert made.line.startswith("ssh-ed25519-cert-v01@openssh.com ")
        with pytest.raises(Forbidden, match="root"):
            await operator.issue_ssh_certificate(replace(order, principals=("root",)))
        with pytest.raises(BadRequest, match="without principals"):
            await operator.issue_ssh_certificate(replace(order, principals=()))
        with pytest.raises(Forbidden, match="disabled"):
            await operator.issue_ssh_certificate(replace(order, provisioner="own"))
    shown = subprocess.run(
        ["ssh-keygen", "-L", "-f", str(written.files[0])],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for part in ("user certificate", '"jane@laptop"', "jane\n", "admin\n", "permit-pty"):
        assert part in shown
