"""Requests and certificates in step's JSON, key by key in the order in which step-ca sent them."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from appliance.formats import gojson
from appliance.issuance import certificate_json, parsed, requests, step_json
from appliance.issuance.requests import SigningRequest
from appliance.model.validity import Validity

RECORDED = json.loads(
    (Path(__file__).parents[1] / "authority" / "golden" / "webhooks.json").read_text()
)
ENRICHING = [name for name, each in RECORDED.items() if each["asked"]
             and "x509CertificateRequest" in each["asked"][0]["body"]]  # fmt: skip
AUTHORIZING = [name for name, each in RECORDED.items() if each["asked"]
               and "x509Certificate\"" in each["asked"][-1]["body"]]  # fmt: skip


def member(case: dict[str, Any], number: int, name: str) -> str:
    """Give a member of a recorded body as it was sent."""
    body: str = case["asked"][number]["body"]
    start = body.index(f'"{name}":') + len(name) + 3
    _, end = json.JSONDecoder().raw_decode(body, start)
    return body[start:end]


def asked(case: dict[str, Any]) -> SigningRequest:
    return requests.read(case["csr"].encode())


@pytest.mark.parametrize("name", ENRICHING)
def test_a_request_is_written_as_step_ca_writes_it(name: str) -> None:
    case = RECORDED[name]
    written = gojson.encode(step_json.request(asked(case))).decode()
    assert written == member(case, 0, "x509CertificateRequest")


@pytest.mark.parametrize("name", AUTHORIZING)
def test_a_certificate_is_written_as_step_ca_writes_it(name: str) -> None:
    """Read from what was sent, it is written so again; dates have whole seconds here."""
    case = RECORDED[name]
    sent = json.loads(member(case, -1, "x509Certificate"))
    form = dict(sent)
    if any(each["type"] == "permanentIdentifier" for each in sent["sans"] or ()):
        form["extensions"] = None  # which step made of the names
    wanted = certificate_json.read(json.dumps(form))
    moments = {
        key: datetime.fromisoformat(sent[key][:19]).replace(tzinfo=UTC)
        for key in ("notBefore", "notAfter")
    }
    validity = Validity(not_before=moments["notBefore"], not_after=moments["notAfter"])
    written = json.loads(
        gojson.encode(step_json.certificate(wanted, asked(case).public_key, validity))
    )
    assert list(written) == list(sent)
    for key, value in written.items():
        if key in moments:
            assert value == sent[key][:19] + "Z"
        else:
            assert json.dumps(value) == json.dumps(sent[key]), key


def test_a_serial_number_may_have_twenty_octets() -> None:
    wanted = certificate_json.read('{"serialNumber": "0x7fffffffffffffffffffffffffffffffffffffff"}')
    key = asked(RECORDED["plain"]).public_key
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    document = step_json.certificate(wanted, key, Validity(not_before=moment, not_after=moment))
    assert json.loads(gojson.encode(document))["serialNumber"] == (1 << 159) - 1


def test_a_credential_is_written_with_key_and_dates() -> None:
    case = RECORDED["plain"]
    leaf = x509.load_pem_x509_certificate(case["leaf"].encode())
    der = leaf.public_bytes(Encoding.DER)
    document = step_json.credential(parsed.parse(der))
    assert list(document) == ["raw", "publicKey", "publicKeyAlgorithm", "notBefore", "notAfter"]
    assert document["notAfter"] == leaf.not_valid_after_utc.strftime("%Y-%m-%dT%H:%M:%SZ")
