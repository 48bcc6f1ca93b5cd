"""Decoders raise FormatError and nothing else, whatever they are given."""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.formats import (
    base64url,
    der,
    goduration,
    inspect_json,
    inspect_text,
    jwe,
    jwk,
    jwt,
    keyfile,
    names,
    pem,
    serial,
    timeorduration,
    x509_fields,
)
from appliance.model.errors import FormatError
from appliance.model.names import SanKind
from appliance.model.secret import Password

PASSWORD = Password(b"x")
LABELS = ["PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY", "OPENSSH PRIVATE KEY", "PUBLIC KEY"]
JOSE_NAMES = ["alg", "enc", "p2c", "p2s", "crit", "zip", "kty", "crv"]
JOSE_NAMES += ["x", "y", "d", "n", "e", "p", "q", "kid"]
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
jose_members = st.dictionaries(
    st.sampled_from(JOSE_NAMES),
    json_values
    | st.sampled_from(["EC", "OKP", "RSA", "P-256", "Ed25519", "ES256", "A256GCM"])
    | st.binary(max_size=70).map(base64url.encode),
)


def parse_everything(element: der.Element) -> None:
    for reader in (der.read_integer, der.read_oid, der.read_bits, der.children):
        try:
            found = reader(element)
        except FormatError:
            continue
        if isinstance(found, list):
            for child in found:
                parse_everything(child)


def total(decode: Callable[[Any], object], data: object) -> None:
    """Run a decoder; FormatError is a right answer."""
    with suppress(FormatError):
        decode(data)


@given(st.binary())
def test_any_octets(data: bytes) -> None:
    for decode in (
        base64url.decode,
        pem.blocks,
        pem.certificates,
        keyfile.load_public_key,
        keyfile.public_key_of_der,
        lambda data: keyfile.load_private_key(data, PASSWORD),
        lambda data: parse_everything(der.read(data)),
    ):
        total(decode, data)


@given(st.sampled_from(LABELS), st.binary(), st.dictionaries(st.text(), st.text(), max_size=2))
def test_any_content_of_a_key_file(label: str, content: bytes, headers: dict[str, str]) -> None:
    data = pem.encode(label, content, headers).encode()
    total(lambda data: keyfile.load_private_key(data, PASSWORD), data)
    total(lambda data: keyfile.load_private_key(data, None), data)
    total(keyfile.load_public_key, data)


@given(st.sampled_from(["AES-256-CBC", "DES-EDE3-CBC"]), st.binary(), st.binary(max_size=17))
def test_any_content_of_an_encrypted_key_file(cipher: str, content: bytes, initial: bytes) -> None:
    headers = {"Proc-Type": "4,ENCRYPTED", "DEK-Info": f"{cipher},{initial.hex()}"}
    data = pem.encode("EC PRIVATE KEY", content, headers).encode()
    total(lambda data: keyfile.load_private_key(data, PASSWORD), data)


@given(st.text())
def test_any_text(text: str) -> None:
    decoders: list[Callable[[str], object]] = [
        base64url.decode,
        goduration.parse,
        timeorduration.parse,
        timeorduration.parse_time,
        serial.parse,
        jwt.split,
        jwe.is_encrypted,
        lambda text: jwe.decrypt(text, PASSWORD),
        names.classify,
        *(partial(names.canonical, kind) for kind in SanKind),
        der.oid,
    ]
    for decode in decoders:
        total(decode, text)


@given(st.from_regex(r"[0-9+-]{0,3}[0-9.xhms_T:Z-]{0,30}", fullmatch=True))
def test_any_text_of_digits(text: str) -> None:
    for decode in (goduration.parse, timeorduration.parse, serial.parse):
        total(decode, text)


@given(st.from_regex(r"[a-z]{1,6}:(//)?([a-z0-9:@%\[\]]{0,8}(/|\?|#)){0,3}.{0,8}", fullmatch=True))
def test_uris_are_left_alone_the_second_time(text: str) -> None:
    san = names.classify(text)
    if san.kind is SanKind.URI and san.value.isascii():
        assert names.canonical(SanKind.URI, san.value).value == san.value


@given(jose_members, jose_members, st.binary(max_size=80))
def test_any_token(header: dict[str, Any], claims: dict[str, Any], signature: bytes) -> None:
    parts = [msgspec.json.encode(header), msgspec.json.encode(claims), signature]
    total(jwt.split, ".".join(map(base64url.encode, parts)))
    total(jwk.public_key, header)
    total(jwk.private_key, header)
    total(jwk.thumbprint, header)


@given(jose_members, st.binary(max_size=40), st.binary(max_size=16), st.binary(max_size=40))
def test_any_jwe(header: dict[str, Any], key: bytes, initial: bytes, content: bytes) -> None:
    header = {"alg": "PBES2-HS256+A128KW", "p2c": 1, "p2s": "AA", "enc": "A256GCM"} | header
    if isinstance(header["p2c"], int):
        header["p2c"] %= 5
    parts = [msgspec.json.encode(header), key, initial, content, content[:16]]
    compact = ".".join(map(base64url.encode, parts))
    total(lambda text: jwe.decrypt(text, PASSWORD), compact)
    total(lambda text: jwe.decrypt(text, PASSWORD), jwe.to_json(compact))


CERTIFICATES = [
    pem.blocks(path.read_bytes())[0].der
    for path in sorted((Path(__file__).parent.parent / "formats/golden/inspect").glob("*.pem"))
]
SHOWS: list[Callable[[bytes], object]] = [
    lambda octets: inspect_text.certificate_text(x509_fields.certificate(octets)),
    lambda octets: inspect_text.certificate_summary(x509_fields.certificate(octets)),
    lambda octets: inspect_json.certificate_object(x509_fields.certificate(octets)),
    lambda octets: inspect_text.request_text(x509_fields.request(octets)),
    lambda octets: inspect_text.request_summary(x509_fields.request(octets)),
    lambda octets: inspect_json.request_object(x509_fields.request(octets)),
]


@given(st.sampled_from(CERTIFICATES), st.data())
def test_any_change_of_a_certificate_or_request(octets: bytes, data: st.DataObject) -> None:
    changed = bytearray(octets)
    for _ in range(data.draw(st.integers(1, 3))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    for show in SHOWS:
        total(show, bytes(changed))


@given(st.binary())
def test_octets_come_back(data: bytes) -> None:
    assert base64url.decode(base64url.encode(data)) == data
    assert pem.blocks(pem.encode("X", data).encode()) == [pem.Block("X", {}, data)]
    assert der.read(der.octet_string(data)).value == data


@given(st.integers())
def test_integers_come_back(number: int) -> None:
    assert der.read_integer(der.read(der.integer(number))) == number


@given(
    st.timedeltas(min_value=-goduration.parse("2000000h"), max_value=goduration.parse("2000000h"))
)
def test_durations_come_back(duration: Any) -> None:
    assert goduration.parse(goduration.format_duration(duration)) == duration


@given(st.binary(), st.integers(min_value=1, max_value=63))
def test_base64url_has_one_spelling(data: bytes, shift: int) -> None:
    """Other spare bits at the end are another text of the same octets: refused."""
    text = base64url.encode(data)
    if len(text) % 4 == 0:
        return
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    spare = 16 if len(text) % 4 == 2 else 4
    last = alphabet.index(text[-1])
    other = alphabet[last - last % spare + (last + shift) % spare]
    if other != text[-1]:
        with pytest.raises(FormatError):
            base64url.decode(text[:-1] + other)
