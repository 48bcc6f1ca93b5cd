"""Whatever happens to a database of step-ca, no row comes out other than it was, unnoticed."""

from functools import lru_cache
from typing import Final

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.authority import row_forms
from appliance.formats import bbolt, snappy
from appliance.formats.badger import database
from appliance.issuance import issuers
from appliance.issuance.issuers import Issuer
from appliance.model.errors import FormatError
from tests.support.databases import NOW, Rows, archive, expected, files, read

BADGER: Final = ("badgerv1", "badgerv2")
DAMAGED: Final = (*BADGER, "badgerv2-compressed")
SIGNED: Final = ("x509_certs", "ssh_certs")


def damaged(name: str, data: st.DataObject) -> dict[str, bytes]:
    """One file cut off, or some octets of it changed."""
    content = files(name)
    file = data.draw(st.sampled_from(sorted(content)))
    octets = bytearray(content[file])
    if data.draw(st.booleans()):
        del octets[data.draw(st.integers(0, len(octets) - 1)) :]
    else:
        for _ in range(data.draw(st.integers(1, 3))):
            octets[data.draw(st.integers(0, len(octets) - 1))] ^= data.draw(st.integers(1, 255))
    return {**content, file: bytes(octets)}


@pytest.mark.parametrize("name", DAMAGED)
@settings(max_examples=60)
@given(data=st.data())
def test_a_badger_database_gives_its_rows_or_says_what_it_cannot(
    name: str, data: st.DataObject
) -> None:
    wanted = expected(name)
    try:
        rows, lost = read(name, damaged(name, data))
    except FormatError:
        return
    assert rows.items() <= wanted.items()
    assert rows == wanted or lost


@given(data=st.data())
def test_a_bbolt_file_gives_all_its_rows_or_is_refused(data: st.DataObject) -> None:
    """Its pages have no checksums: a value may differ, and a certificate then says so itself."""
    wanted = expected("bbolt")
    try:
        rows, lost = read("bbolt", damaged("bbolt", data))
    except FormatError:
        return
    assert len(rows) == len(wanted) or lost
    differing = {place for place in rows if rows[place] != wanted.get(place)}
    assert len(differing) <= 3
    assert all(problem(place, rows) for place in differing if place[0] in SIGNED)


@given(st.binary(max_size=200))
def test_snappy_gives_what_is_as_long_as_it_says_or_refuses(data: bytes) -> None:
    try:
        plain = snappy.decompress(data)
    except FormatError:
        return
    assert len(plain) == int.from_bytes(data[:1]) or data[0] >= 0x80


@given(st.integers(0, 10**9), st.integers(0, 7))
def test_a_bit_that_flips_in_a_certificate_is_told(place: int, bit: int) -> None:
    rows = expected("bbolt")
    places = sorted(each for each in rows if each[0] in SIGNED)
    chosen = places[place % len(places)]
    octets = bytearray(rows[chosen])
    octets[place % len(octets)] ^= 1 << bit
    assert problem(chosen, {chosen: bytes(octets)})


def test_rows_as_step_ca_wrote_them_are_nothing_to_remark() -> None:
    for name in (*BADGER, "bbolt"):
        rows = expected(name)
        assert [problem(place, rows, name) for place in rows if problem(place, rows, name)] == []


def problem(place: tuple[str, bytes], rows: Rows, name: str = "bbolt") -> str:
    return row_forms.problem(*place, rows[place], [issuer(name)])


@lru_cache(maxsize=4)
def issuer(name: str) -> Issuer:
    pem = archive(name)["steppath/certs/intermediate_ca.crt"]
    return issuers.of_certificate(x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER))


@given(st.binary(max_size=300))
def test_readers_raise_format_error_and_nothing_else(octets: bytes) -> None:
    for content in (
        {"MANIFEST": octets},
        {"MANIFEST": b"Bdgr\0\0\0\x04" + octets},
        {"MANIFEST": b"Bdgr\0\0\0\x04", "000000.vlog": octets},
        {"MANIFEST": b"Bdgr\0\0\0\x07", "000000.vlog": bytes(20) + octets},
    ):
        try:
            list(database.read(content).contents(NOW))
        except FormatError:
            continue
    try:
        list(bbolt.read(octets).contents())
    except FormatError:
        return
