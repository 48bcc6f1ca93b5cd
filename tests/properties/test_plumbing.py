"""Readers of keys, messages and hashes raise errors of our family alone, whatever they get."""

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from appliance.formats import base64url, jose_keys, jwe_recipients, jws, key_forms, phc, totp
from appliance.formats.jose_keys import Asked, JoseKey
from appliance.model.errors import HearthError

NAMES = ["alg", "enc", "epk", "iv", "tag", "apu", "kty", "crv", "x", "y", "d", "k", "kid", "use"]
values = (
    st.none() | st.integers() | st.text(max_size=5)
    | st.sampled_from(["EC", "oct", "P-256", "A256GCM", "A128CBC-HS256"])
    | st.sampled_from(["dir", "A256KW", "ECDH-ES"])
    | st.binary(max_size=40).map(base64url.encode)
)  # fmt: skip
members = st.dictionaries(st.sampled_from(NAMES), values)
part = st.binary(max_size=70).map(base64url.encode)
SECRET = JoseKey(key=bytes(32), algorithm="HS256", use="sig")


def total(read: Callable[[Any], object], data: object) -> None:
    with suppress(HearthError):
        read(data)


@given(st.binary() | st.binary().map(lambda rest: b"ssh-ed25519 " + rest))
def test_any_octets(data: bytes) -> None:
    total(key_forms.read, data)
    total(jose_keys.keys_of_set, data)
    total(lambda octets: jose_keys.read(octets, "x", Asked(use="sig")), data)


@given(st.text() | st.text().map("otpauth://totp/x?".__add__))
def test_any_text(text: str) -> None:
    total(jws.split, text)
    total(totp.read, text)
    total(lambda read: jwe_recipients.decrypt(read, SECRET), text)


@given(members)
def test_any_jwk(found: dict[str, Any]) -> None:
    total(jose_keys.of_members, found)
    total(key_forms.read, json.dumps(found).encode())


@given(members, st.tuples(part, part, part, part))
def test_any_encrypted_message(header: dict[str, Any], parts: tuple[str, ...]) -> None:
    text = ".".join((base64url.encode(json.dumps(header).encode()), *parts))
    total(lambda read: jwe_recipients.decrypt(read, SECRET), text)


@given(members, part, part)
def test_any_signed_message(header: dict[str, Any], payload: str, signature: str) -> None:
    text = ".".join((base64url.encode(json.dumps(header).encode()), payload, signature))
    total(lambda read: jws.verify(jws.split(read), SECRET), text)
    total(lambda read: jws.shown(jws.split(read), payload_is_json=True), text)


@given(st.text(alphabet="$=,vmtplnr0123456789scryptagon2id", max_size=40))
def test_any_hash(text: str) -> None:
    if "=" not in text:  # with parameters it would be computed
        total(lambda read: phc.matches(read, b"word"), text)
