"""Decoders of what devices attest give values or FormatError, whatever they are given."""

from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import example, given
from hypothesis import strategies as st

from appliance.formats import cbor, tpm
from appliance.model.errors import FormatError
from tests.support import attesting

_PUBLIC = attesting.tpm_public(ec.generate_private_key(ec.SECP256R1()).public_key())
_WHOLE = (_PUBLIC, attesting.tpm_attest(_PUBLIC, b"extra"))
_DECODERS: list[Callable[[bytes], object]] = [
    cbor.decode, tpm.read_attest, tpm.read_public, tpm.read_signature,
]  # fmt: skip
_VALUES = st.recursive(
    st.integers(-(1 << 15), (1 << 15) - 1) | st.binary(max_size=40) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=10,
)


@pytest.mark.parametrize("decode", _DECODERS)
@given(st.binary(max_size=200))
@example(b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff")  # a list of 2**64 - 1 values
@example(b"\x81" * 200)
@example(b"\xbb\x00\x00\x00\x00\xff\xff\xff\xff")
def test_any_octets_are_a_value_or_a_format_error(
    decode: Callable[[bytes], object], data: bytes
) -> None:
    try:
        decode(data)
    except FormatError:
        return


@given(st.sampled_from(_WHOLE), st.integers(0, 400), st.integers(0, 255))
def test_a_structure_with_an_octet_changed_is_a_value_or_a_format_error(
    whole: bytes, place: int, octet: int
) -> None:
    changed = bytearray(whole)
    changed[place % len(changed)] = octet
    for decode in (tpm.read_public, tpm.read_attest):
        for data in (bytes(changed), whole[: place % len(whole)]):
            try:
                decode(data)
            except FormatError:
                continue


@given(_VALUES)
def test_cbor_gives_back_what_was_written(value: object) -> None:
    assert cbor.decode(attesting.cbor(value)) == value


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\x5f\x41a\xff", b"\x9f\xff", b"\xa1\x01\x02", b"\xc0\x00", b"\xf9\x00\x00",
        b"\x00\x00", b"\xa2\x61a\x01\x61a\x02", b"\x61\xff", b"\x62a", b"\xfc",
    ],
)  # fmt: skip
def test_cbor_that_is_not_plain_is_refused(data: bytes) -> None:
    """RFC 8949: indefinite lengths, keys that are no text, tags, floats, doubles, leftovers."""
    with pytest.raises(FormatError):
        cbor.decode(data)
