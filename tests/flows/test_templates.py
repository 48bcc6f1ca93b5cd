"""Templates of a whole appliance: from ca.json and --set to the certificate."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509

from tests.support.appliance import Appliance, environment

TEMPLATE = """{
  {{- if not .Insecure.User.team }}{{ fail "say which team: --set team=NAME" }}{{ end }}
  "subject": {"commonName": {{ toJson .Subject.CommonName }},
              "organization": {{ toJson .Organization }},
              "organizationalUnit": {{ toJson .Insecure.User.team }}},
  "sans": {{ toJson .SANs }},
  "extKeyUsage": ["clientAuth"]
}"""


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Appliance]:
    """A CA with provisioners `admin` (a template in a file), `broken` and `wrong`."""
    made = Appliance(tmp_path_factory.mktemp("templates"))
    templates = made.steppath / "templates"
    templates.mkdir(exist_ok=True)
    (templates / "team.tpl").write_text(TEMPLATE)
    document = json.loads(made.ca_json.read_text())
    admin, *others = document["authority"]["provisioners"]
    in_file = {"templateFile": "templates/team.tpl", "templateData": {"Organization": "Acme"}}
    entries = [
        {**admin, "options": {"x509": in_file}},
        {**admin, "name": "broken", "options": {"x509": {"template": "{ {{ cut off"}}},
        {**admin, "name": "wrong", "options": {"x509": {"template": '{"subject": {{ 5 }}}'}}},
    ]
    document["authority"]["provisioners"] = [*entries, *others]
    made.ca_json.write_text(json.dumps(document))
    made.start()
    yield made
    assert made.stop() == 0


def asked(ca: Appliance, folder: Path, provisioner: str, *flags: str) -> tuple[str, ...]:
    """Give the arguments that ask for a certificate in a folder, in step's words."""
    return (
        *("ca", "certificate", "joe.example", str(folder / "joe.crt"), str(folder / "joe.key")),
        *("--provisioner", provisioner, "--provisioner-password-file", str(ca.password_file)),
        *("--ca-url", ca.url, "--root", str(ca.root), "--force", *flags),
    )


def organization(file: Path) -> str:
    return x509.load_pem_x509_certificate(file.read_bytes()).subject.rfc4514_string()


def test_what_the_client_sets_is_in_the_certificate(ca: Appliance, tmp_path: Path) -> None:
    ended = ca.run(*asked(ca, tmp_path, "admin", "--set", "team=Operations"))
    assert ended.returncode == 0, ended.stderr
    assert organization(tmp_path / "joe.crt") == "CN=joe.example,OU=Operations,O=Acme"


def test_a_template_refuses_in_its_own_words(ca: Appliance, tmp_path: Path) -> None:
    ended = ca.run(*asked(ca, tmp_path, "admin"))
    assert ended.returncode == 1
    assert "say which team: --set team=NAME" in ended.stderr
    assert not (tmp_path / "joe.crt").exists()


def test_a_broken_template_stops_nobody_else_and_the_start_says_so(
    ca: Appliance, tmp_path: Path
) -> None:
    for name in ("broken", "wrong"):
        ended = ca.run(*asked(ca, tmp_path, name))
        assert ended.returncode == 1
        assert "The certificate authority failed" in ended.stderr
    log = ca.log.read_text()
    assert "authority.provisioners[1].options.x509: " in log
    assert "error applying certificate template: subject must be an object" in log


def test_what_check_shows_is_what_is_issued(ca: Appliance, tmp_path: Path) -> None:
    made = ca.run("certificate", "create", "--csr", "--no-password", "--insecure", "joe.example",
                  str(tmp_path / "joe.csr"), str(tmp_path / "joe.key"))  # fmt: skip
    assert made.returncode == 0, made.stderr
    shown = ca.run("template", "check", "--provisioner", "admin", "--set", "team=Operations",
                   str(tmp_path / "joe.csr"))  # fmt: skip
    assert "Subject: O=Acme,OU=Operations,CN=joe.example" in shown.stdout
    refused = ca.run("template", "check", "--provisioner", "admin", str(tmp_path / "joe.csr"))
    assert (refused.returncode, refused.stderr) == (1, "say which team: --set team=NAME\n")


@pytest.mark.reference
def test_the_real_step_client_sets_it_too(ca: Appliance, tmp_path: Path) -> None:
    def step(*flags: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["step", *asked(ca, tmp_path, "admin", *flags)],
            env=environment(tmp_path / "client"),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            start_new_session=True,
        )

    (tmp_path / "data.json").write_text('{"team": ["B", "A"]}')
    ended = step("--set-file", str(tmp_path / "data.json"))
    assert ended.returncode == 0, ended.stderr
    # values of one kind make one set, which is sorted
    assert organization(tmp_path / "joe.crt") == "CN=joe.example,OU=A+OU=B,O=Acme"
    refused = step()
    assert refused.returncode == 1
    assert "say which team" in refused.stderr
