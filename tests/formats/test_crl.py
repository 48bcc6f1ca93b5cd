"""Revocation lists in DER (RFC 5280 section 5): what pyca reads of ours, and what is refused."""

from datetime import UTC, datetime

import pytest
from cryptography import x509

from appliance.formats import crl, der, pem
from appliance.formats.crl import CrlFields
from appliance.model.errors import FormatError

START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ECDSA = der.sequence(der.oid("1.2.840.10045.4.3.2"))
NAME = der.sequence()


def listed(*entries: bytes, extensions: tuple[bytes, ...] = ()) -> bytes:
    signed = crl.to_be_signed(
        algorithm=ECDSA,
        issuer=NAME,
        this_update=START,
        next_update=START.replace(year=2060),
        entries=entries,
        extensions=extensions or [number(1)],
    )
    return der.sequence(signed, ECDSA, der.bit_string(b"signature"))


def number(value: int) -> bytes:
    return der.sequence(der.oid(crl.NUMBER), der.octet_string(der.integer(value)))


def test_another_reader_reads_what_was_written() -> None:
    point = crl.issuing_distribution_point("http://ca.example/crl")
    named = der.sequence(der.oid(crl.DISTRIBUTION_POINT), der.TRUE, der.octet_string(point))
    entries = [crl.entry(5, START, 1), crl.entry(2**159 - 1, START.replace(year=2051))]
    found = x509.load_der_x509_crl(listed(*entries, extensions=(number(300), named)))
    assert found.last_update_utc == START
    assert found.next_update_utc == START.replace(year=2060)
    assert found.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number == 300
    place = found.extensions.get_extension_for_class(x509.IssuingDistributionPoint)
    assert place.critical
    assert place.value.full_name == [x509.UniformResourceIdentifier("http://ca.example/crl")]
    first, second = found
    assert (first.serial_number, second.serial_number) == (5, 2**159 - 1)
    assert second.revocation_date_utc == START.replace(year=2051)
    reason = first.extensions.get_extension_for_class(x509.CRLReason).value.reason
    assert reason is x509.ReasonFlags.key_compromise
    assert len(second.extensions) == 0


def test_several_entries_may_come_joined() -> None:
    one, two, three = (crl.entry(serial, START) for serial in (1, 2, 3))
    assert listed(one + two, b"", three) == listed(one, two, three)


def test_without_entries_the_field_is_left_out() -> None:
    assert listed() == listed(b"")
    assert crl.parse(listed()).revoked is None


def test_an_entry_is_found_without_reading_all() -> None:
    entries = [crl.entry(serial, START, serial % 7) for serial in range(1, 2000, 2)]
    fields = crl.parse(listed(*entries))
    found = fields.find(1001)
    assert found is not None
    assert (found.serial, found.reason_code) == (1001, 0)
    assert fields.find(1000) is None
    assert crl.parse(listed()).find(1) is None


def test_octets_of_a_serial_elsewhere_are_no_entry() -> None:
    """Within another entry's extension there may stand anything."""
    decoy = der.sequence(der.oid("1.2.3"), der.octet_string(der.integer(77)))
    odd = der.sequence(der.integer(5), der.time(START), der.sequence(decoy))
    assert crl.parse(listed(odd)).find(77) is None


def test_pem_and_der_are_both_read() -> None:
    octets = listed()
    assert crl.decode(octets) == octets
    assert crl.decode(pem.encode(crl.LABEL, octets).encode()) == octets
    with pytest.raises(FormatError, match="X509 CRL"):
        crl.decode(pem.encode("CERTIFICATE", octets).encode())


def test_a_url_outside_ascii_is_refused() -> None:
    with pytest.raises(FormatError, match="not a URL"):
        crl.issuing_distribution_point("http://exämple")


BROKEN = {
    "two algorithms": lambda: der.sequence(
        der.items(listed())[0].raw, der.sequence(der.oid("1.3.101.112")), der.bit_string(b"s")
    ),
    "a certificate's parts": lambda: der.sequence(
        der.sequence(der.integer(1), ECDSA), ECDSA, der.bit_string(b"s")
    ),
    "a field too many": lambda: der.sequence(
        der.sequence(ECDSA, NAME, der.time(START), der.null()), ECDSA, der.bit_string(b"s")
    ),
    "two parts": lambda: der.sequence(ECDSA, ECDSA),
    "something behind it": lambda: listed() + b"\0",
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_no_list_is_refused(name: str) -> None:
    with pytest.raises(FormatError):
        crl.parse(BROKEN[name]())


@pytest.mark.parametrize(
    "entry",
    [
        der.sequence(der.integer(1)),
        der.sequence(der.integer(1), der.null()),
        der.sequence(der.integer(1), der.time(START), der.sequence(), der.null()),
        der.integer(1),
    ],
)
def test_a_broken_entry_is_refused_when_it_is_read(entry: bytes) -> None:
    fields = crl.parse(listed(entry))
    with pytest.raises(FormatError):
        list(fields.entries())


@pytest.mark.parametrize("value", [b"", b"\x0a\x02\x00\x01", b"\x02\x01\x01", b"\x0a\x00"])
def test_a_broken_reason_is_refused_when_it_is_asked_for(value: bytes) -> None:
    extension = der.sequence(der.sequence(der.oid(crl.REASON), der.octet_string(value)))
    entry = der.sequence(der.integer(1), der.time(START), extension)
    (found,) = crl.parse(listed(entry)).entries()
    with pytest.raises(FormatError):
        _ = found.reason_code


def test_a_list_of_version_1_is_read() -> None:
    signed = der.sequence(ECDSA, NAME, der.time(START), der.sequence(crl.entry(5, START)))
    fields: CrlFields = crl.parse(der.sequence(signed, ECDSA, der.bit_string(b"s")))
    assert (fields.version, fields.number, fields.next_update) == (1, None, None)
    assert fields.authority_key_id is None
    assert [each.serial for each in fields.entries()] == [5]
