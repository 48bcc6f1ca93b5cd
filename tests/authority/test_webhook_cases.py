"""Sign requests with webhooks, held against what step-ca asked its webhooks and answered."""

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from trio.testing import MockClock

from appliance.authority.x509 import SignRequest
from appliance.model.errors import BadRequest, Forbidden
from appliance.ports.outbound import OutboundRequest
from tests.authority import record_webhooks
from tests.authority.webhook_cases import CASES, KID, provisioners, sign_request
from tests.issuance.record import jwk
from tests.support.authority import CONTEXT, START, Appliance
from tests.support.webhooks import Outside, Reply

RECORDED = json.loads(record_webhooks.GOLDEN.read_text())
URL = "https://hooks.example"
DATES = ("notBefore", "notAfter")
OF_GO_ALONE = {"user-agent", "accept-encoding"}

LATER_HERE = {"without client certificate": 201}
"""What step-ca refuses since it then does not trust its own root (homelab.md, section 10)."""


def outside(number: int) -> Outside:
    case = list(CASES.values())[number]
    return Outside(
        {
            f"{URL}/{number}{path}": [
                each if isinstance(each, Reply) else Reply(body=json.dumps(each).encode())
                for each in replies
            ]
            for path, replies in case.replies.items()
        }
    )


def compare(sent: OutboundRequest, recorded: dict[str, Any]) -> None:
    """Hold a request to a webhook against step-ca's: path, headers, body."""
    names = {name.lower() for name in sent.headers}
    assert names == set(recorded["headers"]) - OF_GO_ALONE | {"content-type"}
    assert sent.headers["X-Smallstep-Webhook-ID"] == recorded["headers"]["x-smallstep-webhook-id"]
    ours, theirs = json.loads(sent.body), json.loads(recorded["body"])
    assert list(ours) == list(theirs)
    for about in ("x509CertificateRequest", "x509Certificate", "x5cCertificate"):
        if about in theirs:
            assert list(ours[about]) == list(theirs[about])
            of_its_own = about == "x5cCertificate"  # another certificate in each run
            for key in set(theirs[about]) - ({"raw", "publicKey"} if of_its_own else set(DATES)):
                assert json.dumps(ours[about][key]) == json.dumps(theirs[about][key]), key
    assert ours.get("authorizationPrincipal") == theirs.get("authorizationPrincipal")


@pytest.mark.parametrize("name", CASES)
async def test_webhooks_are_asked_and_heard_as_by_step_ca(
    name: str, autojump_clock: MockClock
) -> None:
    number, recorded = list(CASES).index(name), RECORDED[name]
    key = ec.generate_private_key(ec.SECP256R1())
    out = outside(number)
    app = Appliance(entries=provisioners(jwk(key, KID), URL), outbound=out)
    body = sign_request(number, recorded["csr"], key, int(START.timestamp()))
    request = SignRequest(csr=body["csr"].encode(), token=body["ott"], context=CONTEXT)
    leaf, status = None, 201
    try:
        leaf = x509.load_der_x509_certificate((await app.x509.sign(request)).certificate)
    except Forbidden:
        status = 403
    except BadRequest:
        status = 400
    assert status == LATER_HERE.get(name, recorded["status"])
    if name in LATER_HERE:
        return
    assert len(out.sent) == len(recorded["asked"])
    for sent, asked in zip(out.sent, recorded["asked"], strict=True):
        assert sent.url == URL + f"/{number}" + asked["path"].replace("%3C", "<").replace(
            "%20", " "
        ).replace("%3E", ">")
        compare(sent, asked)
    if leaf is not None:
        theirs = x509.load_pem_x509_certificate(recorded["leaf"].encode())
        assert leaf.subject == theirs.subject


@pytest.mark.reference
def test_step_ca_still_asks_so(tmp_path: Path) -> None:
    """The recording is what the reference on PATH does; keys and times are new each time."""
    again = record_webhooks.record(tmp_path)
    for name, recorded in RECORDED.items():
        assert again[name]["status"] == recorded["status"], name
        assert again[name]["message"] == recorded["message"], name
        for old, new in zip(recorded["asked"], again[name]["asked"], strict=True):
            assert (old["path"], old["client"]) == (new["path"], new["client"])
            assert set(old["headers"]) == set(new["headers"])
            before, after = json.loads(old["body"]), json.loads(new["body"])
            assert list(before) == list(after)
            for about in ("x509CertificateRequest", "x509Certificate"):
                assert list(before.get(about, ())) == list(after.get(about, ()))
