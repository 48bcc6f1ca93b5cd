"""JSON as lax as Go's, and errors that say where what is wrong stands."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from appliance.formats import laxjson
from appliance.formats.laxjson import Object
from appliance.model.errors import FormatError


def read(text: str) -> Object:
    return Object(laxjson.decode(text))


def test_keys_match_in_any_case_and_the_last_counts() -> None:
    assert read('{"NAME": "a", "name": "b"}').text("Name") == "b"
    assert read('{"\u212aey\u017f": "x"}').text("keys") == "x"


def test_what_follows_the_first_value_is_ignored_unless_the_whole_text_counts() -> None:
    assert read('{"a": "b"} {').text("a") == "b"
    with pytest.raises(FormatError, match="something follows"):
        laxjson.decode("{} {", whole=True)
    assert laxjson.decode(" {} \n", whole=True) == {}


def test_null_is_the_same_as_nothing() -> None:
    nothing = read('{"a": null}')
    assert (nothing.text("a"), nothing.texts("a"), nothing.flag("a")) == ("", (), False)
    assert (nothing.integer("a"), nothing.octets("a"), nothing.time("a")) == (0, None, None)
    assert list(nothing.objects("a")) == []
    assert (nothing.has("a"), nothing.has("b")) == (True, False)


def test_what_is_written_is_read() -> None:
    written = read(
        '{"one": "x", "many": ["x", null], "n": -5, "yes": true, "b64": "AQ\\r\\nID", '
        '"numbers": [1, null, 255], "when": "2030-01-31T12:00:00+01:00", "zero": '
        '"0001-01-01T00:00:00Z", "half": "a\\ud800b"}'
    )
    assert (written.texts("one"), written.texts("many")) == (("x",), ("x", ""))
    assert (written.integer("n"), written.flag("yes")) == (-5, True)
    assert (written.octets("b64"), written.octets("numbers")) == (b"\1\2\3", b"\1\0\xff")
    assert written.time("when") == datetime(2030, 1, 31, 11, tzinfo=UTC)
    assert written.time("zero") is None
    assert written.text("half") == "a\ufffdb"


@pytest.mark.parametrize(
    ("text", "reader", "what"),
    [
        ('{"a": 1}', lambda o: o.text("a"), "a must be a text, not a number"),
        ('{"a": ["x", 1]}', lambda o: o.texts("a"), r"a\[1\] must be a text, not a number"),
        ('{"a": {}}', lambda o: o.texts("a"), "a must be a list, not an object"),
        ('{"a": "yes"}', lambda o: o.flag("a"), "a must be true or false, not a text"),
        ('{"a": 1.0}', lambda o: o.integer("a"), "a must be an integer"),
        ('{"a": true}', lambda o: o.integer("a"), "a must be an integer, not a boolean"),
        ('{"a": 9223372036854775808}', lambda o: o.integer("a"), "a must be an integer"),
        ('{"a": "*"}', lambda o: o.octets("a"), "a must be base64"),
        ('{"a": "QQ==="}', lambda o: o.octets("a"), "a must be base64"),
        ('{"a": [256]}', lambda o: o.octets("a"), "a must be base64"),
        ('{"a": 5}', lambda o: o.time("a"), "a must be a time"),
        ('{"a": "soon"}', lambda o: o.time("a"), "a: .*RFC 3339"),
        ('{"a": [{"b": 1}]}', lambda o: next(o.objects("a")).text("b"), r"a\[0\].b must be"),
        ('{"a": {"b": 1}}', lambda o: o.object("a").text("b"), "a.b must be a text"),
        ("[]", lambda o: o, "must be an object, not a list"),
        ('{"a": NaN}', lambda o: o, "not JSON: NaN is no number"),
        ('{"a": }', lambda o: o, "not JSON: .* line 1, column 7"),
        ("[" * 100_000, lambda o: o, "nested too deep"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(
    text: str, reader: Callable[[Object], object], what: str
) -> None:
    with pytest.raises(FormatError, match=what):
        reader(read(text))
