"""Revocation that works out of the box: `ca init --crl --ocsp`, and others than us look it up."""

import base64
import io
import json
import shutil
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID

from appliance.cli.main import main
from appliance.formats import pem
from tests.support import judges
from tests.support.appliance import Appliance, environment, free_port
from tests.support.load import csr


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Appliance]:
    directory = tmp_path_factory.mktemp("revocation")
    plain = f"127.0.0.1:{free_port()}"
    made = Appliance(directory / "ca", "--crl", "--ocsp", "--insecure-address", plain).start()
    yield made
    assert made.stop() == 0


@pytest.fixture(autouse=True)
def _no_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEPPATH", str(tmp_path / "none"))


def post(ca: Appliance, path: str, body: object) -> dict[str, Any]:
    request = urllib.request.Request(f"{ca.url}{path}", json.dumps(body).encode())
    with urllib.request.urlopen(request, context=ca.context(), timeout=20) as answer:
        found: dict[str, Any] = json.load(answer)
        return found


def issue(ca: Appliance, name: str) -> Path:
    """Issue a certificate; the file has the intermediate behind it."""
    key = ec.generate_private_key(ec.SECP256R1())
    made = post(ca, "/1.0/sign", {"csr": csr(name, key), "ott": ca.load.token(name)})
    crt = ca.directory / f"{name}.crt"
    crt.write_text("".join(made["certChain"]))
    return crt


def revoke(ca: Appliance, crt: Path) -> None:
    """Revoke it: what comes after this call comes after the acknowledgement."""
    serial = str(loaded(crt).serial_number)
    token = ca.load.token(serial, aud="https://localhost/1.0/revoke", sans=None)
    post(ca, "/1.0/revoke", {"serial": serial, "ott": token, "passive": True})


@dataclass(frozen=True, slots=True)
class Ended:
    returncode: int
    stdout: str
    stderr: str


def verify(ca: Appliance, crt: Path | str, *flags: str) -> Ended:
    """Run `hearth certificate verify` in this process."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main(["certificate", "verify", str(crt), "--roots", str(ca.root), *flags])
    return Ended(code, out.getvalue(), err.getvalue())


def loaded(crt: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(crt.read_bytes())


def pointers(certificate: x509.Certificate) -> dict[str, str]:
    """Where a certificate says that list, responder and issuer are."""
    access = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess)
    points = certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints)
    found = {
        "ocsp": AuthorityInformationAccessOID.OCSP,
        "issuer": AuthorityInformationAccessOID.CA_ISSUERS,
    }
    places = {
        name: next(each.access_location.value for each in access.value
                   if each.access_method == method)
        for name, method in found.items()
    }  # fmt: skip
    (point,) = points.value
    assert point.full_name is not None
    return places | {"crl": point.full_name[0].value}


def fetch(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=10) as answer:
        content: bytes = answer.read()
        return content


def openssl(*words: str | Path) -> str:
    ended = subprocess.run(
        ["openssl", *map(str, words)], capture_output=True, text=True, timeout=30, check=False
    )
    return ended.stdout + ended.stderr


def asked(ca: Appliance, crt: Path, *flags: str) -> str:
    """Let openssl ask the responder that the certificate names, and judge the answer."""
    intermediate = ca.steppath / "certs" / "intermediate_ca.crt"
    return openssl(
        "ocsp", *flags, "-issuer", intermediate, "-cert", crt,
        "-url", pointers(loaded(crt))["ocsp"], "-CAfile", ca.root, "-verify_other", intermediate,
    )  # fmt: skip


def test_a_certificate_says_where_everything_is_and_there_it_is(ca: Appliance) -> None:
    crt = issue(ca, "where")
    places = pointers(loaded(crt))
    assert all(url.startswith("http://localhost:") for url in places.values())
    intermediate = x509.load_der_x509_certificate(fetch(places["issuer"]))
    loaded(crt).verify_directly_issued_by(intermediate)
    listed = x509.load_der_x509_crl(fetch(places["crl"]))
    assert listed.issuer == intermediate.subject
    point = listed.extensions.get_extension_for_class(x509.IssuingDistributionPoint).value
    assert point.full_name is not None
    assert [each.value for each in point.full_name] == [places["crl"]], "or OpenSSL refuses it"


@pytest.mark.parametrize("flags", [(), ("-no_nonce",), ("-sha256",), ("-sha512", "-no_nonce")])
def test_openssl_asks_the_responder(flags: tuple[str, ...], ca: Appliance) -> None:
    crt = issue(ca, "asked")
    said = asked(ca, crt, *flags)
    assert "Response verify OK" in said
    assert "asked.crt: good" in said
    assert "WARNING: no nonce" not in said
    revoke(ca, crt)
    said = asked(ca, crt, *flags)
    assert "Response verify OK" in said
    assert "asked.crt: revoked" in said
    assert "Reason" not in said


def test_openssl_checks_the_list(ca: Appliance) -> None:
    crt = issue(ca, "listed")

    def check() -> str:
        file = ca.directory / "list.pem"
        der = fetch(pointers(loaded(crt))["crl"])
        file.write_text(pem.encode("X509 CRL", der))
        return judges.openssl_verify(crt, ca.root, "-crl_check", "-CRLfile", str(file))

    assert check() == ""
    revoke(ca, crt)
    assert "certificate revoked" in check()


def test_an_answer_over_get_is_one_that_pkilint_does_not_object_to(ca: Appliance) -> None:
    crt = issue(ca, "fetched")
    issuer = x509.load_pem_x509_certificate(
        (ca.steppath / "certs" / "intermediate_ca.crt").read_bytes()
    )
    request = ocsp.OCSPRequestBuilder().add_certificate(loaded(crt), issuer, hashes.SHA1()).build()
    text = base64.b64encode(request.public_bytes(Encoding.DER)).decode()
    base = pointers(loaded(crt))["ocsp"]
    answers = {fetch(f"{base}/{written}") for written in (text, quote(text, safe=""))}
    assert len(answers) == 1, "signed once"
    (answer,) = answers
    assert ocsp.load_der_ocsp_response(answer).certificate_status is ocsp.OCSPCertStatus.GOOD
    assert judges.lint_ocsp(answer) == set()
    (delegate,) = ocsp.load_der_ocsp_response(answer).certificates
    assert judges.lint_certificate(delegate.public_bytes(Encoding.DER)) == set()
    revoke(ca, crt)
    answer = fetch(f"{base}/{text}")
    assert ocsp.load_der_ocsp_response(answer).certificate_status is ocsp.OCSPCertStatus.REVOKED
    assert judges.lint_ocsp(answer) == set()


def test_our_client_looks_it_up(ca: Appliance) -> None:
    crt = issue(ca, "verified")
    places = pointers(loaded(crt))
    said = verify(ca, crt, "--verify-crl", "--verify-ocsp", "--verbose")
    assert said.returncode == 0, said.stderr
    assert said.stdout.splitlines() == [
        "certificate validated against roots",
        f"certificate not revoked in CRL {places['crl']}",
        f"certificate status is good according OCSP {places['ocsp']}",
        "certificate is valid",
    ]
    named = (
        "--issuing-ca", str(ca.steppath / "certs" / "intermediate_ca.crt"),
        "--crl-endpoint", f"{ca.url}/1.0/crl", "--ocsp-endpoint", f"{ca.url}/1.0/ocsp",
    )  # fmt: skip
    assert verify(ca, crt, "--verify-crl", "--verify-ocsp", *named).returncode == 0
    assert verify(ca, ca.url, "--verify-crl", "--verify-ocsp").returncode == 0, "its own, too"
    revoke(ca, crt)
    for flag, problem in (
        ("--verify-crl", f"certificate marked as revoked in CRL {places['crl']}"),
        ("--verify-ocsp", f"certificate has been revoked according to OCSP {places['ocsp']}"),
    ):
        said = verify(ca, crt, flag)
        assert said.returncode == 1
        assert problem in said.stderr
    assert verify(ca, crt).returncode == 0, "it is not looked up unless that is asked for"


@pytest.mark.parametrize(
    ("flags", "problem"),
    [
        (("--verify-ocsp", "--ocsp-endpoint", "http://127.0.0.1:1/"), "could not verify"),
        (("--verify-crl", "--crl-endpoint", "http://127.0.0.1:1/"), "connection refused"),
        (("--verify-crl", "--crl-endpoint", "{base}/ocsp"), "status code 405"),
        (("--verify-crl", "--crl-endpoint", "{base}/intermediates/x"), "status code 404"),
        (("--verify-ocsp", "--issuing-ca", "{root}"), "unauthorized"),
        (("--verify-crl", "--issuing-ca", "{root}"), "another issuer"),
        (("--verify-crl", "--issuing-ca", "{password}"), "failed to decode the issuing CA"),
    ],
)
def test_who_says_nothing_that_counts_verifies_nothing(
    flags: tuple[str, ...], problem: str, ca: Appliance
) -> None:
    crt = issue(ca, "where")
    base = pointers(loaded(crt))["ocsp"].removesuffix("/ocsp")
    known = {"base": base, "root": str(ca.root), "password": str(ca.password_file)}
    said = verify(ca, crt, *(flag.format(**known) for flag in flags))
    assert said.returncode == 1
    assert problem in said.stderr
    assert "--insecure" not in said.stderr


def test_a_certificate_that_names_nothing_cannot_be_looked_up(
    ca: Appliance, tmp_path: Path
) -> None:
    made = ca.run(
        "certificate", "create", "bare", str(tmp_path / "bare.crt"), str(tmp_path / "bare.key"),
        "--ca", str(ca.root), "--ca-key", str(ca.steppath / "secrets" / "root_ca_key"),
        "--ca-password-file", str(ca.password_file), "--no-password", "--insecure",
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    for flag, problem in (
        ("--verify-crl", "CRL distribution endpoint not found in certificate"),
        ("--verify-ocsp", "no OCSP AIA extension found"),
    ):
        said = verify(ca, tmp_path / "bare.crt", flag)
        assert (said.returncode, problem in said.stderr) == (1, True)


@pytest.mark.reference
def test_step_looks_it_up(ca: Appliance) -> None:
    crt = issue(ca, "stepped")

    def step(name: Path | str, *flags: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["step", "certificate", "verify", str(name), "--roots", str(ca.root), *flags],
            env=environment(ca.steppath), stdin=subprocess.DEVNULL, capture_output=True,
            text=True, timeout=30, check=False,
        )  # fmt: skip

    for name in (crt, ca.url):
        said = step(name, "--verify-ocsp", "--verify-crl", "--verbose")
        assert said.returncode == 0, said.stderr
        assert "certificate status is good according OCSP" in said.stdout
    revoke(ca, crt)
    for flag, problem in (("--verify-ocsp", "has been revoked"), ("--verify-crl", "as revoked")):
        said = step(crt, flag)
        assert said.returncode == 1
        assert problem in said.stderr


def test_the_old_issuers_places_hold_when_another_becomes_the_first(tmp_path: Path) -> None:
    """What is in a certificate cannot be changed any more: its list stays its issuer's."""
    plain = f"127.0.0.1:{free_port()}"
    ca = Appliance(tmp_path / "ca", "--crl", "--ocsp", "--insecure-address", plain)
    ca.start()
    try:
        old = issue(ca, "old")
        for words in (
            ("create", "new", "--ca-key", str(ca.steppath / "secrets/root_ca_key"),
             "--ca-password-file", str(ca.password_file),
             "--password-file", str(ca.password_file)),
            ("activate", "new"),
        ):  # fmt: skip
            ended = ca.run("ca", "intermediate", *words)
            assert ended.returncode == 0, ended.stderr
        reload(ca)
        new = issue(ca, "new")
        assert pointers(loaded(new))["crl"] != pointers(loaded(old))["crl"]
        for crt in (old, new):
            said = verify(ca, crt, "--verify-crl", "--verify-ocsp")
            assert said.returncode == 0, said.stderr
            revoke(ca, crt)
            assert verify(ca, crt, "--verify-crl").returncode == 1
            assert "revoked according" in verify(ca, crt, "--verify-ocsp").stderr
    finally:
        ca.stop()


def test_it_is_switched_on_and_off_by_a_reload(tmp_path: Path) -> None:
    """A ca.json that does not ask issues what step-ca issues."""
    ca = Appliance(tmp_path / "ca")
    ca.start()
    try:
        before = issue(ca, "before")
        document = json.loads(ca.ca_json.read_text())
        shutil.copy(ca.ca_json, tmp_path / "off.json")
        document["insecureAddress"] = f"127.0.0.1:{free_port()}"
        document["ocsp"] = {"enabled": True, "includeInCertificates": True}
        document["crl"] = {"enabled": True, "includeInCertificates": True}
        ca.ca_json.write_text(json.dumps(document))
        reload(ca)
        during = issue(ca, "during")
        assert verify(ca, during, "--verify-crl", "--verify-ocsp").returncode == 0
        named = ("--ocsp-endpoint", pointers(loaded(during))["ocsp"])
        said = verify(ca, before, "--verify-ocsp", *named)
        assert said.returncode == 0, "what was issued before is known, too"
        shutil.copy(tmp_path / "off.json", ca.ca_json)
        reload(ca)
        deadline = time.monotonic() + 60
        while verify(ca, during, "--verify-ocsp").returncode == 0:  # the door closes soon
            assert time.monotonic() < deadline
        after = issue(ca, "after")
        kinds = [[each.oid for each in loaded(crt).extensions] for crt in (before, during, after)]
        assert kinds[0] == kinds[2]
        assert len(kinds[1]) == len(kinds[0]) + 2
    finally:
        ca.stop()


def reload(ca: Appliance) -> None:
    """Send SIGHUP and wait until the new configuration serves."""
    said = ca.log.read_text().count("Serving HTTPS")
    assert ca.process is not None
    ca.process.send_signal(signal.SIGHUP)
    deadline = time.monotonic() + 60
    while ca.log.read_text().count("Serving HTTPS") == said:
        assert time.monotonic() < deadline, ca.log.read_text()
        time.sleep(0.02)
