"""Certificate JSON gives the certificate that step-ca makes of it, octet for octet, or an error."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from appliance.formats import der as der_reader
from appliance.issuance import certificate_json, certificates, issuers, parsed, requests, templated
from appliance.issuance.certificate_json import CertificateJson
from appliance.issuance.certificates import Prepared
from appliance.issuance.extensions import STEP_PROVISIONER
from appliance.issuance.subjects import SubjectDefaults
from appliance.model.errors import Broken, FormatError
from appliance.model.grants import ProvisionerRef
from tests.issuance.recorded import der

RECORDED: dict[str, Any] = json.loads(
    (Path(__file__).parent / "golden" / "certificate_json.json").read_text()
)
CASES: list[dict[str, Any]] = RECORDED["cases"]
ISSUER = issuers.of_certificate(der(RECORDED["intermediate"]))
CSR = requests.read(RECORDED["csr"].encode())
STRICTER = {
    "serial number of zero": "RFC 5280 4.1.2.2: it must be positive",
    "signature algorithm with SHA-1": "such signatures can be forged",
    "extension of a negative arc": "what comes out is no object identifier",
}
"""Where step-ca issues and we do not, and why."""


def prepared(wanted: CertificateJson, recorded: bytes, number: int) -> Prepared:
    """Make the certificate again, with serial and times of what was recorded."""
    old = parsed.parse(recorded)
    own = old.extension(STEP_PROVISIONER) is not None
    ref = ProvisionerRef(
        type="JWK",
        name=f"case {number}",
        id=f"case {number}:golden-kid",
        credential_id="golden-kid",
    )
    draft = templated.draft(
        wanted,
        CSR,
        old.validity,
        ISSUER,
        defaults=SubjectDefaults({}),
        provisioner=ref if own else None,
    )
    return certificates.prepare(draft, ISSUER, old.serial)


@pytest.mark.parametrize(
    ("number", "case"), list(enumerate(CASES)), ids=[f"{c['section']}: {c['name']}" for c in CASES]
)
def test_the_certificate_is_step_cas(number: int, case: dict[str, Any]) -> None:
    """The same octets are signed where step-ca signs; where it does not, an error of ours."""
    recorded = base64.b64decode(case.get("certificate", CASES[0]["certificate"]))
    if case["name"] == "serial number of null":  # a number of 0 there, a random one here
        assert (case["status"], parsed.parse(recorded).serial) == (201, 0)
        assert prepared(certificate_json.read(case["json"]), recorded, number).serial == 0
        assert certificate_json.read(case["json"]).serial_number is None
        return
    if case["status"] == 201 and case["name"] not in STRICTER:
        made = prepared(certificate_json.read(case["json"]), recorded, number)
        assert made.to_be_signed == der_reader.items(recorded)[0].raw
        return
    with pytest.raises((FormatError, Broken)):
        prepared(certificate_json.read(case["json"]), recorded, number)
