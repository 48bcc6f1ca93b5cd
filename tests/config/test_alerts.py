"""`alerts` of ca.json: who is told, what is watched; what is wrong is named with its place."""

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from appliance.config.alert_settings import (
    AddresseeSettings,
    AlertSettings,
    CommandTarget,
    MailSecurity,
    MailTarget,
    NtfyTarget,
    WebhookTarget,
)
from appliance.config.alerts import RULES
from appliance.config.loading import load
from appliance.model.alerts import Burst, Watch
from appliance.model.conditions import Severity
from appliance.model.errors import ConfigError
from appliance.model.inventory import CertificateKind

REPOSITORY = Path(__file__).parents[2]
COMMAND = {"type": "command", "command": ["/bin/true"]}
MAIL = {"type": "email", "server": "mail.test", "from": "ca@mail.test", "to": ["me@mail.test"]}
NTFY = {"type": "ntfy", "url": "https://ntfy.test/ca"}
HOOK = {"type": "webhook", "url": "https://hook.test/ca"}


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Credentials: a password, a token, a webhook's secret."""
    for name, text in (("pw", "secret\n"), ("token", "tk_1\n"), ("hook", "c2VjcmV0\n")):
        (tmp_path / name).write_text(text)
    (tmp_path / "binary").write_bytes(b"\xff\x00")
    return tmp_path


def read(directory: Path, written: dict[str, Any]) -> AlertSettings:
    text = json.dumps(written).replace("DIR", str(directory))
    whole = {
        "root": "root.crt",
        "crt": "issuer.crt",
        "key": "issuer.key",
        "address": "127.0.0.1:9443",
        "dnsNames": ["ca.example"],
        "alerts": json.loads(text),
    }
    (directory / "ca.json").write_text(json.dumps(whole))
    return load(directory / "ca.json").alerts


def target(directory: Path, written: dict[str, Any]) -> AddresseeSettings:
    (found,) = read(directory, {"targets": [written]}).addressees
    return found


def test_each_type_of_target_is_read(files: Path) -> None:
    hook = target(files, HOOK | {"secretFile": "DIR/hook", "tokenFile": "DIR/token"})
    assert isinstance(hook.target, WebhookTarget)
    assert hook.target.secret is not None
    assert hook.target.secret.reveal() == b"secret"
    assert hook.target.token is not None
    assert hook.target.token.reveal() == b"tk_1"
    assert (hook.target.id, hook.name, hook.least) == ("webhook", "webhook", Severity.NOTICE)
    assert "'secret'" not in repr(hook)
    assert "tk_1" not in repr(hook)
    ntfy = target(files, NTFY | {"name": "phone", "severity": "critical", "rules": ["disk"]})
    assert ntfy == AddresseeSettings(
        name="phone",
        target=NtfyTarget(
            server="https://ntfy.test", topic="ca", token=None, username="", password=None
        ),
        least=Severity.CRITICAL,
        rules=frozenset({"disk"}),
    )
    mail = target(files, MAIL | {"username": "ca", "passwordFile": "DIR/pw"}).target
    assert isinstance(mail, MailTarget)
    assert (mail.host, mail.port, mail.security) == ("mail.test", 587, MailSecurity.STARTTLS)
    assert mail.password is not None
    assert target(files, COMMAND).target == CommandTarget(command=("/bin/true",))


@pytest.mark.parametrize(
    ("server", "security", "port"),
    [
        ("mail.test", "starttls", 587), ("mail.test", "tls", 465), ("mail.test", "none", 25),
        ("mail.test:2525", "tls", 2525), ("[::1]:25", "none", 25),
    ],
)  # fmt: skip
def test_a_mail_server_has_the_port_of_its_security(
    tmp_path: Path, server: str, security: str, port: int
) -> None:
    mail = target(tmp_path, MAIL | {"server": server, "security": security}).target
    assert isinstance(mail, MailTarget)
    assert mail.port == port


def test_without_it_nobody_is_told_and_all_is_watched(tmp_path: Path) -> None:
    assert read(tmp_path, {}) == AlertSettings()
    assert AlertSettings().burst == Burst(count=20, within=timedelta(minutes=5))


def test_watches_bursts_and_rules_are_read(tmp_path: Path) -> None:
    read_ = read(
        tmp_path,
        {
            "watch": [
                {"title": "bank", "name": "*.bank.test", "firstOnly": True},
                {"kind": "ssh"},
            ],
            "refusals": {"count": 3, "within": "90s"},
            "rules": {"host-quiet": {"disabled": True}, "token": {"hold": "10m"}},
        },
    )
    assert read_.watches == (
        Watch(title="bank", name="*.bank.test", first_only=True),
        Watch(title="ssh", kind=CertificateKind.SSH),
    )
    assert read_.burst == Burst(count=3, within=timedelta(seconds=90))
    assert read_.disabled == {"host-quiet"}
    assert read_.holds == {"token": timedelta(minutes=10)}


def test_each_condition_of_the_box_is_a_rule() -> None:
    """Whoever reports one gives it a name that ca.json can switch off, and the handbook tells."""
    reported = {
        name
        for file in (REPOSITORY / "appliance").rglob("*.py")
        for name in re.findall(r'\breport\(\s*f?"([a-z-]+)', file.read_text())
    }
    assert {"clock", "disk", "refusals", "token-pin"} <= reported
    assert reported <= set(RULES)
    handbook = (REPOSITORY / "homelab.md").read_text()
    table = handbook.partition("\n### Alerts\n")[2].partition("\n### ")[0]
    assert [rule for rule in RULES if f"`{rule}`" not in table] == []


def targets(*written: dict[str, Any]) -> dict[str, Any]:
    return {"targets": list(written)}


@pytest.mark.parametrize(
    ("written", "place", "text"),
    [
        (targets({"type": "pager"}), "targets[0].type", "'pager' must be one of webhook, ntfy, em"),
        (targets(COMMAND, COMMAND), "targets[1].name", "there are two of the name 'command'"),
        (targets(COMMAND | {"name": "a b"}), "targets[0].name", "must be of letters, digits"),
        (targets(COMMAND | {"severity": "high"}), "targets[0].severity", "'high' must be one of"),
        (targets(COMMAND | {"rules": ["dsk"]}), "targets[0].rules", "'dsk' is no rule; they are"),
        (targets(COMMAND | {"command": []}), "targets[0].command", "the full path of a program"),
        (targets(COMMAND | {"command": ["true"]}), "targets[0].command", "the full path"),
        (targets(HOOK | {"url": "ftp://x"}), "targets[0].url", "must be an http or https URL"),
        (targets(HOOK | {"url": ":"}), "targets[0].url", "is not a URL"),
        (targets(HOOK | {"url": "https://a:b@x"}), "targets[0].url", "may not contain username"),
        (targets(HOOK | {"secretFile": "DIR/none"}), "targets[0].secret", "No such file"),
        (targets(HOOK | {"secretFile": "DIR/binary"}), "targets[0].secretFile", "must hold base64"),
        (targets(HOOK | {"tokenFile": "DIR/binary"}), "targets[0].tokenFile", "printable ASCII"),
        (targets(NTFY | {"url": "https://ntfy.test"}), "targets[0].url", "end with the topic"),
        (targets(NTFY | {"username": "me"}), "targets[0].username", "goes with `passwordFile`"),
        (targets(MAIL | {"passwordFile": "DIR/pw"}), "targets[0].username", "goes with"),
        (targets(MAIL | {"to": []}), "targets[0].to", "'' is no e-mail address"),
        (targets(MAIL | {"from": "a b@c"}), "targets[0].from", "'a b@c' is no e-mail address"),
        (targets(MAIL | {"server": ""}), "targets[0].server", "must be a host, or host:port"),
        (targets(MAIL | {"security": "ssl"}), "targets[0].security", "'ssl' must be one of start"),
        (
            targets(MAIL | {"security": "none", "username": "a", "passwordFile": "DIR/pw"}),
            "targets[0].security",
            "a password is not sent without TLS",
        ),
        ({"watch": [{"title": "all"}]}, "watch[0]", "must say which issuances are meant"),
        ({"watch": [{"kind": "pgp"}]}, "watch[0].kind", "'pgp' must be x509 or ssh"),
        ({"refusals": {"count": 0}}, "refusals.count", "must be 1 or more"),
        ({"refusals": {"within": "0s"}}, "refusals.within", "must be longer than nothing"),
        ({"refusals": {"within": "soon"}}, "refusals.within", "soon"),
        ({"rules": {"dsk": {}}}, "rules.dsk", "there is no such rule; they are renewal-late"),
        ({"rules": {"disk": {"hold": "9000h"}}}, "rules.disk.hold", "must be from 0s to 8784h"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(
    files: Path, written: dict[str, Any], place: str, text: str
) -> None:
    with pytest.raises(ConfigError) as raised:
        read(files, written)
    assert f"alerts.{place}" in str(raised.value)
    assert text in str(raised.value)
    assert "secret" not in str(raised.value).replace("secretFile", "").replace(".secret", "")
