"""Lines of authorized_keys and `.pub` files, and what is no such line."""

import base64
import contextlib

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from hypothesis import given
from hypothesis import strategies as st

from appliance.formats.keys import PrivateKey
from appliance.formats.ssh import agent, authorized, keys, private_keys, wire
from appliance.model.errors import FormatError
from appliance.model.secret import Password

KEY = keys.of_key(ed25519.Ed25519PrivateKey.generate().public_key())
SEALED: tuple[PrivateKey, ...] = (
    ed25519.Ed25519PrivateKey.generate(),
    ec.generate_private_key(ec.SECP256R1()),
)
OTHER = keys.of_key(ec.generate_private_key(ec.SECP256R1()).public_key())


@pytest.mark.parametrize(
    ("text", "comment"),
    [
        (KEY.line, ""),
        (f"{KEY.line}\n", ""),
        (f"  {KEY.line} jane's key \r\n", "jane's key"),
        (f"{KEY.type}\t{KEY.text}\tjane", "jane"),
        (f"# a comment\n\n{KEY.line} a\n{OTHER.line} b\n", "a"),
        (f'command="echo \\"x y\\"",no-pty {KEY.line} a', "a"),
        (f"restrict {KEY.line}", ""),
        (f"words only\n{KEY.line} a", "a"),
    ],
)
def test_the_first_key_is_found(text: str, comment: str) -> None:
    assert authorized.read(text.encode()) == (KEY, comment)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no SSH key"),
        ("# only a comment", "no SSH key"),
        ("just some words", "no SSH key"),
        (KEY.text, "no SSH key"),
        (f"ssh-rsa {KEY.text}", "that says 'ssh-rsa' and holds ssh-ed25519"),
        (f"restrict {KEY.text} a", "that says 'restrict'"),
        (f'command="unclosed {KEY.line}', "no SSH key"),
        (f"{KEY.type} {KEY.text[:-8]}", "ends too early"),
        ("ssh-dss " + base64.b64encode(wire.string("ssh-dss")).decode(), "DSA"),
    ],
)
def test_what_is_none_is_refused(text: str, says: str) -> None:
    with pytest.raises(FormatError, match=says):
        authorized.read(text.encode())


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_anything_else_is_an_error_of_ours(octets: bytes) -> None:
    for read in (authorized.read, authorized.parse, agent.read_keys, private_keys.read):
        try:
            read(octets)
        except FormatError:
            continue


@given(st.data())
def test_a_broken_private_key_is_an_error_of_ours(data: st.DataObject) -> None:
    """Whatever octet of a sealed key is changed, it opens or says that it does not."""
    key = data.draw(st.sampled_from(SEALED))
    text = private_keys.dump(key, None, entropy=bytes(private_keys.ENTROPY))
    octets = bytearray(base64.b64decode(b"".join(text.splitlines()[1:-1])))
    place = data.draw(st.integers(0, len(octets) - 1))
    octets[place] ^= data.draw(st.integers(1, 255))
    with contextlib.suppress(FormatError):
        private_keys.unsealed(private_keys.read(bytes(octets)), Password(b"x"))
