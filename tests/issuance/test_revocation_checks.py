"""Lists and responders are believed only where they may speak, and while it holds."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp as judge
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from appliance.formats import ocsp
from appliance.formats.keys import PrivateKey
from appliance.formats.ocsp import CertificateState, ResponseStatus, Status
from appliance.issuance.revocation_checks import answered, ask_about, issuer_of, listed
from appliance.model.errors import FormatError, Unauthorized
from tests.support.ocsp import OcspWorld, leaf

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
KEYS: dict[str, PrivateKey] = {
    name: ec.generate_private_key(ec.SECP256R1())
    for name in ("issuer", "other", "leaf", "delegate")
}


def certificate(
    subject: str,
    issuer: str,
    *usages: x509.ObjectIdentifier,
    signed_by: str = "",
    ended: bool = False,
) -> x509.Certificate:
    builder = (
        x509.CertificateBuilder()
        .subject_name(named(subject))
        .issuer_name(named(issuer))
        .public_key(KEYS[subject].public_key())
        .serial_number(7 if subject == "leaf" else 8)
        .not_valid_before(NOW - 24 * HOUR)
        .not_valid_after(NOW - HOUR if ended else NOW + 24 * HOUR)
    )
    if usages:
        builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
    return builder.sign(KEYS[signed_by or issuer], hashes.SHA256())


def named(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def der(found: x509.Certificate) -> bytes:
    return found.public_bytes(Encoding.DER)


ISSUER, LEAF = certificate("issuer", "issuer"), certificate("leaf", "issuer")
ASKED = ask_about(der(LEAF), der(ISSUER))


def answer(
    responder: x509.Certificate = ISSUER,
    *,
    key: str = "issuer",
    attached: list[x509.Certificate] | None = None,
    by: judge.OCSPResponderEncoding = judge.OCSPResponderEncoding.HASH,
    revoked: bool = False,
    start: datetime = NOW,
    end: datetime | None = NOW + HOUR,
    about: x509.Certificate = LEAF,
    digest: hashes.HashAlgorithm | None = None,
) -> bytes:
    status = judge.OCSPCertStatus.REVOKED if revoked else judge.OCSPCertStatus.GOOD
    builder = judge.OCSPResponseBuilder().add_response(
        about, ISSUER, digest or hashes.SHA1(), status, start, end,
        start if revoked else None, x509.ReasonFlags.superseded if revoked else None,
    ).responder_id(by, responder)  # fmt: skip
    if attached:
        builder = builder.certificates(attached)
    return builder.sign(KEYS[key], hashes.SHA256()).public_bytes(Encoding.DER)


def said(response: bytes) -> CertificateState:
    return answered(response, ASKED, der(ISSUER), NOW)


# ---- responders


@pytest.mark.parametrize("by", list(judge.OCSPResponderEncoding))
def test_the_issuer_itself_is_believed(by: judge.OCSPResponderEncoding) -> None:
    assert said(answer(by=by)).status is Status.GOOD
    assert said(answer(by=by, end=None)).status is Status.GOOD
    revoked = said(answer(by=by, revoked=True))
    assert revoked == CertificateState(status=Status.REVOKED, revoked_at=NOW, reason=4)


@pytest.mark.parametrize("by", list(judge.OCSPResponderEncoding))
def test_a_delegate_is_believed(by: judge.OCSPResponderEncoding) -> None:
    """RFC 6960 section 4.2.2.2."""
    delegate = certificate("delegate", "issuer", ExtendedKeyUsageOID.OCSP_SIGNING)
    response = answer(delegate, key="delegate", attached=[LEAF, delegate], by=by)
    assert said(response).status is Status.GOOD


@pytest.mark.parametrize(
    ("delegate", "key"),
    [
        (certificate("delegate", "issuer"), "delegate"),
        (certificate("delegate", "issuer", ExtendedKeyUsageOID.SERVER_AUTH), "delegate"),
        (certificate("delegate", "other", ExtendedKeyUsageOID.OCSP_SIGNING), "delegate"),
        (
            certificate("delegate", "issuer", ExtendedKeyUsageOID.OCSP_SIGNING, signed_by="other"),
            "delegate",
        ),
        (
            certificate("delegate", "issuer", ExtendedKeyUsageOID.OCSP_SIGNING, ended=True),
            "delegate",
        ),
        (LEAF, "leaf"),
    ],
)
def test_nobody_else_is(delegate: x509.Certificate, key: str) -> None:
    with pytest.raises(Unauthorized, match="did not ask to"):
        said(answer(delegate, key=key, attached=[delegate]))


def test_a_delegate_that_does_not_show_itself_is_not() -> None:
    delegate = certificate("delegate", "issuer", ExtendedKeyUsageOID.OCSP_SIGNING)
    with pytest.raises(Unauthorized, match="did not ask to"):
        said(answer(delegate, key="delegate"))


def test_a_changed_answer_is_not_believed() -> None:
    good = answer(end=None)
    changed = good.replace(b"20260301120000Z", b"20260301120001Z")
    assert changed != good
    with pytest.raises(Unauthorized, match="its signature"):
        said(changed)


def test_an_answer_about_another_certificate_says_nothing() -> None:
    with pytest.raises(Unauthorized, match="about another"):
        said(answer(about=certificate("other", "issuer")))
    with pytest.raises(Unauthorized, match="about another"):
        said(answer(digest=hashes.SHA256()))


def test_an_answer_holds_for_its_time() -> None:
    for start, end, problem in (
        (NOW - 2 * HOUR, NOW - HOUR, "has ended: 2026-03-01T11:00:00Z"),
        (NOW + HOUR, None, "is of the future"),
    ):
        with pytest.raises(Unauthorized, match=problem):
            said(answer(start=start, end=end))
    assert said(answer(start=NOW + timedelta(minutes=4))).status is Status.GOOD


@pytest.mark.parametrize("status", [each for each in ResponseStatus if each])
def test_an_error_is_told(status: ResponseStatus) -> None:
    with pytest.raises(Unauthorized, match=status.name.lower().split("_")[0]):
        said(ocsp.write_error(status))


def test_a_signature_of_no_known_algorithm_says_nothing() -> None:
    good = answer()
    unknown = good.replace(bytes.fromhex("2a8648ce3d040302"), bytes.fromhex("2a8648ce3d040301"))
    with pytest.raises(Unauthorized, match="not known"):
        said(unknown)


async def test_our_own_responder_is_believed() -> None:
    world = OcspWorld()
    await world.responder.renew()
    await world.issue(7)
    issuer = world.pkis[0].issuer.certificate
    found = await world.ask(7)
    asked = ask_about(await leaf(7, world.pkis[0]), issuer)
    state = answered(found.octets, asked, issuer, world.clock.now())
    assert state.status is Status.GOOD


def test_a_key_of_no_known_kind_is_a_format_error() -> None:
    unknown = der(ISSUER).replace(
        bytes.fromhex("2a8648ce3d030107"), bytes.fromhex("2a8648ce3d03017f")
    )
    with pytest.raises(FormatError, match="a key that cannot be read"):
        answered(answer(), ASKED, unknown, NOW)


# ---- lists


def revocation_list(
    *serials: int, issuer: str = "issuer", key: str = "", end: datetime = NOW + HOUR
) -> bytes:
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(named(issuer))
        .last_update(NOW - 2 * HOUR)
        .next_update(end)
    )
    for serial in serials:
        builder = builder.add_revoked_certificate(
            x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(NOW).build()
        )
    return builder.sign(KEYS[key or issuer], hashes.SHA256()).public_bytes(Encoding.DER)


def test_a_list_names_what_is_revoked() -> None:
    found = listed(revocation_list(6, 7), der(LEAF), der(ISSUER), NOW)
    assert found is not None
    assert found.serial == 7
    assert listed(revocation_list(6, 8), der(LEAF), der(ISSUER), NOW) is None
    assert listed(revocation_list(), der(LEAF), der(ISSUER), NOW) is None


@pytest.mark.parametrize(
    ("octets", "problem"),
    [
        (revocation_list(issuer="other"), "another issuer"),
        (revocation_list(key="other"), "its signature"),
        (revocation_list(end=NOW - HOUR), "has ended"),
    ],
)
def test_a_list_of_somebody_else_or_that_has_ended_says_nothing(
    octets: bytes, problem: str
) -> None:
    with pytest.raises(Unauthorized, match=problem):
        listed(octets, der(LEAF), der(ISSUER), NOW)


def test_a_signature_is_not_looked_at_where_that_is_asked_for() -> None:
    assert listed(revocation_list(7, key="other"), der(LEAF), None, NOW) is not None


# ---- issuers


def test_the_issuer_is_found_among_what_is_given() -> None:
    impostor = certificate("other", "other")
    assert issuer_of(der(LEAF), [der(impostor), b"none", der(LEAF), der(ISSUER)]) == der(ISSUER)
    assert issuer_of(der(LEAF), [der(impostor)]) is None


@pytest.mark.parametrize("octets", [b"", b"no certificate"])
def test_an_issuer_that_cannot_be_read_is_a_format_error(octets: bytes) -> None:
    with pytest.raises(FormatError):
        answered(answer(), ASKED, octets, NOW)
    with pytest.raises(FormatError):
        ask_about(der(LEAF), octets)
