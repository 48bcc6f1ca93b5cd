"""Logging in: the real step client against our server, our client against step-ca."""

import hashlib
import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509

from appliance.formats import pem
from tests.support import stepca
from tests.support.appliance import HEARTH, Appliance, environment
from tests.support.idp import CLIENT, SECRET, Idp, idp
from tests.support.web import new_root

pytestmark = pytest.mark.reference

BROWSER = """#!/bin/sh
exec {python} -c 'import sys, urllib.request; urllib.request.urlopen(sys.argv[1], timeout=10)' "$1"
"""
PROGRAMS = {"step": ["step"], "hearth": HEARTH}


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody with a browser, a client program, and a CA that it trusts."""

    folder: Path
    program: list[str]
    provider: Idp

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        known = environment(self.folder / "step")
        return subprocess.run(
            [*self.program, *words],
            env={
                **known,
                "PATH": f"{self.folder / 'bin'}:{known['PATH']}",
                "SSL_CERT_FILE": str(self.folder / "idp.crt"),
            },
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            start_new_session=True,
        )

    def ok(self, *words: str) -> str:
        ended = self.run(*words)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    def leaf(self, name: str) -> tuple[str, list[str]]:
        """Subject and names of a certificate."""
        certificate = x509.load_pem_x509_certificate((self.folder / name).read_bytes())
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        return certificate.subject.rfc4514_string(), [str(name.value) for name in names]


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """Where a CA is, and the fingerprint of its root."""

    url: str
    fingerprint: str


def _fingerprint(root: Path) -> str:
    return hashlib.sha256(pem.certificates(root.read_bytes())[0]).hexdigest()


def _with(document: dict[str, object], provider: Idp) -> dict[str, object]:
    authority = document["authority"]
    assert isinstance(authority, dict)
    authority["provisioners"].append(provider.entry(name="people", admins=["root@example.com"]))
    return document


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Idp]:
    root = new_root("Provider Root")
    file = tmp_path_factory.mktemp("trust") / "idp.crt"
    file.write_text(root.pem)
    os.environ["SSL_CERT_FILE"] = str(file)
    try:
        with idp(root.issue("localhost")) as running:
            yield running
    finally:
        del os.environ["SSL_CERT_FILE"]


@pytest.fixture(scope="module", params=["hearth", "step-ca"])
def authority(
    request: pytest.FixtureRequest, provider: Idp, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Authority]:
    appliance = Appliance(tmp_path_factory.mktemp("ca"))
    document = _with(json.loads(appliance.ca_json.read_text()), provider)
    fingerprint = _fingerprint(appliance.root)
    if request.param == "hearth":
        appliance.ca_json.write_text(json.dumps(document))
        appliance.start()
        yield Authority(url=appliance.url, fingerprint=fingerprint)
        appliance.stop()
        return
    folder = tmp_path_factory.mktemp("reference")
    document["db"] = {"type": "badgerv2", "dataSource": str(folder / "db")}
    password = appliance.password_file.read_text()
    with stepca.serving(folder, document, password=password) as running:
        yield Authority(url=f"https://localhost:{running.port}", fingerprint=fingerprint)


@pytest.fixture(params=PROGRAMS)
def person(
    request: pytest.FixtureRequest, provider: Idp, authority: Authority, tmp_path: Path
) -> Person:
    (tmp_path / "idp.crt").write_text(Path(os.environ["SSL_CERT_FILE"]).read_text())
    (tmp_path / "bin").mkdir()
    browser = tmp_path / "bin" / "xdg-open"
    browser.write_text(BROWSER.format(python=os.path.realpath("/proc/self/exe")))
    browser.chmod(0o755)
    provider.person = {"sub": "1234", "email": "jane@example.com"}
    made = Person(folder=tmp_path, program=PROGRAMS[request.param], provider=provider)
    made.ok("ca", "bootstrap", "--ca-url", authority.url, "--fingerprint", authority.fingerprint)
    return made


def test_a_certificate_for_the_person_by_a_browser(person: Person) -> None:
    made = ("jane@example.com", "j.crt", "j.key")
    person.ok("ca", "certificate", *made, "--provisioner", "people")
    names = ["jane@example.com", f"{person.provider.url}#1234"]
    assert person.leaf("j.crt") == ("CN=1234", names)


def test_a_certificate_for_a_machine_by_an_admin(person: Person) -> None:
    person.provider.person["email"] = "root@example.com"
    person.ok("ca", "certificate", "nas.example", "n.crt", "n.key", "--provisioner", "people")
    assert person.leaf("n.crt") == ("CN=nas.example", ["nas.example"])


def test_a_token_first_and_only_once(person: Person) -> None:
    flags = ["--client-id", CLIENT, "--client-secret", SECRET, "--oidc", "--bare"]
    token = person.ok("oauth", "--provider", person.provider.url, *flags).strip()
    asked = ["ca", "certificate", "jane@example.com"]
    person.ok(*asked, "t.crt", "t.key", "--token", token)
    assert person.leaf("t.crt")[0] == "CN=1234"
    assert person.run(*asked, "u.crt", "u.key", "--token", token).returncode == 1


def test_a_request_of_its_own_by_a_device(person: Person) -> None:
    person.ok(
        *("certificate", "create", "pc", "p.csr", "p.key"),
        *("--csr", "--no-password", "--insecure"),
    )
    person.provider.pending = 1
    said = person.run("ca", "sign", "p.csr", "p.crt", "--provisioner", "people", "--console")
    assert said.returncode == 0, said.stderr
    assert f"Visit {person.provider.url}/verify and enter the code:\nWDJB-MJHT" in said.stderr
    assert person.leaf("p.crt")[0] == "CN=1234"


def test_the_same_tokens_are_printed(person: Person) -> None:
    flags = ["--client-id", CLIENT, "--client-secret", SECRET, "--scope", "openid"]
    printed = person.ok("oauth", "--provider", person.provider.url, *flags)
    tokens = json.loads(printed)
    assert printed == json.dumps(tokens, indent=2) + "\n"
    assert list(tokens) == [
        "access_token", "id_token", "refresh_token", "expires_in", "token_type", "scope",
    ]  # fmt: skip
