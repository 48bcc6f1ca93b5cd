"""Webhooks in ca.json: what step-ca has, and credentials, which it has not."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from appliance.config import webhooks
from appliance.config.document import Document
from appliance.model.errors import ConfigError, FormatError
from appliance.model.secret import Password
from appliance.model.webhooks import BasicAuth, Webhook, WebhookKind, WebhookScope

GOOD = {"id": "1", "name": "people", "url": "https://hooks.example/x", "kind": "ENRICHING"}
KEY = base64.b64encode(b"a secret key").decode()


def read(*hooks: Any) -> tuple[Webhook, ...]:
    document = Document(file=Path("/etc/ca.json"), members={})
    found = webhooks.read(json.loads(json.dumps(hooks)), document, "W")
    assert document.unknown == []
    return found


def test_a_webhook_has_step_cas_keys() -> None:
    (found,) = read(
        {**GOOD, "kind": "authorizing", "CertType": "SSH", "disableTLSClientAuth": True}
    )
    assert found == Webhook(
        id="1", name="people", url="https://hooks.example/x", kind=WebhookKind.AUTHORIZING,
        scope=WebhookScope.SSH, client_certificate=False,
    )  # fmt: skip


def test_there_are_none_where_none_are_written() -> None:
    assert read() == ()
    assert webhooks.read(None, Document(file=Path("x"), members={}), "W") == ()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"name": ""}, "webhook name is required"),
        ({"url": ""}, "webhook 'people': its url is invalid"),
        ({"url": "https:///x"}, "webhook 'people': its url is invalid"),
        ({"url": "https://a b/x"}, "webhook 'people': its url is invalid"),
        ({"url": "http://hooks.example"}, "webhook 'people': its url must use https"),
        ({"url": "https://u:p@hooks.example"},
         "webhook 'people': its url may not contain username or password"),
        ({"kind": ""}, "webhook 'people': its kind must be one of ENRICHING, AUTHORIZING"),
        ({"kind": "NO_KIND"}, "webhook 'people': its kind must be one of ENRICHING, AUTHORIZING"),
    ],
)  # fmt: skip
def test_what_keeps_step_ca_from_using_the_provisioner_is_told(
    changes: dict[str, Any], told: str
) -> None:
    """It is an error of the provisioner alone, which is then listed as not initialized."""
    with pytest.raises(FormatError) as raised:
        read({**GOOD, **changes})
    assert raised.value.public.startswith(told)
    assert "u:p" not in str(raised.value)


def test_templates_may_stand_in_the_path_of_the_url() -> None:
    (found,) = read({**GOOD, "url": "https://hooks.example/{{ .Token.sub }}?x={{ .Subject }}"})
    assert "{{ .Token.sub }}" in found.url


def test_credentials_can_be_set_in_place(tmp_path: Path) -> None:
    (found,) = read({**GOOD, "secret": KEY, "bearerToken": "t0ken"})
    assert (found.secret, found.bearer_token) == (Password(b"a secret key"), Password(b"t0ken"))
    (found,) = read({**GOOD, "basicAuth": {"username": "u", "password": "p"}})
    assert found.basic_auth == BasicAuth(username="u", password=Password(b"p"))
    (found,) = read({**GOOD, "basicAuth": {}})
    assert found.basic_auth is None


def test_credentials_can_be_in_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """White space at their ends is an editor's; systemd's directory may be in the path."""
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    for name, content in (("key", KEY), ("token", "t0ken"), ("password", "p")):
        (tmp_path / name).write_text(f"{content}\n")
    (found,) = read(
        {
            **GOOD,
            "secretFile": "${CREDENTIALS_DIRECTORY}/key",
            "bearerTokenFile": str(tmp_path / "token"),
            "basicAuth": {"username": "u", "passwordFile": str(tmp_path / "password")},
        }
    )
    assert found.secret == Password(b"a secret key")
    assert found.bearer_token == Password(b"t0ken")
    assert found.basic_auth == BasicAuth(username="u", password=Password(b"p"))


@pytest.mark.parametrize(
    ("changes", "place", "told"),
    [
        ({"secret": "not base64!"}, "W[0].secret", "must be base64"),
        ({"secret": KEY, "secretFile": "/k"}, "W[0].secret", "set twice"),
        ({"secretFile": "/nowhere/key"}, "W[0].secretFile", "No such file"),
        ({"bearerTokenFile": "/dev/null"}, "W[0].bearerTokenFile", "is empty"),
        ({"bearerToken": "two\nlines"}, "W[0].bearerToken", "printable ASCII"),
        ({"basicAuth": {"passwordFile": "/nowhere"}}, "W[0].basicAuth.passwordFile", "No such"),
        ({"basicAuth": "u:p"}, "W[0].basicAuth", "must be an object"),
        ({"certType": "x509"}, "W[0].certType", "must be X509, SSH or ALL"),
        ({"secret": 5}, "W[0].secret", "must be a text"),
    ],
)
def test_what_is_wrong_is_told_with_its_place_and_without_secrets(
    changes: dict[str, Any], place: str, told: str
) -> None:
    with pytest.raises(ConfigError) as raised:
        read({**GOOD, **changes})
    assert raised.value.place == place
    assert told in raised.value.problem
    for secret in ("not base64!", KEY, "lines", "u:p"):
        assert secret not in str(raised.value)


def test_nothing_secret_is_shown() -> None:
    (found,) = read(
        {
            **GOOD,
            "secret": KEY,
            "bearerToken": "t0ken",
            "basicAuth": {"username": "u", "password": "pw"},
        }
    )
    for secret in (KEY, "a secret key", "t0ken", "pw"):
        assert secret not in repr(found)
