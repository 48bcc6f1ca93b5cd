"""DER is written in its shortest form, and read in no other."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from appliance.formats import der
from appliance.model.errors import FormatError


@pytest.mark.parametrize(
    ("number", "octets"),
    [
        (0, "020100"),
        (127, "02017f"),
        (128, "02020080"),
        (256, "02020100"),
        (-1, "0201ff"),
        (-128, "020180"),
        (-129, "0202ff7f"),
    ],
)
def test_integers_take_the_fewest_octets(number: int, octets: str) -> None:
    assert der.integer(number).hex() == octets
    assert der.read_integer(der.read(bytes.fromhex(octets))) == number


@pytest.mark.parametrize("octets", ["0200", "02020001", "0202ffff", "040101"])
def test_other_integers_are_refused(octets: str) -> None:
    with pytest.raises(FormatError):
        der.read_integer(der.read(bytes.fromhex(octets)))


@pytest.mark.parametrize("size", [0, 1, 127, 128, 255, 256, 65535, 65536])
def test_lengths_of_every_size_come_back(size: int) -> None:
    content = b"x" * size
    assert der.read(der.octet_string(content)).value == content


@pytest.mark.parametrize(
    ("octets", "what"),
    [
        ("", "cut off"),
        ("30", "cut off"),
        ("3001", "cut off"),
        ("300000", "after the end"),
        ("308100", "shortest"),
        ("30820001ff", "shortest"),
        ("3080", "shortest"),
        ("30850000000001", "shortest"),
        ("1f8100", "more than one octet"),
    ],
)
def test_what_is_not_der_is_refused(octets: str, what: str) -> None:
    with pytest.raises(FormatError, match=what):
        der.read(bytes.fromhex(octets))


def test_an_inner_element_may_not_reach_beyond_its_parent() -> None:
    with pytest.raises(FormatError, match="cut off"):
        der.items(bytes.fromhex("3003020500"))


def test_object_identifiers_come_back() -> None:
    for dotted in ("2.5.29.17", "1.3.6.1.4.1.37476.9000.64.1", "2.999.3", "0.9.2342", "2.16.840"):
        assert der.read_oid(der.read(der.oid(dotted))) == dotted


@pytest.mark.parametrize("dotted", ["", "1", "3.1", "1.40", "1..2", "1.-2", "1.2.x", "1.²"])
def test_what_is_no_object_identifier_is_refused(dotted: str) -> None:
    with pytest.raises(FormatError):
        der.oid(dotted)


@pytest.mark.parametrize("octets", ["0600", "060180", "0602808a", "06028a80"])
def test_broken_object_identifiers_are_refused(octets: str) -> None:
    with pytest.raises(FormatError):
        der.read_oid(der.read(bytes.fromhex(octets)))


def test_times_change_form_at_2050() -> None:
    """RFC 5280 section 4.1.2.5."""
    assert der.time(datetime(2049, 12, 31, 23, 59, 59, 999, UTC)) == b"\x17\x0d491231235959Z"
    assert der.time(datetime(2050, 1, 1, tzinfo=UTC)) == b"\x18\x0f20500101000000Z"
    assert der.time(datetime(1949, 1, 1, tzinfo=UTC)) == b"\x18\x0f19490101000000Z"
    east = timezone(timedelta(hours=2))
    assert der.time(datetime(2030, 1, 1, 1, tzinfo=east)) == b"\x17\x0d291231230000Z"


def test_sets_are_sorted_and_contexts_tagged() -> None:
    assert der.set_of(der.integer(2), der.integer(1)).hex() == "3106020101020102"
    assert der.context(3, der.null()).hex() == "a3020500"
    assert der.context(2, b"ab", constructed=False).hex() == "82026162"
    assert der.utf8_string("é").hex() == "0c02c3a9"


def test_bit_strings_are_whole_octets() -> None:
    assert der.read_bits(der.read(der.bit_string(b"ab"))) == b"ab"
    for octets in ("0300", "03020780"):
        with pytest.raises(FormatError):
            der.read_bits(der.read(bytes.fromhex(octets)))


def test_elements_know_their_octets() -> None:
    inner = der.integer(7)
    (element,) = der.items(der.sequence(inner))
    assert element.raw == inner
    assert element.value == b"\x07"
    with pytest.raises(FormatError, match="holds no elements"):
        der.children(element)
