"""OCSP messages: what we write others read, what others write we read, and nothing else."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp as judge

from appliance.formats import der, ocsp, ocsp_reading, x509_fields
from appliance.formats.ocsp import CertificateState, ResponseStatus, SingleAnswer, Status
from appliance.model.errors import FormatError
from tests.support.authority import shared_hierarchy

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SERIALS = (1, 0x80, 2**127 + 5, 2**159)
ECDSA_SHA256 = der.sequence(der.oid("1.2.840.10045.4.3.2"))


INTERMEDIATE = x509.load_der_x509_certificate(shared_hierarchy().issuer.certificate)
ROOT = x509.load_der_x509_certificate(shared_hierarchy().root)
DIGESTS: list[tuple[str, hashes.HashAlgorithm]] = [
    ("1.3.14.3.2.26", hashes.SHA1()),
    ("2.16.840.1.101.3.4.2.1", hashes.SHA256()),
    ("2.16.840.1.101.3.4.2.2", hashes.SHA384()),
    ("2.16.840.1.101.3.4.2.3", hashes.SHA512()),
]


def named(serial: int = 5, digest: str = ocsp.SHA1) -> ocsp.CertificateId:
    fields = x509_fields.certificate(shared_hierarchy().issuer.certificate)
    key = fields.public_key.bits
    return ocsp.certificate_id(fields.subject_raw, key, serial, digest=digest)


def signed(*answers: SingleAnswer, nonce: bytes | None = None) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    data = ocsp.write_response_data(
        answers, responder_key_hash=b"k" * 20, produced_at=NOW, nonce=nonce
    )
    signature = key.sign(data, ec.ECDSA(hashes.SHA256()))
    return ocsp.write_response(data, ECDSA_SHA256, signature, [shared_hierarchy().root])


def about(state: CertificateState, serial: int = 5) -> SingleAnswer:
    return SingleAnswer(
        certificate=named(serial),
        state=state,
        this_update=NOW,
        next_update=NOW + timedelta(hours=4),
    )


GOOD = about(CertificateState(status=Status.GOOD))


# ---- requests


@pytest.mark.parametrize("serial", SERIALS)
@pytest.mark.parametrize(("digest", "algorithm"), DIGESTS)
def test_requests_are_those_of_cryptography(
    serial: int, digest: str, algorithm: hashes.HashAlgorithm
) -> None:
    theirs = judge.OCSPRequestBuilder().add_certificate_by_hash(
        named(serial, digest).issuer_name_hash, named(serial, digest).issuer_key_hash,
        serial, algorithm,
    ).add_extension(x509.OCSPNonce(b"n" * 32), critical=False).build()  # fmt: skip
    octets = theirs.public_bytes(Encoding.DER)
    assert ocsp.write_request([named(serial, digest)], b"n" * 32) == octets
    read = ocsp_reading.read_request(octets)
    assert read == ocsp.OcspRequest(certificates=(named(serial, digest),), nonce=b"n" * 32)


@pytest.mark.parametrize(("digest", "algorithm"), DIGESTS)
def test_names_of_issuers_are_hashed_as_others_hash_them(
    digest: str, algorithm: hashes.HashAlgorithm
) -> None:
    theirs = judge.OCSPRequestBuilder().add_certificate(INTERMEDIATE, ROOT, algorithm).build()
    fields = x509_fields.certificate(shared_hierarchy().root)
    ours = ocsp.certificate_id(
        fields.subject_raw, fields.public_key.bits, theirs.serial_number, digest=digest
    )
    assert ocsp.write_request([ours]) == theirs.public_bytes(Encoding.DER)


def test_several_certificates_are_read_in_their_order() -> None:
    asked = [named(serial) for serial in SERIALS]
    read = ocsp_reading.read_request(ocsp.write_request(asked))
    assert read.certificates == tuple(asked)
    assert read.nonce is None


def test_version_requestor_signature_and_unknown_extensions_are_passed_over() -> None:
    other = der.sequence(der.sequence(der.oid("1.2.3"), der.octet_string(b"x")))
    octets = der.sequence(
        der.sequence(
            der.context(0, der.integer(0)),
            der.context(1, der.context(6, b"http://me", constructed=False)),
            der.sequence(der.sequence(named().raw, der.context(0, other))),
            der.context(2, other),
        ),
        der.context(0, der.sequence(ECDSA_SHA256, der.bit_string(b"x"))),
    )
    assert ocsp_reading.read_request(octets) == ocsp.OcspRequest(certificates=(named(),))


@pytest.mark.parametrize("length", [1, 32, 33, 128])
def test_nonces_of_the_lengths_of_rfc_9654_are_read(length: int) -> None:
    octets = ocsp.write_request([named()], b"n" * length)
    assert ocsp_reading.read_request(octets).nonce == b"n" * length


def request(*parts: bytes) -> bytes:
    return der.sequence(der.sequence(*parts))


def extensions(*listed: bytes, tag: int = 2) -> bytes:
    return der.context(tag, der.sequence(*listed))


LIST = der.sequence(der.sequence(named().raw))
UNKNOWN_CRITICAL = der.sequence(der.oid("1.2.3"), der.TRUE, der.octet_string(b""))
NONCE = der.sequence(der.oid(ocsp.NONCE), der.octet_string(der.octet_string(b"n")))


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"0",
        der.sequence(),
        request(),
        request(der.sequence()),
        request(LIST, LIST),
        request(der.context(0, der.integer(1)), LIST),
        request(LIST, der.context(3, der.sequence())),
        der.sequence(der.sequence(LIST), der.sequence()),
        request(der.sequence(*[der.sequence(named().raw)] * 101)),
        request(der.sequence(der.sequence())),
        request(der.sequence(der.sequence(named().raw, der.null()))),
        request(der.sequence(der.sequence(named().raw, extensions(UNKNOWN_CRITICAL, tag=0)))),
        request(LIST, extensions(UNKNOWN_CRITICAL)),
        request(LIST, extensions(NONCE, NONCE)),
        request(LIST, extensions(der.sequence(der.oid(ocsp.NONCE)))),
        request(LIST, extensions(der.sequence(der.oid(ocsp.NONCE), der.octet_string(b"raw")))),
        ocsp.write_request([named()], b""),
        ocsp.write_request([named()], b"n" * 129),
        ocsp.write_request([named(2 ** (64 * 8))]),
        request(der.sequence(der.sequence(der.sequence(
            der.sequence(der.oid(ocsp.SHA1), der.integer(1)), der.octet_string(b"n"),
            der.octet_string(b"k"), der.integer(1))))),
        request(der.sequence(der.sequence(der.sequence(
            der.sequence(), der.octet_string(b"n"), der.octet_string(b"k"), der.integer(1))))),
    ],
)  # fmt: skip
def test_what_is_no_request_is_refused(octets: bytes) -> None:
    with pytest.raises(FormatError):
        ocsp_reading.read_request(octets)


# ---- answers


@pytest.mark.parametrize(
    ("state", "status", "reason"),
    [
        (CertificateState(status=Status.GOOD), judge.OCSPCertStatus.GOOD, None),
        (CertificateState(status=Status.UNKNOWN), judge.OCSPCertStatus.UNKNOWN, None),
        *[
            (
                CertificateState(status=Status.REVOKED, revoked_at=NOW, reason=number),
                judge.OCSPCertStatus.REVOKED,
                reason,
            )
            for number, reason in (
                (None, None),
                (0, None),  # absent, rather than unspecified (RFC 5280 5.3.1)
                (1, x509.ReasonFlags.key_compromise),
                (4, x509.ReasonFlags.superseded),
                (6, x509.ReasonFlags.certificate_hold),
                (7, None),  # there is no such reason
                (8, None),  # only a delta CRL says so
                (10, x509.ReasonFlags.aa_compromise),
            )
        ],
    ],
)
def test_answers_are_read_by_cryptography(
    state: CertificateState, status: judge.OCSPCertStatus, reason: x509.ReasonFlags | None
) -> None:
    theirs = judge.load_der_ocsp_response(signed(about(state), nonce=b"n" * 16))
    assert theirs.response_status is judge.OCSPResponseStatus.SUCCESSFUL
    assert theirs.certificate_status is status
    assert theirs.revocation_reason is reason
    assert theirs.revocation_time_utc == state.revoked_at
    assert theirs.this_update_utc == theirs.produced_at_utc == NOW
    assert theirs.next_update_utc == NOW + timedelta(hours=4)
    assert theirs.serial_number == 5
    assert theirs.responder_key_hash == b"k" * 20
    assert theirs.certificates[0].public_bytes(Encoding.DER) == shared_hierarchy().root
    assert theirs.extensions.get_extension_for_class(x509.OCSPNonce).value.nonce == b"n" * 16


def test_answers_are_read_back() -> None:
    revoked = CertificateState(status=Status.REVOKED, revoked_at=NOW, reason=4)
    answers = (GOOD, about(revoked, 6), about(CertificateState(status=Status.UNKNOWN), 7))
    read = ocsp_reading.read_response(signed(*answers, nonce=b"n"))
    assert read.status is ResponseStatus.SUCCESSFUL
    assert read.basic is not None
    assert read.basic.answers == answers
    assert read.basic.nonce == b"n"
    assert read.basic.produced_at == NOW
    assert read.basic.responder_key_hash == b"k" * 20
    assert read.basic.algorithm == ECDSA_SHA256
    assert read.basic.certificates == (shared_hierarchy().root,)


def test_answers_of_cryptography_are_read() -> None:
    key = shared_hierarchy().signer._key
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    theirs = judge.OCSPResponseBuilder().add_response(
        INTERMEDIATE, ROOT, hashes.SHA1(), judge.OCSPCertStatus.GOOD, NOW, None, None, None,
    ).responder_id(
        judge.OCSPResponderEncoding.NAME, INTERMEDIATE
    ).sign(key, hashes.SHA256())  # fmt: skip
    fields = x509_fields.certificate(shared_hierarchy().root)
    named_by_them = ocsp.certificate_id(
        fields.subject_raw, fields.public_key.bits, INTERMEDIATE.serial_number
    )
    read = ocsp_reading.read_response(theirs.public_bytes(Encoding.DER))
    assert read.basic is not None
    assert read.basic.responder_name == shared_hierarchy().issuer.subject
    assert read.basic.to_be_signed == theirs.tbs_response_bytes
    assert read.basic.signature == theirs.signature
    assert read.basic.certificates == ()
    assert read.basic.answers[0].certificate == named_by_them
    assert read.basic.answers[0].next_update is None


def test_times_after_2049_are_of_the_same_form() -> None:
    far = datetime(2050, 1, 2, 3, 4, 5, tzinfo=UTC)
    octets = ocsp.write_response_data([], responder_key_hash=b"", produced_at=far)
    assert b"20500102030405Z" in octets


@pytest.mark.parametrize("status", [each for each in ResponseStatus if each])
def test_errors_are_three_octets_in_a_row(status: ResponseStatus) -> None:
    octets = ocsp.write_error(status)
    assert octets == bytes((0x30, 3, 10, 1, status))
    assert judge.load_der_ocsp_response(octets).response_status.value == status
    assert ocsp_reading.read_response(octets) == ocsp.OcspResponse(status=status)


BASIC = ocsp_reading.read_response(signed(GOOD)).basic
assert BASIC is not None
DATA = der.children(der.read(BASIC.to_be_signed))
LISTED = der.children(der.children(DATA[2])[0])


def with_data(*parts: bytes) -> bytes:
    return ocsp.write_response(der.sequence(*parts), ECDSA_SHA256, b"s", [])


def with_answer(*parts: bytes) -> bytes:
    return with_data(DATA[0].raw, DATA[1].raw, der.sequence(der.sequence(*parts)))


def with_content(*parts: bytes) -> bytes:
    return der.sequence(b"\x0a\x01\0", *parts)


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        der.sequence(),
        der.sequence(b"\x0a\x01\x04"),
        der.sequence(b"\x0a\x02\0\0"),
        der.sequence(b"\x0a\x01\xff"),
        with_content(),
        with_content(der.null()),
        with_content(der.context(0, der.sequence(der.oid("1.2.3"), der.octet_string(b"")))),
        with_content(der.context(0, der.sequence(
            der.oid(ocsp.BASIC), der.octet_string(der.sequence())))),
        with_data(DATA[0].raw, DATA[1].raw),
        with_data(DATA[1].raw, DATA[1].raw, DATA[2].raw),
        with_data(DATA[0].raw, DATA[1].raw, DATA[2].raw, der.null()),
        with_data(DATA[0].raw, der.time(NOW), DATA[2].raw),
        with_answer(LISTED[0].raw, LISTED[1].raw),
        with_answer(LISTED[0].raw, der.null(), LISTED[2].raw),
        with_answer(LISTED[0].raw, b"\xa1\0", LISTED[2].raw),
        with_answer(LISTED[0].raw, der.tlv(0xA1, DATA[1].raw, der.null()), LISTED[2].raw),
        with_answer(LISTED[0].raw, LISTED[1].raw, LISTED[2].raw, der.null()),
        with_answer(LISTED[0].raw, LISTED[1].raw, LISTED[2].raw, LISTED[3].raw, LISTED[3].raw),
        with_answer(LISTED[0].raw, LISTED[1].raw, LISTED[2].raw,
                    extensions(UNKNOWN_CRITICAL, tag=1)),
    ],
)  # fmt: skip
def test_what_is_no_answer_is_refused(octets: bytes) -> None:
    with pytest.raises(FormatError):
        ocsp_reading.read_response(octets)


def test_a_version_and_other_extensions_are_passed_over() -> None:
    other = der.sequence(der.oid("1.2.3"), der.octet_string(b""))
    answer = (each.raw for each in LISTED)
    listed = der.sequence(der.sequence(*answer, extensions(other, tag=1)))
    version = der.context(0, der.integer(0))
    octets = with_data(version, DATA[0].raw, DATA[1].raw, listed, extensions(other, tag=1))
    read = ocsp_reading.read_response(octets)
    assert read.basic is not None
    assert read.basic.answers == (GOOD,)
    assert read.basic.nonce is None
