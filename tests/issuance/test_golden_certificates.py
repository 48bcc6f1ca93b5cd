"""From the same request, serial and time, what is signed is what step-ca signs, octet for octet."""

from datetime import timedelta

import pytest
from cryptography import x509

from appliance.issuance import certificates, drafts, issuers, parsed, periods, requests, rules
from appliance.issuance.subjects import authority_name
from tests.issuance import recorded
from tests.issuance.recorded import RECORDED, Case

ISSUED = [case for case in recorded.cases() if case.recorded["name"] != "templated"]
RENEWED = list(recorded.cases(renewed=True))


@pytest.mark.parametrize("case", ISSUED, ids=lambda case: case.name)
def test_a_new_certificate(case: Case) -> None:
    grant, now = case.grant, case.now()
    request = requests.read(case.recorded["csr"].encode())
    rules.permit(request, grant)
    validity = periods.decide(*case.asked, grant.lifetimes, now)
    subject = case.defaults.subject(grant.subject)
    draft = drafts.leaf(request, grant, subject, validity, case.issuer)
    prepared = certificates.prepare(draft, case.issuer, case.certificate().serial)
    assert prepared.to_be_signed == recorded.to_be_signed(case.recorded["certificate"])


@pytest.mark.parametrize("case", ISSUED, ids=lambda case: case.name)
def test_the_reference_signature_completes_it(case: Case) -> None:
    """Every signature algorithm: identifier and verification."""
    whole = x509.load_pem_x509_certificate(case.recorded["certificate"].encode())
    prepared = certificates.Prepared(
        serial=whole.serial_number,
        to_be_signed=whole.tbs_certificate_bytes,
        algorithm=case.issuer.algorithm,
        public_key=case.issuer.public_key,
    )
    complete = certificates.assemble(prepared, whole.signature)
    assert complete == recorded.der(case.recorded["certificate"])


@pytest.mark.parametrize("case", RENEWED, ids=lambda case: case.name)
def test_a_renewed_certificate(case: Case) -> None:
    draft = drafts.renewed(
        case.certificate(), case.issuer, now=case.now("renewed"), backdate=recorded.BACKDATE
    )
    prepared = certificates.prepare(draft, case.issuer, case.certificate("renewed").serial)
    assert prepared.to_be_signed == recorded.to_be_signed(case.recorded["renewed"])


@pytest.mark.parametrize("case", RENEWED, ids=lambda case: case.name)
def test_a_rekeyed_certificate(case: Case) -> None:
    draft = drafts.rekeyed(
        case.certificate(),
        requests.read(case.recorded["rekeyCsr"].encode()),
        case.issuer,
        now=case.now("rekeyed"),
        backdate=recorded.BACKDATE,
    )
    prepared = certificates.prepare(draft, case.issuer, case.certificate("rekeyed").serial)
    assert prepared.to_be_signed == recorded.to_be_signed(case.recorded["rekeyed"])


@pytest.mark.parametrize("authority", RECORDED["authorities"], ids=lambda each: each["name"])
def test_the_certificate_of_the_server(authority: dict[str, str]) -> None:
    theirs = x509.load_pem_x509_certificate(authority["server"].encode())
    issuer = issuers.of_certificate(recorded.der(authority["intermediate"]))
    draft = drafts.server(
        "Step Online CA",
        RECORDED["names"],
        drafts.certified(theirs.public_key()),  # type: ignore[arg-type]
        issuer,
        theirs.not_valid_before_utc + timedelta(minutes=1),
    )
    prepared = certificates.prepare(draft, issuer, theirs.serial_number)
    assert prepared.to_be_signed == theirs.tbs_certificate_bytes


def test_the_certificates_of_a_new_authority() -> None:
    root, intermediate = (
        parsed.parse(recorded.der(RECORDED["init"][which])) for which in ("root", "intermediate")
    )
    root_issuer = issuers.of_certificate(root.der)
    key = root_issuer.public_key
    root_draft = drafts.authority(
        authority_name("Golden & Co", "Golden & Co Root CA"),
        drafts.certified(key),
        root.validity,
        path_length=1,
    )
    algorithm = root_issuer.algorithm
    prepared = certificates.prepare_root(root_draft, root.serial, algorithm, key)
    assert prepared.to_be_signed == recorded.to_be_signed(RECORDED["init"]["root"])

    public_key = issuers.of_certificate(intermediate.der).public_key
    draft = drafts.authority(
        authority_name("Golden & Co", "Golden & Co Intermediate CA"),
        drafts.certified(public_key),
        intermediate.validity,
        path_length=0,
        issuer=root_issuer,
    )
    prepared = certificates.prepare(draft, root_issuer, intermediate.serial)
    assert prepared.to_be_signed == recorded.to_be_signed(RECORDED["init"]["intermediate"])
