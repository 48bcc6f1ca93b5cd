"""People log in at an identity provider and get certificates from a whole server."""

import http.client
import json
import os
import signal
import ssl
import stat
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from tests.provisioners import oidc_cases
from tests.provisioners.record_oidc import GOLDEN
from tests.support.appliance import Appliance, environment
from tests.support.idp import CLIENT, SECRET, Idp, Mood, idp
from tests.support.requests import key_of, private_pem
from tests.support.web import Certified, new_root

RECORDED: dict[str, Any] = json.loads(GOLDEN.read_text())
BROWSER = """#!/bin/sh
exec {python} -c 'import sys, urllib.request; urllib.request.urlopen(sys.argv[1], timeout=10)' "$1"
"""
DIFFERENT: dict[str, dict[str, Any]] = {
    # our answers that differ from the recorded ones on purpose: homelab.md, section 10
    "email-not-ascii": {"status": 400},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A CA, its providers, and a person with a browser."""

    appliance: Appliance
    plain: Idp
    secure: Idp
    folder: Path
    authority: Certified

    def post(self, path: str, body: object) -> tuple[int, dict[str, Any]]:
        connection = http.client.HTTPSConnection(
            "localhost", self.appliance.port, context=self.appliance.context(), timeout=20
        )
        try:
            connection.request("POST", path, json.dumps(body))
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        finally:
            connection.close()

    def listed(self, name: str) -> dict[str, Any]:
        url = f"{self.appliance.url}/provisioners?limit=100"
        with urllib.request.urlopen(url, context=self.appliance.context()) as answer:
            entries = json.load(answer)["provisioners"]
        found: dict[str, Any] = next(each for each in entries if each["name"] == name)
        return found

    def client(
        self, *words: str, program: list[str] | None = None, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command with the browser first on PATH, trusting the provider's root."""
        known = environment(self.appliance.steppath)
        return subprocess.run(
            [*(program or self.appliance.command), *words],
            env={
                **known,
                "PATH": f"{self.folder / 'bin'}:{known['PATH']}",
                "SSL_CERT_FILE": str(self.folder / "idp.crt"),
                **variables,
            },
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            start_new_session=True,
        )

    def ok(self, *words: str, **options: Any) -> str:
        ended = self.client(*words, **options)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    def certificate(self, name: str) -> x509.Certificate:
        return x509.load_pem_x509_certificate((self.folder / name).read_bytes())


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("person")
    root = new_root("Provider Root")
    (folder / "idp.crt").write_text(root.pem)
    (folder / "bin").mkdir()
    browser = folder / "bin" / "xdg-open"
    browser.write_text(BROWSER.format(python=os.path.realpath("/proc/self/exe")))
    browser.chmod(0o755)
    appliance = Appliance(tmp_path_factory.mktemp("ca"))
    with idp() as plain, idp(root.issue("localhost")) as secure:
        document = json.loads(appliance.ca_json.read_text())
        document["authority"]["provisioners"] += [
            *oidc_cases.entries(plain), secure.entry(name="people", admins=["root@example.com"]),
        ]  # fmt: skip
        appliance.ca_json.write_text(json.dumps(document))
        os.environ["SSL_CERT_FILE"] = str(folder / "idp.crt")
        try:
            appliance.start()
        finally:
            del os.environ["SSL_CERT_FILE"]
        world = World(
            appliance=appliance, plain=plain, secure=secure, folder=folder, authority=root
        )
        yield world
        appliance.stop()


@pytest.mark.parametrize("name", oidc_cases.CASES)
def test_a_login_is_answered_as_step_ca_answers_it(world: World, name: str) -> None:
    path, body = oidc_cases.asked(name, world.plain)
    status, answer = world.post(path, body)
    outcome = oidc_cases.outcome(status, answer, world.plain)
    expected = {**RECORDED[name], **DIFFERENT.get(name, {})}
    again = expected.pop("again")
    assert outcome == expected, answer
    if status < 300:
        assert world.post(path, body)[0] == again


def test_the_listing_says_why_a_provider_cannot_be_asked(world: World) -> None:
    assert "state" not in world.listed("anybody")
    broken = world.listed("no-provider")
    assert (broken["state"], broken["clientSecret"]) == ("Uninitialized", SECRET)
    assert "connection refused" in broken["stateReason"]
    assert "status 404" in world.listed("no-document")["stateReason"]
    log = world.appliance.log.read_text()
    assert 'failed to initialize OIDC provisioner "no-provider"' in log


def test_the_person_gets_a_certificate_by_a_browser(world: World) -> None:
    said = world.client(
        "ca", "certificate", "jane@example.com", "jane.crt", "jane.key", "--provisioner", "people"
    )
    assert said.returncode == 0, said.stderr
    assert "Your default web browser has been opened to visit:" in said.stderr
    certificate = world.certificate("jane.crt")
    assert certificate.subject.rfc4514_string() == "CN=1234"
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [name.value for name in names] == ["jane@example.com", f"{world.secure.url}#1234"]
    assert stat.S_IMODE((world.folder / "jane.key").stat().st_mode) == 0o600


def test_an_admin_gets_one_for_a_machine(world: World) -> None:
    world.secure.person["email"] = "root@example.com"
    try:
        world.ok(
            "ca", "certificate", "nas.example", "nas.crt", "nas.key", "--provisioner", "people",
            "--san", "nas.example", "--san", "192.0.2.9",
        )  # fmt: skip
        names = world.certificate("nas.crt").extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        )
        assert [str(name.value) for name in names.value] == ["nas.example", "192.0.2.9"]
    finally:
        world.secure.person["email"] = "jane@example.com"


def test_a_request_is_signed_after_a_login_on_another_device(world: World) -> None:
    world.ok(
        "certificate", "create", "--csr", "pc", "pc.csr", "pc.key", "--no-password", "--insecure"
    )
    world.secure.pending = 1
    said = world.client("ca", "sign", "pc.csr", "pc.crt", "--provisioner", "people", "--console")
    assert said.returncode == 0, said.stderr
    assert f"Visit {world.secure.url}/verify and enter the code:\nWDJB-MJHT\n" in said.stderr
    assert world.certificate("pc.crt").subject.rfc4514_string() == "CN=1234"


def test_a_token_can_be_had_beforehand(world: World) -> None:
    token = world.ok("ca", "token", "jane@example.com", "--provisioner", "people").strip()
    world.ok("ca", "certificate", "jane@example.com", "t.crt", "t.key", "--token", token)
    again = world.client("ca", "certificate", "jane@example.com", "u.crt", "u.key", "--token", token)  # fmt: skip # noqa: E501
    assert again.returncode == 1
    assert not (world.folder / "u.crt").exists()


CLIENT_FLAGS = ["--client-id", CLIENT, "--client-secret", SECRET]


def test_oauth_prints_what_is_asked_for(world: World) -> None:
    at = ["oauth", "--provider", world.secure.url, *CLIENT_FLAGS]
    tokens = json.loads(world.ok(*at, "--scope", "openid", "--scope", "groups"))
    assert list(tokens) == [
        "access_token", "id_token", "refresh_token", "expires_in", "token_type", "scope",
    ]  # fmt: skip
    assert tokens["scope"] == "openid groups"
    assert world.ok(*at, "--bare") == "access\n"
    assert world.ok(*at, "--header") == "Authorization: Bearer access\n"
    assert world.ok(*at, "--bare", "--oidc").count(".") == 2
    endpoints = ["--authorization-endpoint", f"{world.secure.url}/authorize"]
    endpoints += ["--token-endpoint", f"{world.secure.url}/token"]
    assert world.ok("oauth", *CLIENT_FLAGS, *endpoints, "--bare") == "access\n"


def test_without_a_browser_the_url_is_printed(world: World) -> None:
    at = ["oauth", "--provider", world.secure.url, *CLIENT_FLAGS, "--bare"]
    (world.folder / "empty").mkdir()
    process = subprocess.Popen(
        [*world.appliance.command, *at],
        env={
            **environment(world.appliance.steppath),
            "SSL_CERT_FILE": str(world.folder / "idp.crt"),
            "PATH": str(world.folder / "empty"),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    lines = [process.stderr.readline() for _ in range(5)]
    assert lines[0] == "Cannot open a web browser on your platform.\n"
    context = ssl.create_default_context(cadata=world.authority.pem)
    urllib.request.urlopen(lines[4].strip(), context=context, timeout=10).close()
    assert process.communicate(timeout=20)[0] == "access\n"


def test_accounts_of_google(world: World, tmp_path: Path) -> None:
    installed = {
        "auth_uri": f"{world.secure.url}/authorize", "token_uri": f"{world.secure.url}/token",
        "client_id": CLIENT, "client_secret": SECRET,
    }  # fmt: skip
    file = tmp_path / "account.json"
    file.write_text(json.dumps({"installed": installed}))
    assert world.ok("oauth", "--account", str(file), "--bare") == "access\n"
    service = {
        "type": "service_account", "token_uri": f"{world.secure.url}/token",
        "private_key_id": "k1", "private_key": private_pem(key_of("RSA-2048")).decode(),
        "client_email": "robot@example.com",
    }  # fmt: skip
    file.write_text(json.dumps(service))
    assert world.ok("oauth", "--account", str(file), "--bare") == "for the account\n"
    own = json.loads(world.ok("oauth", "--account", str(file), "--jwt", "--scope", "https://api"))
    assert (own["token_type"], own["expires_in"]) == ("Bearer", 3600)
    file.write_text('{"type": "service_account", "private_key": "secret of mine"}')
    ended = world.client("oauth", "--account", str(file))
    assert ended.returncode == 1
    assert "secret of mine" not in ended.stderr


def test_a_reload_while_the_provider_is_down_changes_nothing_for_people(world: World) -> None:
    world.secure.mood = world.plain.mood = Mood.FAILING
    try:
        assert world.appliance.process is not None
        before = world.appliance.log.read_text().count("Serving HTTPS")
        world.appliance.process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + 60
        while world.appliance.log.read_text().count("Serving HTTPS") == before:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert "state" not in world.listed("anybody")
        path, body = oidc_cases.asked("anybody", world.plain)
        assert world.post(path, body)[0] == 201
    finally:
        world.secure.mood = world.plain.mood = Mood.WELL
