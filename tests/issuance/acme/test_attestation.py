"""device-attest-01: what devices attest is believed as far as their vendor vouches for it."""

import base64
import json
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from appliance.formats import pem
from appliance.issuance.acme import attestation, attestation_roots, finalize
from appliance.issuance.acme.attestation import Asked
from appliance.model.acme import AcmeError, ProblemType
from tests.support import attesting
from tests.support.attesting import Vendor, payload
from tests.support.authority import START

TOKEN, AUTHORIZATION = "token", "token.thumbprint"
VENDOR = Vendor(now=START)
KEY = ec.generate_private_key(ec.SECP256R1())
INFO = KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
ASKED = Asked(
    identifier="device-1",
    token=TOKEN,
    key_authorization=AUTHORIZATION,
    formats=attestation.FORMATS,
    roots=(VENDOR.root,),
    now=START,
)


def tpm(**changed: Any) -> dict[str, object]:
    arguments: dict[str, Any] = {"device": "device-1"} | changed
    return attesting.tpm(VENDOR, KEY.public_key(), AUTHORIZATION, **arguments)


def refused(octets: bytes, asked: Asked = ASKED) -> AcmeError:
    with pytest.raises(AcmeError) as caught:
        attestation.fingerprint_of(octets, asked)
    return caught.value


@pytest.mark.parametrize(
    ("octets", "identifier"),
    [
        (payload("step", attesting.piv(VENDOR, KEY, AUTHORIZATION)), "12345678"),
        (payload("apple", attesting.apple(VENDOR, KEY, TOKEN, "device-1")), "device-1"),
        (payload("tpm", tpm()), "device-1"),
    ],
    ids=["step", "apple", "tpm"],
)
def test_the_key_of_a_device_is_given_by_its_fingerprint(octets: bytes, identifier: str) -> None:
    found = attestation.fingerprint_of(octets, replace(ASKED, identifier=identifier))
    assert found == finalize.key_fingerprint(INFO)


@pytest.mark.parametrize(
    "octets",
    [
        payload("step", attesting.piv(VENDOR, KEY, AUTHORIZATION, 99)),
        payload("apple", attesting.apple(VENDOR, KEY, TOKEN, "device-2")),
        payload("tpm", tpm(device="device-2")),
        payload("tpm", tpm(device="")),
    ],
    ids=["step", "apple", "tpm", "tpm that names no device"],
)
def test_another_device_is_told_with_a_subproblem(octets: bytes) -> None:
    error = refused(octets)
    assert error.type is ProblemType.BAD_ATTESTATION_STATEMENT
    assert error.public == "permanent identifier does not match"
    assert error.subproblems[0].type == "urn:ietf:params:acme:error:rejectedIdentifier"
    assert error.subproblems[0].identifier is not None
    assert error.subproblems[0].identifier.value == "device-1"


@pytest.mark.parametrize(
    "octets",
    [
        payload("step", attesting.piv(VENDOR, KEY, "token.another")),
        payload("apple", attesting.apple(VENDOR, KEY, "another", "device-1")),
        payload("tpm", attesting.tpm(VENDOR, KEY.public_key(), "another", "device-1")),
    ],
    ids=["step", "apple", "tpm"],
)
def test_an_attestation_for_another_challenge_is_refused(octets: bytes) -> None:
    error = refused(octets)
    assert error.type is ProblemType.BAD_ATTESTATION_STATEMENT
    assert "match" not in error.public


@pytest.mark.parametrize("name", attestation.FORMATS)
def test_a_vendor_that_is_not_trusted_is_refused(name: str) -> None:
    other = Vendor(now=START)
    statement = {
        "step": lambda: attesting.piv(other, KEY, AUTHORIZATION),
        "apple": lambda: attesting.apple(other, KEY, TOKEN, "device-1"),
        "tpm": lambda: attesting.tpm(other, KEY.public_key(), AUTHORIZATION, "device-1"),
    }[name]()
    assert "not trusted" in refused(payload(name, statement)).public
    without = refused(payload(name, statement), replace(ASKED, roots=()))
    assert ("attestationRoots" if name == "tpm" else "not trusted") in without.public


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"attributes": 0x00050072}, "restricted"),
        ({"attributes": 0x00040070}, "can leave the TPM"),
        ({"attributes": 0x00040052}, "was not made there"),
        ({"magic": 1}, "was not made by a TPM"),
        ({"purpose": "1.3.6.1.5.5.7.3.2"}, "not for attestation keys"),
    ],
)
def test_a_key_that_the_tpm_does_not_hold_fast_is_refused(
    changed: dict[str, Any], reason: str
) -> None:
    """WebAuthn 8.3.1, and TPM 2.0 part 2, 8.3."""
    assert reason in refused(payload("tpm", tpm(**changed))).public


def test_pub_area_and_cert_info_must_be_of_one_key() -> None:
    other = ec.generate_private_key(ec.SECP256R1()).public_key()
    statement = tpm() | {"pubArea": attesting.tpm_public(other)}
    assert "another key" in refused(payload("tpm", statement)).public


@pytest.mark.parametrize("member", ["x5c", "sig", "certInfo", "pubArea", "alg", "ver"])
@pytest.mark.parametrize("instead", [None, b"", 7, [], "x", [b"x"]])
def test_a_statement_of_a_tpm_with_a_wrong_member_is_refused(member: str, instead: object) -> None:
    statement = {key: value for key, value in tpm().items() if key != member}
    if instead is not None:
        statement[member] = instead
    assert refused(payload("tpm", statement)).type is ProblemType.BAD_ATTESTATION_STATEMENT


@pytest.mark.parametrize(
    "octets",
    [
        b"", b"{", b"[]", b"{}", b'{"attObj":""}', b'{"attObj":"e30"}', b'{"attObj":"\xff"}',
        b'{"attObj":"!"}', b'{"attObj":7}', b'{"attObj":"oA"}', b"[" * 10_000,
        payload("android-key", {}), payload("step", {}),
    ],
)  # fmt: skip
def test_what_is_no_attestation_is_refused(octets: bytes) -> None:
    assert refused(octets).type is ProblemType.BAD_ATTESTATION_STATEMENT


def test_a_device_that_reports_an_error_is_believed() -> None:
    error = refused(json.dumps({"error": "no TPM"}).encode())
    assert error.type is ProblemType.REJECTED_IDENTIFIER
    assert "no TPM" in error.public


def test_a_format_that_is_not_enabled_is_refused() -> None:
    asked = replace(ASKED, formats=("apple",))
    assert "not enabled" in refused(payload("tpm", tpm()), asked).public


def test_attestation_roots_are_pem_in_base64() -> None:
    root = VENDOR.root
    written = base64.b64encode(pem.encode("CERTIFICATE", root).encode()).decode()
    assert list(attestation_roots.configured(written)) == [root]
    assert attestation_roots.configured("") == ()
