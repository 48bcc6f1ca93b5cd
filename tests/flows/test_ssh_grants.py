"""Who gets which SSH certificate from a server: by template and policy; accounts, identities."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from appliance.formats.ssh import certificate as ssh_certificate
from appliance.formats.ssh import keys
from appliance.formats.ssh.certificate import SshCertificate
from tests.flows.test_ssh_serve import ask, line
from tests.support.appliance import Appliance
from tests.support.openssh import new_key, shown
from tests.support.requests import key_of, signing_request

TEMPLATE = """{"type": {{ toJson .Type }}, "keyId": {{ printf "%s of %s" .KeyID .Insecure.User.team | toJson }},
 "principals": {{ toJson .Principals }}, "extensions": {"permit-pty": ""},
 "criticalOptions": {"source-address": "10.0.0.0/8"}}"""  # noqa: E501


@pytest.fixture(scope="module")
def appliance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Appliance]:
    made = Appliance(tmp_path_factory.mktemp("grants"), "--ssh")
    document = json.loads(made.ca_json.read_text())
    document["authority"]["claims"] = {"enableSSHCA": True}
    document["authority"]["policy"] = {"ssh": {"user": {"allow": {"principal": ["jane"]}}}}
    for each in document["authority"]["provisioners"]:
        if each["type"] == "JWK":
            each["options"] = {"ssh": {"template": TEMPLATE}}
    made.ca_json.write_text(json.dumps(document))
    made.start()
    yield made
    made.stop()


def sign(appliance: Appliance, name: str, kind: str = "user", **body: Any) -> tuple[int, Any]:
    token = appliance.load.token(
        name,
        aud="https://localhost/ssh/sign",
        step={"ssh": {"certType": kind, "keyID": name, "principals": [name]}},
    )
    asked = {"publicKey": keys.of_key(new_key().public_key()).text, "ott": token}
    return ask(appliance, "/ssh/sign", {**asked, "templateData": {"team": "ops"}, **body})


def read(encoded: str) -> SshCertificate:
    return ssh_certificate.parse(base64.b64decode(encoded))


def test_a_template_says_what_the_certificate_is(appliance: Appliance, tmp_path: Path) -> None:
    status, answer = sign(appliance, "jane")
    assert status == 201, answer
    found = shown(line(read(answer["crt"])), tmp_path)
    assert found["Key ID"] == '"jane of ops"'
    assert found["Critical Options"] == ["source-address 10.0.0.0/8"]
    assert found["Extensions"] == ["permit-pty"]


@pytest.mark.parametrize(("name", "kind"), [("root", "user"), ("h.example", "host")])
def test_the_policy_keeps_others_out(appliance: Appliance, name: str, kind: str) -> None:
    status, answer = sign(appliance, name, kind)
    assert status == 403
    assert "not allowed by" in answer["message"] or "are allowed by" in answer["message"]


def test_the_account_is_made_by_a_certificate_of_its_own(
    appliance: Appliance, tmp_path: Path
) -> None:
    key = keys.of_key(new_key().public_key())
    status, answer = sign(appliance, "jane", addUserPublicKey=key.text)
    assert status == 201, answer
    made, first = read(answer["addUserCrt"]), read(answer["crt"])
    assert (made.key, made.valid_before) == (key, first.valid_before)
    found = shown(line(made), tmp_path)
    assert found["Principals"] == ["provisioner"]
    command = "sudo useradd -m jane; nc -q0 localhost 22"
    assert found["Critical Options"] == [f"force-command {command}"]


def test_an_identity_certificate_ends_with_the_ssh_certificate(appliance: Appliance) -> None:
    csr = signing_request(key_of("P-256"), "", [])
    status, answer = sign(appliance, "jane", identityCSR=csr, validBefore="1h")
    assert status == 201, answer
    leaf = x509.load_pem_x509_certificate(answer["identityCrt"][0].encode())
    assert int(leaf.not_valid_after_utc.timestamp()) == read(answer["crt"]).valid_before
