"""Webhooks and name policies of a whole appliance, as clients and webhooks' servers see them."""

import base64
import hashlib
import hmac
import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from tests.support.appliance import Appliance
from tests.support.load import Provisioner
from tests.support.requests import key_of, signing_request
from tests.support.webhooks import Receiver, Reply, receiving, unused_port

SECRET, TOKEN = b"the key of the signature", "a-bearer-token"
TEMPLATE = """{"subject": {"commonName": {{ toJson .Subject.CommonName }},
  "organization": {{ toJson .Webhooks.people.team }}}, "sans": {{ toJson .SANs }}}"""
NOPE = {"allow": False, "error": {"code": "X1", "message": "nope"}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A CA, its provisioners by name, and the server that its webhooks are at."""

    ca: Appliance
    provisioners: dict[str, Provisioner]
    receiver: Receiver

    def sign(self, by: str, name: str = "host.example") -> tuple[int, dict[str, Any]]:
        """Ask a provisioner for a certificate."""
        body = {
            "csr": signing_request(key_of("P-256"), name, [name]),
            "ott": self.provisioners[by].token(name),
        }
        request = urllib.request.Request(f"{self.ca.url}/1.0/sign", json.dumps(body).encode())
        try:
            with urllib.request.urlopen(request, context=self.ca.context(), timeout=30) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)


def hook(name: str, kind: str, url: str, **more: Any) -> dict[str, Any]:
    return {"id": f"id-{name}", "name": name, "kind": kind, "url": url, **more}


def options(receiver: Receiver, folder: Path) -> dict[str, dict[str, Any]]:
    """Give the options of each provisioner."""
    (folder / "secret").write_text(base64.b64encode(SECRET).decode() + "\n")
    secret = {"secretFile": str(folder / "secret"), "bearerToken": TOKEN}
    at = receiver.url
    return {
        "open": {},
        "asked": {
            "x509": {"template": TEMPLATE},
            "webhooks": [
                hook("people", "ENRICHING", at + "/people/{{ .Token.sub }}", **secret),
                hook("last", "AUTHORIZING", at + "/last", disableTLSClientAuth=True),
            ],
        },
        "denied": {"webhooks": [hook("no", "ENRICHING", at + "/no")]},
        "forbidden": {"webhooks": [hook("no", "AUTHORIZING", at + "/no")]},
        "slow": {"webhooks": [hook("slow", "ENRICHING", at + "/slow")]},
        "gone": {"webhooks": [hook("gone", "ENRICHING", f"https://localhost:{unused_port()}")]},
        "broken": {"webhooks": [hook("plain", "ENRICHING", "http://localhost/x")]},
        "ruled": {
            "x509": {"allow": {"dns": ["*.lab.example"]}, "deny": {"dns": ["x.lab.example"]}}
        },
    }


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("webhooks")
    ca = Appliance(folder)
    certs, keys = ca.steppath / "certs", ca.steppath / "secrets"
    chain, key = folder / "webhook.crt", folder / "webhook.key"
    made = ca.run(
        "certificate", "create", "localhost", str(chain), str(key), "--bundle",
        "--ca", str(certs / "intermediate_ca.crt"), "--ca-key", str(keys / "intermediate_ca_key"),
        "--ca-password-file", str(ca.password_file), "--no-password", "--insecure",
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    with receiving(chain, key, ca.root) as receiver:
        receiver.answers("/people/host.example", {"allow": True, "data": {"team": "Ours & co"}})
        receiver.answers("/no", NOPE)
        receiver.answers("/slow", Reply(after=2.0))
        provisioners = {}
        document = json.loads(ca.ca_json.read_text())
        for name, written in options(receiver, folder).items():
            provisioners[name] = Provisioner.generate(name)
            entry = provisioners[name].entry() | {"options": written}
            document["authority"]["provisioners"].append(entry)
        document["authority"]["policy"] = {
            "x509": {"deny": {"dns": ["*.forbidden.example", "localhost"]}}
        }
        ca.ca_json.write_text(json.dumps(document))
        try:
            yield Scene(ca=ca.start(), provisioners=provisioners, receiver=receiver)
        finally:
            ca.stop()


def test_a_webhook_fills_the_template_and_another_gives_leave(scene: Scene) -> None:
    status, answer = scene.sign("asked")
    assert status == 201, answer
    leaf = x509.load_pem_x509_certificate(answer["crt"].encode())
    (team,) = leaf.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    assert team.value == "Ours & co"
    (before,) = scene.receiver.at("/people/host.example")
    (after,) = scene.receiver.at("/last")
    assert list(before.json()) == ["timestamp", "x509CertificateRequest"]
    assert list(after.json()) == ["timestamp", "x509Certificate"]
    assert after.json()["x509Certificate"]["subject"]["organization"] == ["Ours & co"]
    assert (before.client, after.client) == ("Step Online CA", "")
    signature = hmac.new(SECRET, before.body, hashlib.sha256).hexdigest()
    assert before.headers["x-smallstep-signature"] == signature
    assert before.headers["x-smallstep-webhook-id"] == "id-people"
    assert before.headers["authorization"] == f"Bearer {TOKEN}"
    assert before.headers["x-request-id"] == after.headers["x-request-id"]
    assert "authorization" not in after.headers


def test_a_denial_before_is_told_and_one_after_is_logged(scene: Scene) -> None:
    status, answer = scene.sign("denied")
    assert (status, answer["message"]) == (403, "webhook no: nope (X1)")
    status, answer = scene.sign("forbidden")
    assert status == 403
    assert "nope" not in answer["message"]
    deadline = time.monotonic() + 60  # lines are written a moment after the answer
    while "webhook no: nope (X1)" not in scene.ca.log.read_text():
        assert time.monotonic() < deadline, scene.ca.log.read_text()
        time.sleep(0.02)


def test_a_webhook_that_hangs_costs_only_its_own_request(scene: Scene) -> None:
    with ThreadPoolExecutor() as threads:
        waiting = threads.submit(scene.sign, "slow")
        while not scene.receiver.at("/slow"):
            time.sleep(0.01)
        assert scene.sign("open")[0] == 201
        assert not waiting.done()
        assert waiting.result()[0] == 201


def test_a_webhook_that_is_not_there_refuses_after_a_second_attempt(scene: Scene) -> None:
    started = time.monotonic()
    status, answer = scene.sign("gone")
    assert status == 403
    assert answer["message"].startswith("webhook gone: POST https://localhost:")
    assert 1.0 <= time.monotonic() - started < 10


def test_a_webhook_without_tls_stops_its_provisioner_and_nobody_else(scene: Scene) -> None:
    """As in step-ca: it is listed as not initialized, with the reason."""
    listed = get(scene, "/provisioners?limit=100")["provisioners"]
    (broken,) = (each for each in listed if each["name"] == "broken")
    assert broken["state"] == "Uninitialized"
    assert "must use https" in broken["stateReason"]
    assert scene.sign("broken")[0] == 401


def test_secrets_are_neither_listed_nor_logged(scene: Scene) -> None:
    text = json.dumps(get(scene, "/provisioners?limit=100")) + scene.ca.log.read_text()
    for secret in (TOKEN, base64.b64encode(SECRET).decode(), SECRET.decode()):
        assert secret not in text
    assert "id-people" in text


def test_the_authoritys_policy_is_for_every_provisioner_but_not_for_its_own_name(
    scene: Scene,
) -> None:
    """`localhost`, the CA's own name, is denied to others; it serves under it all the same."""
    for name in ("a.forbidden.example", "localhost"):
        status, answer = scene.sign("open", name)
        assert status == 403
        assert answer["message"].startswith(
            f'dns name "{name}" not allowed by authority.policy.x509: deny.dns has '
        )
    assert scene.sign("open", "forbidden.example")[0] == 201


def test_a_provisioners_policy_is_for_its_own_certificates(scene: Scene) -> None:
    assert scene.sign("ruled", "a.lab.example")[0] == 201
    assert scene.sign("open", "x.lab.example")[0] == 201
    status, answer = scene.sign("ruled", "x.lab.example")
    assert (status, answer["message"].partition(": ")[2]) == (403, 'deny.dns has "x.lab.example"')
    status, answer = scene.sign("ruled", "other.example")
    assert (status, answer["message"].partition(": ")[2]) == (403, "no rule in allow.dns matches")


def get(scene: Scene, path: str) -> Any:
    with urllib.request.urlopen(
        f"{scene.ca.url}{path}", context=scene.ca.context(), timeout=10
    ) as answer:
        return json.load(answer)
