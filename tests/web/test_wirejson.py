"""JSON is read and written as by Go's encoding/json."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.model.errors import BadRequest
from appliance.web.wirejson import decode_object, encode

FIELDS: dict[str, type] = {
    "text": str, "count": int, "flag": bool, "notAfter": str, "any": object
}  # fmt: skip
ZERO = {"text": "", "count": 0, "flag": False, "notAfter": "", "any": None}


def test_output_is_compact_escaped_and_ends_in_a_newline() -> None:
    assert encode({"a": 'x<y>&"z"\u2028\u2029é', "b": [1, True, None]}) == (
        rb'{"a":"x\u003cy\u003e\u0026\"z\"\u2028\u2029' + "é".encode() + b'","b":[1,true,null]}\n'
    )


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"{}", {}),
        (b"null", {}),
        (b' \n{"text": "x"} trailing', {"text": "x"}),
        (b'{"TEXT": "x", "NotAfter": "1h"}', {"text": "x", "notAfter": "1h"}),
        (b'{"text": null, "count": null, "flag": null, "any": null}', {}),
        (b'{"unknown": {"deep": [1]}, "flag": true}', {"flag": True}),
        (b'{"any": [1, {"x": 2}]}', {"any": [1, {"x": 2}]}),
        (b'{"text": "a", "text": "b"}', {"text": "b"}),
        (b'{"text": "\\ud83d\\ude00"}', {"text": "\U0001f600"}),
    ],
)  # fmt: skip
def test_input(body: bytes, expected: dict[str, Any]) -> None:
    """Names match in any case, unknown ones and what follows are ignored, null is nothing."""
    assert decode_object(body, FIELDS) == ZERO | expected


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "the request has no body, where a JSON object is expected"),
        (b"  \n", "the request has no body, where a JSON object is expected"),
        (b"[]", "the request body must be a JSON object, not an array"),
        (b'"x"', "the request body must be a JSON object, not a string"),
        (b"true", "the request body must be a JSON object, not true or false"),
        (b'{"TEXT": 5}', '"text" must be a string, not an integer'),
        (b'{"count": "5"}', '"count" must be an integer, not a string'),
        (b'{"count": 5.0}', '"count" must be an integer, not a number'),
        (b'{"count": true}', '"count" must be an integer, not true or false'),
        (b'{"flag": 1}', '"flag" must be true or false, not an integer'),
        (b'{"text": {}}', '"text" must be a string, not an object'),
    ],
)
def test_wrong_input(body: bytes, message: str) -> None:
    with pytest.raises(BadRequest) as caught:
        decode_object(body, FIELDS)
    assert caught.value.public == message


@pytest.mark.parametrize("body", [b"{", b"\xff", b'{"a":1,}', b"<x/>", b"[" * 200_000, b"nul"])
def test_no_json(body: bytes) -> None:
    with pytest.raises(BadRequest, match=r"^the request body (is not JSON|is nested too deeply)"):
        decode_object(body, FIELDS)


@given(st.binary() | st.text().map(str.encode))
def test_any_input_is_read_or_refused(body: bytes) -> None:
    try:
        found = decode_object(body, FIELDS)
    except BadRequest:
        return
    assert set(found) == set(FIELDS)


@given(st.recursive(st.none() | st.booleans() | st.integers(-9, 9) | st.text(),
                    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))  # fmt: skip
def test_what_is_written_reads_the_same(value: object) -> None:
    written = encode({"any": value})
    assert not any(octet in written for octet in b"<>&")
    assert decode_object(written, FIELDS)["any"] == value


def test_halves_of_utf_16_pairs_become_the_replacement_character() -> None:
    body = rb'{"a": "x\ud800y", "b": [{"\udc00": "\ud83d\ude00"}]}'
    assert decode_object(body, {"a": str, "b": list}) == {
        "a": "x\ufffdy",
        "b": [{"\ufffd": "\U0001f600"}],
    }
