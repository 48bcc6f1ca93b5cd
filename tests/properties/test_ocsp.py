"""OCSP messages of any shape: decoders raise FormatError and nothing else, and lose nothing."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from appliance.formats import ocsp, ocsp_reading
from appliance.formats.ocsp import CertificateId, CertificateState, SingleAnswer, Status
from appliance.model.errors import FormatError

MOMENT = datetime(2026, 3, 1, tzinfo=UTC)
moments = st.integers(0, 2_000_000_000).map(lambda seconds: MOMENT + timedelta(seconds=seconds))
digests = st.sampled_from(sorted(ocsp.DIGESTS))


@st.composite
def identifiers(draw: st.DrawFn) -> CertificateId:
    name, key = draw(st.binary(max_size=40)), draw(st.binary(max_size=40))
    serial = draw(st.integers(-(2**160), 2**160))
    return ocsp.certificate_id(name, key, serial, digest=draw(digests))


reasons = st.sampled_from([None, 1, 2, 3, 4, 5, 6, 9, 10])
states = st.one_of(
    st.sampled_from([Status.GOOD, Status.UNKNOWN]).map(lambda each: CertificateState(status=each)),
    st.builds(CertificateState, status=st.just(Status.REVOKED), revoked_at=moments, reason=reasons),
)
answers = st.builds(
    SingleAnswer,
    certificate=identifiers(),
    state=states,
    this_update=moments,
    next_update=st.none() | moments,
)
nonces = st.none() | st.binary(min_size=1, max_size=128)


@given(st.lists(identifiers(), min_size=1, max_size=5), nonces)
def test_requests_come_back_as_they_were(asked: list[CertificateId], nonce: bytes | None) -> None:
    read = ocsp_reading.read_request(ocsp.write_request(asked, nonce))
    assert read == ocsp.OcspRequest(certificates=tuple(asked), nonce=nonce)


@given(st.lists(answers, max_size=4), nonces, moments)
def test_answers_come_back_as_they_were(
    given_answers: list[SingleAnswer], nonce: bytes | None, produced_at: datetime
) -> None:
    data = ocsp.write_response_data(
        given_answers, responder_key_hash=b"k", produced_at=produced_at, nonce=nonce
    )
    read = ocsp_reading.read_response(ocsp.write_response(data, b"\x30\0", b"s", []))
    assert read.basic is not None
    assert read.basic.answers == tuple(given_answers)
    assert (read.basic.nonce, read.basic.produced_at) == (nonce, produced_at)


REQUEST = ocsp.write_request([ocsp.certificate_id(b"n", b"k", 7)], b"nonce")
RESPONSE = ocsp.write_response(
    ocsp.write_response_data(
        [
            SingleAnswer(
                certificate=ocsp.certificate_id(b"n", b"k", 7),
                state=CertificateState(status=Status.REVOKED, revoked_at=MOMENT, reason=1),
                this_update=MOMENT,
                next_update=MOMENT,
            )
        ],
        responder_key_hash=b"k",
        produced_at=MOMENT,
        nonce=b"nonce",
    ),
    b"\x30\0",
    b"s",
    [],
)


@given(st.binary(max_size=120))
def test_any_octets_are_read_or_refused(octets: bytes) -> None:
    for read in (ocsp_reading.read_request, ocsp_reading.read_response):
        with suppress(FormatError):
            read(octets)


@given(st.sampled_from([REQUEST, RESPONSE]), st.data())
def test_damaged_messages_are_read_or_refused(message: bytes, data: st.DataObject) -> None:
    octets = bytearray(message)
    for _ in range(data.draw(st.integers(1, 3))):
        octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(octets[: data.draw(st.integers(0, len(octets)))])
    for read in (ocsp_reading.read_request, ocsp_reading.read_response):
        for each in (bytes(octets), cut):
            with suppress(FormatError):
                read(each)
