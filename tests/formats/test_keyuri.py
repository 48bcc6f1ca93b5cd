"""Key URIs: step's looseness, and nothing secret in what is shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.formats import keyuri
from appliance.formats.keyuri import KeyUri, parse
from appliance.model.errors import FormatError

VALUES = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
NAMES = st.text("abcdefghijklmnopqrstuvwxyz-", min_size=1, max_size=12)
PAIRS = st.lists(st.tuples(NAMES, VALUES), max_size=5).map(tuple)


@given(PAIRS, PAIRS)
def test_what_is_written_is_read_again(
    attributes: keyuri.Attributes, query: keyuri.Attributes
) -> None:
    uri = KeyUri(scheme="pkcs11", attributes=attributes, query=query)
    assert parse(uri.reveal()) == uri


@given(st.text(max_size=60))
def test_junk_is_refused_or_read(text: str) -> None:
    for each in (text, f"pkcs11:{text}"):
        try:
            uri = parse(each)
        except FormatError:
            continue
        assert parse(uri.reveal()) == uri


@given(st.text("0123456789abcdef!§", min_size=4, max_size=12))
def test_a_pin_is_shown_nowhere(pin: str) -> None:
    pin = f"<{pin}>"
    for where in ("attributes", "query"):
        uri = KeyUri(scheme="pkcs11", **{where: (("token", "a"), ("pin-value", pin))})
        assert pin not in f"{uri} {uri!r} {uri.shown}"
        assert keyuri._encoded(pin) not in f"{uri} {uri!r} {uri.shown}"
        assert uri.pin is not None
        assert uri.pin.reveal() == pin.encode()


def test_a_refusal_does_not_repeat_the_uri() -> None:
    with pytest.raises(FormatError) as raised:
        parse("pkcs11:token=ca?pin-value=12%zz34")
    assert "zz34" not in str(raised.value)


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("pkcs11:token=ca;object=key?pin-value=1", "object", "key"),
        ("pkcs11:token=ca&object=key", "object", "key"),
        ("pkcs11:token=ca?object=key&pin-value=1", "object", "key"),
        ("pkcs11:token=ca?object=key;pin-value=1", "pin-value", "1"),
        ("PKCS11:token=ca", "token", "ca"),
        ("pkcs11:token=my%20ca", "token", "my ca"),
        ("pkcs11:token=my+ca", "token", "my ca"),
        ("pkcs11:token=a%2Bb", "token", "a+b"),
        ("pkcs11:token=first;token=second", "token", "first"),
        ("pkcs11:token=?token=after", "token", "after"),
        ("pkcs11:token=a?pin-value=what?is=it", "pin-value", "what?is=it"),
        ("pkcs11:module-path=/usr/lib/x.so;token=a", "module-path", "/usr/lib/x.so"),
        ("yubikey:slot-id=9c#fragment", "slot-id", "9c"),
        ("pkcs11:", "token", ""),
    ],
)
def test_attributes_are_found_as_step_finds_them(text: str, name: str, value: str) -> None:
    assert parse(text).get(name) == value


@pytest.mark.parametrize(
    ("written", "octets"),
    [
        ("7331", b"\x73\x31"),
        ("0x7331", b"\x73\x31"),
        ("0X7331", b"\x73\x31"),
        ("73:31", b"\x73\x31"),
        ("123", b"\x01\x23"),
        ("%73%31%ff", b"s1\xff"),
        ("%01%02", b"\x01\x02"),
        ("key", b"key"),
        ("", b""),
    ],
)
def test_identifiers_are_hexadecimal_or_what_they_are(written: str, octets: bytes) -> None:
    assert parse(f"pkcs11:id={written}").octets("id") == octets


@pytest.mark.parametrize(
    ("source", "path"),
    [
        ("/run/pin", "/run/pin"),
        ("file:/run/pin", "/run/pin"),
        ("file:///run/pin", "/run/pin"),
        ("file:pin", "pin"),
        ("pin.txt", "pin.txt"),
    ],
)
def test_a_pin_can_be_in_a_file(source: str, path: str) -> None:
    assert parse(f"pkcs11:token=a?pin-source={source}").pin_source == path


@pytest.mark.parametrize("text", ["", "token=a", "/path:x", "pkcs11", "1x:a=b", "pkcs11:\n"])
def test_what_is_no_uri_is_refused(text: str) -> None:
    with pytest.raises(FormatError):
        parse(text)


def test_numbers_are_numbers() -> None:
    assert parse("pkcs11:slot-id=5").integer("slot-id") == 5
    assert parse("pkcs11:token=a").integer("slot-id") is None
    with pytest.raises(FormatError, match="slot-id"):
        parse("pkcs11:slot-id=five").integer("slot-id")


def test_a_token_can_be_told_elsewhere() -> None:
    """The key's own attributes come first; secrets go after the question mark."""
    kms = parse("pkcs11:module-path=/m.so;token=ca?pin-value=1234")
    whole = parse("pkcs11:id=01").with_defaults(kms, ("module-path", "token", "pin-value"))
    assert whole.reveal() == "pkcs11:id=01;module-path=/m.so;token=ca?pin-value=1234"
    assert parse("pkcs11:token=b").with_defaults(kms, ("token",)).get("token") == "b"
