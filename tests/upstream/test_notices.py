"""Webhooks, ntfy and commands are told of alerts, and what they answer is understood."""

import hashlib
import hmac
import json
import sys
import time
from pathlib import Path

import pytest
import trio

from appliance.config.alert_settings import CommandTarget, NtfyTarget, WebhookTarget
from appliance.model.alerts import Change, Notice
from appliance.model.conditions import Severity
from appliance.model.errors import Forbidden, Unavailable
from appliance.model.secret import Password
from appliance.upstream import command
from appliance.upstream.command import CommandNotices
from appliance.upstream.notice_webhook import WebhookNotices
from appliance.upstream.ntfy import NtfyNotices
from tests.support.authority import START
from tests.support.webhooks import Outside, Reply

NOTICE = Notice(
    id="0005e1-0001", change=Change.FIRING, name="token:yubikey 7", severity=Severity.CRITICAL,
    text="absent: plug it in", at=START, since=START, authority="Home CA",
)  # fmt: skip
HOOK = WebhookTarget(
    url="https://hooks.example/ca", id="phone", secret=Password(b"key"), token=Password(b"t0k")
)
TOPIC = NtfyTarget(
    server="https://ntfy.example", topic="ca", token=None, username="me", password=Password(b"pw")
)


async def test_a_webhook_is_signed_as_step_ca_signs_them() -> None:
    outside = Outside()
    await WebhookNotices(HOOK, outside).deliver(NOTICE)
    (sent,) = outside.sent
    assert (sent.method, sent.url, sent.client_certificate) == ("POST", HOOK.url, True)
    assert sent.headers == {
        "Content-Type": "application/json",
        "X-Request-Id": "0005e1-0001",
        "X-Smallstep-Signature": hmac.new(b"key", sent.body, hashlib.sha256).hexdigest(),
        "X-Smallstep-Webhook-ID": "phone",
        "Authorization": "Bearer t0k",
    }
    assert json.loads(sent.body) == {
        "timestamp": "2026-03-01T12:00:00.25Z",
        "id": "0005e1-0001",
        "change": "firing",
        "rule": "token",
        "name": "token:yubikey 7",
        "severity": "critical",
        "title": "Home CA: token:yubikey 7 (firing)",
        "text": "absent: plug it in",
        "since": "2026-03-01T12:00:00.25Z",
        "authority": "Home CA",
    }


async def test_ntfy_gets_its_json_form() -> None:
    outside = Outside()
    await NtfyNotices(TOPIC, outside).deliver(NOTICE)
    (sent,) = outside.sent
    assert sent.url == "https://ntfy.example/"
    assert sent.headers["Authorization"] == "Basic bWU6cHc="
    assert json.loads(sent.body) == {
        "topic": "ca",
        "title": "Home CA: token:yubikey 7 (firing)",
        "message": "absent: plug it in",
        "priority": 5,
        "tags": ["warning"],
    }


@pytest.mark.parametrize(
    ("status", "kind"),
    [(500, Unavailable), (429, Unavailable), (401, Forbidden), (413, Forbidden)],
)
async def test_an_answer_says_if_it_may_pass(status: int, kind: type[Exception]) -> None:
    replies = {url: [Reply(status=status)] for url in (HOOK.url, "https://ntfy.example/")}
    outside = Outside(replies=replies)
    for target in (WebhookNotices(HOOK, outside), NtfyNotices(TOPIC, outside)):
        with pytest.raises(kind, match=str(status)):
            await target.deliver(NOTICE)


async def test_a_command_gets_the_notice_and_little_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEARTH_SECRET", "pin")
    script = "import json,os,sys; print(json.dumps([json.load(sys.stdin), dict(os.environ)]), "
    script += f"file=open({str(tmp_path / 'told')!r}, 'w'))"
    await CommandNotices(CommandTarget(command=(sys.executable, "-c", script))).deliver(NOTICE)
    told, environment = json.loads((tmp_path / "told").read_text())
    assert (told["name"], told["change"]) == ("token:yubikey 7", "firing")
    assert environment["HEARTH_ALERT_SEVERITY"] == "critical"
    assert "HEARTH_SECRET" not in environment


async def test_a_command_that_fails_says_why() -> None:
    failing = CommandTarget(command=("/bin/sh", "-c", "echo no route >&2; exit 3"))
    with pytest.raises(Unavailable, match="ended with 3: no route"):
        await CommandNotices(failing).deliver(NOTICE)
    with pytest.raises(Unavailable, match="cannot be run"):
        await CommandNotices(CommandTarget(command=("/no/such/program",))).deliver(NOTICE)


async def test_a_command_that_hangs_is_ended_with_what_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "_DEADLINE", 0.3)
    started = tmp_path / "started"
    hanging = CommandTarget(command=("/bin/sh", "-c", f"sleep 60 & echo $! > {started}; wait"))
    with pytest.raises(Unavailable, match="did not end"):
        await CommandNotices(hanging).deliver(NOTICE)
    child = Path(f"/proc/{started.read_text().strip()}")
    deadline = time.monotonic() + 60
    while child.exists() and "Z" not in (child / "stat").read_text().split()[2]:
        assert time.monotonic() < deadline
        await trio.sleep(0.02)
