"""Revocation lists of any shape: readers raise FormatError and nothing else, and lose nothing."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from appliance.authority import crl as publishing
from appliance.formats import crl, der, inspect_crl, inspect_json
from appliance.formats.inspect_crl import Verdict
from appliance.model.errors import FormatError
from tests.formats.record_crl import GOLDEN

MOMENT = datetime(2026, 3, 1, tzinfo=UTC)
ALGORITHM = der.sequence(der.oid("1.2.840.10045.4.3.2"))
moments = st.integers(-2_000_000_000, 2_000_000_000).map(lambda s: MOMENT + timedelta(seconds=s))
entries = st.tuples(st.integers(-(2**160), 2**160), moments, st.integers(0, 10))
EXAMPLES = [path.read_bytes() for path in sorted(GOLDEN.glob("*.crl"))]


@given(st.lists(entries, max_size=20), moments, moments, st.integers(0, 2**64))
def test_lists_come_back_as_they_were(
    revoked: list[tuple[int, datetime, int]], start: datetime, end: datetime, number: int
) -> None:
    signed = crl.to_be_signed(
        algorithm=ALGORITHM,
        issuer=der.sequence(),
        this_update=start,
        next_update=end,
        entries=[crl.entry(*each) for each in revoked],
        extensions=[der.sequence(der.oid(crl.NUMBER), der.octet_string(der.integer(number)))],
    )
    fields = crl.parse(der.sequence(signed, ALGORITHM, der.bit_string(b"s")))
    assert (fields.this_update, fields.next_update, fields.number) == (start, end, number)
    read = [(each.serial, each.revoked_at, each.reason_code) for each in fields.entries()]
    assert read == revoked
    for each in fields.entries():
        found = fields.find(each.serial)
        assert found is not None
        assert found.serial == each.serial


def look_everywhere(octets: bytes) -> None:
    with suppress(FormatError):
        fields = crl.parse(crl.decode(octets))
        for look in (
            lambda: fields.number,
            lambda: fields.authority_key_id,
            lambda: [each.reason_code for each in fields.entries()],
            lambda: fields.find(5),
            lambda: inspect_crl.list_text(fields, Verdict(valid=False)),
            lambda: inspect_json.render(inspect_crl.list_object(fields, Verdict(valid=True))),
        ):
            with suppress(FormatError):
                look()


@given(st.binary())
def test_any_octets(octets: bytes) -> None:
    look_everywhere(octets)
    look_everywhere(b"-----BEGIN X509 CRL-----\n" + octets)
    publishing.read_row(octets)


@given(st.sampled_from(EXAMPLES), st.data())
def test_a_list_with_other_octets_in_it(octets: bytes, data: st.DataObject) -> None:
    changed = bytearray(octets)
    for _ in range(data.draw(st.integers(1, 4))):
        changed[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(0, 255))
    look_everywhere(bytes(changed))


@given(st.sampled_from(EXAMPLES), st.data())
def test_a_list_that_is_cut_off(octets: bytes, data: st.DataObject) -> None:
    look_everywhere(octets[: data.draw(st.integers(0, len(octets)))])
