"""`kms` and the URIs of keys: which token, opened how, which key on it."""

from pathlib import Path
from typing import Any

import pytest

from appliance.config import tokens
from appliance.config.document import Document
from appliance.config.schema import CaJson
from appliance.config.settings import TokenKey
from appliance.model.errors import ConfigError
from appliance.model.secret import Password


def keys(**kms: str) -> tokens.Keys:
    members: dict[str, Any] = {"kms": kms} if kms else {}
    document = Document(file=Path("/ca.json"), members=members)
    return tokens.read(document.read(CaJson).kms, document)


def on_token(found: object) -> TokenKey:
    assert isinstance(found, TokenKey)
    return found


def test_a_key_is_a_file_unless_it_says_otherwise() -> None:
    assert keys().place("/secrets/key", "key") == Path("/secrets/key")
    assert keys().place("softkms:path=/secrets/key", "key") == Path("/secrets/key")
    assert keys().optional("", "ssh.hostKey") is None


def test_the_seeds_configuration_of_a_module() -> None:
    found = on_token(
        keys(type="pkcs11", uri="pkcs11:module-path=/m.so;token=token1?pin-value=secret").place(
            "pkcs11:id=7332;object=intermediate-ca", "key"
        )
    )
    assert str(found.uri) == "pkcs11:id=7332;object=intermediate-ca"
    assert str(found.token.uri) == "pkcs11:module-path=/m.so;token=token1"
    assert found.token.pin == Password(b"secret")
    assert "secret" not in repr(found)


def test_the_seeds_configuration_of_a_yubikey() -> None:
    found = on_token(
        keys(type="yubikey", uri="yubikey:management-key=0102?pin-value=123456").place(
            "yubikey:slot-id=83", "key"
        )
    )
    assert str(found.uri) == "yubikey:slot-id=83"
    assert str(found.token.uri) == "yubikey:"
    assert found.token.pin == Password(b"123456")
    assert found.token.management_key == Password(b"0102")


def test_a_pin_can_be_beside_the_uri_or_in_a_file() -> None:
    beside = keys(type="yubikey", pin="4711", managementKey="0a0b")
    found = on_token(beside.place("yubikey:slot-id=9c", "key")).token
    assert (found.pin, found.management_key) == (Password(b"4711"), Password(b"0a0b"))
    filed = keys(uri="pkcs11:module-path=/m.so;token=a?pin-source=file:///run/pin", pin="4711")
    found = on_token(filed.place("pkcs11:id=01", "key")).token
    assert (found.pin, found.pin_file) == (None, Path("/run/pin"))


def test_the_pin_of_one_token_is_never_given_to_another() -> None:
    known = keys(type="pkcs11", uri="pkcs11:module-path=/m.so;token=a?pin-value=1", pin="2")
    found = on_token(known.place("pkcs11:token=b;id=01", "key")).token
    assert found.pin is None
    assert str(found.uri) == "pkcs11:token=b;module-path=/m.so" or str(found.uri) == (
        "pkcs11:module-path=/m.so;token=b"
    )
    own = on_token(known.place("pkcs11:serial=77;id=01?pin-value=3", "key")).token
    assert own.pin == Password(b"3")
    yubikey = keys(type="yubikey", uri="yubikey:serial=1?pin-value=1")
    assert on_token(yubikey.place("yubikey:serial=2;slot-id=82", "key")).token.pin is None
    assert on_token(yubikey.place("yubikey:serial=1;slot-id=82", "key")).token.pin is not None


@pytest.mark.parametrize(
    ("kms", "key", "place", "told"),
    [
        ({"type": "awskms"}, "x", "kms.type", "Amazon"),
        ({"type": "tpmkms"}, "x", "kms.type", "libtpm2_pkcs11.so"),
        ({"type": "vault"}, "x", "kms.type", "must be one of"),
        ({"type": "pkcs11"}, "x", "kms.uri", "cannot be empty"),
        ({"type": "pkcs11", "uri": "yubikey:"}, "x", "kms.uri", "must begin with 'pkcs11:'"),
        ({"type": "pkcs11", "uri": "pkcs11:token=%zz"}, "x", "kms.uri", "percent sign"),
        ({}, "pkcs11:id=01", "key", "which token is meant"),
        ({}, "azurekms:name=a", "key", "Azure"),
        ({}, "pkcs11:id=%zz", "key", "percent sign"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_place(
    kms: dict[str, str], key: str, place: str, told: str
) -> None:
    with pytest.raises(ConfigError, match=told) as raised:
        keys(**kms).place(key, "key")
    assert raised.value.place == place
