"""Whatever is sent to ACME's door, the answer is a problem, never a fault."""

import json
from contextlib import suppress
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.formats import flattened_jws
from appliance.issuance.acme import identifiers
from appliance.model.acme import AcmeError
from appliance.model.errors import FormatError

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.binary() | JSON.map(lambda value: json.dumps(value).encode()))
def test_a_message_is_read_or_refused(body: bytes) -> None:
    with suppress(FormatError):
        flattened_jws.read(body)


@given(
    st.dictionaries(st.sampled_from(["kty", "crv", "x", "y", "n", "e", "d", "alg"]), JSON)
    | st.fixed_dictionaries({"kty": st.just("RSA"), "n": st.text(), "e": st.text()})
)
def test_a_key_is_read_or_refused(written: dict[str, Any]) -> None:
    with suppress(FormatError):
        flattened_jws.public_key(written)


@settings(max_examples=300)
@given(
    st.lists(
        st.fixed_dictionaries({"type": st.sampled_from(["dns", "ip", "x"]), "value": st.text()})
        | JSON,
        max_size=4,
    )
)
def test_identifiers_are_read_into_a_form_that_stays_or_refused(written: list[Any]) -> None:
    try:
        found = identifiers.read_all(written)
    except AcmeError:
        return
    again = [{"type": str(each.type), "value": each.value} for each in found]
    assert identifiers.read_all(again) == found
    assert len(set(found)) == len(found)
