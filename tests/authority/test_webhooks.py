"""Webhooks are asked as step-ca asks them, and their answers mean what they mean there."""

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass, field
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from appliance.authority.webhooks import Question, Webhooks
from appliance.model.errors import Forbidden
from appliance.model.secret import Password
from appliance.model.webhooks import BasicAuth, Webhook, WebhookKind, WebhookScope
from tests.support.authority import CONTEXT, StandingClock, SystemChance
from tests.support.webhooks import Outside, Reply

HOOK = Webhook(id="7", name="h", url="https://hooks.example/x", kind=WebhookKind.ENRICHING)


@dataclass(slots=True)
class Counted:
    """A counter that remembers."""

    calls: list[tuple[WebhookKind, str, bool]] = field(default_factory=list)

    def webhook_called(self, kind: WebhookKind, provisioner: str, *, succeeded: bool) -> None:
        self.calls.append((kind, provisioner, succeeded))


def webhooks(outside: Outside, counted: Counted | None = None) -> Webhooks:
    return Webhooks(
        outbound=outside, clock=StandingClock(), chance=SystemChance(), counter=counted or Counted()
    )


def question(**members: object) -> Question:
    return Question(
        members=members,
        data=lambda found: {"Webhooks": dict(found)},
        scope=WebhookScope.X509,
        provisioner="p",
        context=CONTEXT,
    )


def hook(**changes: Any) -> Webhook:
    return Webhook(
        **{"id": "7", "name": "h", "url": HOOK.url, "kind": WebhookKind.ENRICHING, **changes}
    )


def says(**document: Any) -> Reply:
    return Reply(body=json.dumps(document).encode())


async def test_the_body_is_signed_with_the_secret() -> None:
    outside = Outside()
    await webhooks(outside).enrich([hook(secret=Password(b"key"))], question(a={"b": "<&>"}))
    (sent,) = outside.sent
    assert sent.body == (
        b'{"timestamp":"2026-03-01T12:00:00.25Z","a":{"b":"\\u003c\\u0026\\u003e"}}'
    )
    assert sent.method == "POST"
    assert sent.client_certificate
    assert sent.headers == {
        "Content-Type": "application/json",
        "X-Request-Id": CONTEXT.request_id,
        "X-Smallstep-Signature": hmac.new(b"key", sent.body, hashlib.sha256).hexdigest(),
        "X-Smallstep-Webhook-ID": "7",
    }


async def test_without_a_secret_the_key_is_empty_as_in_step_ca() -> None:
    outside = Outside()
    await webhooks(outside).enrich([hook(client_certificate=False)], question())
    (sent,) = outside.sent
    assert not sent.client_certificate
    expected = hmac.new(b"", sent.body, hashlib.sha256).hexdigest()
    assert sent.headers["X-Smallstep-Signature"] == expected


async def test_a_bearer_token_goes_before_a_password() -> None:
    basic = BasicAuth(username="u", password=Password("pä".encode()))
    outside = Outside()
    await webhooks(outside).enrich(
        [hook(basic_auth=basic, bearer_token=Password(b"t0ken")), hook(basic_auth=basic)],
        question(),
    )
    first, second = (each.headers["Authorization"] for each in outside.sent)
    assert first == "Bearer t0ken"
    assert second == f"Basic {base64.b64encode('u:pä'.encode()).decode()}"


async def test_data_comes_by_the_names_of_the_webhooks() -> None:
    """What one said can stand in the URL of the next, and of those who are asked for leave."""
    listed = [
        hook(name="a"),
        hook(name="b", url="https://hooks.example/{{ .Webhooks.a.n }}"),
        hook(name="c", kind=WebhookKind.AUTHORIZING, url="https://hooks.example/{{.Webhooks.b}}"),
    ]
    outside = Outside({HOOK.url: [says(allow=True, data={"n": 5, "Ω": [None, "é"]})],
                       "https://hooks.example/5": [says(allow=True, data="last")]})  # fmt: skip
    asked, counted = question(), Counted()
    asking = webhooks(outside, counted)
    found = await asking.enrich(listed, asked)
    assert found == {"a": {"n": 5.0, "Ω": [None, "é"]}, "b": "last"}
    await asking.authorize(listed, asked, found)
    assert [each.url.rpartition("/")[2] for each in outside.sent] == ["x", "5", "last"]
    assert counted.calls == [
        (WebhookKind.ENRICHING, "p", True), (WebhookKind.ENRICHING, "p", True),
        (WebhookKind.AUTHORIZING, "p", True),
    ]  # fmt: skip


async def test_only_webhooks_for_such_certificates_are_asked() -> None:
    outside = Outside()
    listed = [
        hook(scope=WebhookScope.SSH),
        hook(kind=WebhookKind.NOTIFYING),
        hook(kind=WebhookKind.SCEP_CHALLENGE),
        hook(scope=WebhookScope.X509, id="asked"),
    ]
    assert await webhooks(outside).enrich(listed, question()) == {"h": None}
    assert [each.headers["X-Smallstep-Webhook-ID"] for each in outside.sent] == ["asked"]


async def test_a_server_that_fails_is_asked_once_more_after_a_second(
    autojump_clock: MockClock,
) -> None:
    for first in (None, Reply(status=503)):
        outside = Outside({HOOK.url: [first, says(allow=True)]})
        await webhooks(outside).enrich([HOOK], question())
        assert outside.at[1] - outside.at[0] == pytest.approx(1.0)
        assert len(outside.sent) == 2
        assert outside.sent[0].body == outside.sent[1].body


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        (None, "webhook h: POST https://hooks.example/x failed: no answer"),
        (Reply(status=500), "webhook h: its server responded with 500"),
    ],
)
async def test_it_is_not_asked_a_third_time(
    reply: Reply | None, told: str, autojump_clock: MockClock
) -> None:
    outside, counted = Outside({HOOK.url: [reply]}), Counted()
    with pytest.raises(Forbidden) as raised:
        await webhooks(outside, counted).enrich([HOOK], question())
    assert raised.value.public == told
    assert len(outside.sent) == 2
    assert counted.calls == [(WebhookKind.ENRICHING, "p", False)]


async def test_a_webhook_that_hangs_costs_ten_seconds_at_most(autojump_clock: MockClock) -> None:
    """Both attempts are within them; the second has what the first has left."""
    outside = Outside(takes=3600)
    started = trio.current_time()
    with pytest.raises(Forbidden):
        await webhooks(outside).enrich([HOOK], question())
    assert trio.current_time() - started == pytest.approx(10.0)
    assert len(outside.sent) == 1
    outside = Outside({HOOK.url: [None]}, takes=8.5)
    started = trio.current_time()
    with pytest.raises(Forbidden):
        await webhooks(outside).enrich([HOOK], question())
    assert trio.current_time() - started == pytest.approx(10.0)
    assert len(outside.sent) == 2


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b'{"allow":false,"error":{"code":"X1","message":"nope"}}', "nope (X1)"),
        (b'{"allow":false,"error":{"code":null}}', " ()"),
        (b'{"allow":false}', "webhook server did not allow request"),
        (b"{}", "webhook server did not allow request"),
        (b"null", "webhook server did not allow request"),
        (b"", "its answer is not JSON"),
        (b"<html>", "its answer is not JSON"),
        (b'{"allow":true,"data":NaN}', "its answer is not JSON"),
        (b"[" * 100_000, "its answer is not JSON"),
        (b"[true]", "its answer is not an object with 'allow'"),
        (b'{"allow":"true"}', "its answer has an 'allow' that is neither true nor false"),
        (b'{"allow":true,"error":"x"}', "its answer is not an object with 'allow'"),
        (b'{"allow":true,"error":{"code":5}}',
         "its answer has an 'error' whose code and message are no texts"),
    ],
)  # fmt: skip
async def test_whatever_is_no_yes_is_a_no(body: bytes, told: str) -> None:
    """ENRICHING webhooks tell the client why, AUTHORIZING ones tell the log."""
    with pytest.raises(Forbidden) as raised:
        await webhooks(Outside({HOOK.url: [Reply(body=body)]})).enrich([HOOK], question())
    assert raised.value.public == f"webhook h: {told}"
    asked = hook(kind=WebhookKind.AUTHORIZING)
    with pytest.raises(Forbidden) as raised:
        await webhooks(Outside({HOOK.url: [Reply(body=body)]})).authorize([asked], question(), {})
    assert raised.value.public == "error creating certificate: a webhook did not allow it"
    assert raised.value.detail == f"webhook h: {told}"


@pytest.mark.parametrize("body", [b'{"ALLOW":true} {', b' {"allow":false,"Allow":true}'])
async def test_answers_are_read_as_go_reads_them(body: bytes) -> None:
    assert await webhooks(Outside({HOOK.url: [Reply(body=body)]})).enrich([HOOK], question())


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("https://h/{{ .X", "unclosed action"),
        ('https://h/{{ fail "no way" }}', "no way"),
        ("https://h/{{ env `HOME` }}", "env"),
    ],
)
async def test_a_url_that_cannot_be_filled_in_refuses(url: str, told: str) -> None:
    outside = Outside()
    with pytest.raises(Forbidden, match=told):
        await webhooks(outside).enrich([hook(url=url)], question())
    assert outside.sent == []
