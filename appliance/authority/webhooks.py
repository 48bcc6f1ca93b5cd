"""Services that are asked while a certificate is made: for data before, for leave after.

What is asked, how it is signed and what an answer means are step's. A webhook that is slow or gone
costs the requests of its own provisioner and no others.
"""

import hashlib
import hmac
import json
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import trio

from appliance.authority.reporting import Context
from appliance.formats import gojson, timeorduration
from appliance.formats.gotemplate import decoding
from appliance.formats.gotemplate.library.context import FunctionContext
from appliance.issuance.templates import Template
from appliance.model.errors import Forbidden, FormatError, Unavailable
from appliance.model.secret import Password
from appliance.model.webhooks import Webhook, WebhookKind, WebhookScope
from appliance.ports.chance import Chance
from appliance.ports.clock import Clock
from appliance.ports.outbound import Outbound, OutboundRequest, OutboundResponse

_DEADLINE: Final = 10.0  # seconds for one webhook, both attempts together
_PAUSE: Final = 1.0  # seconds before the second attempt

_DECODER: Final = json.JSONDecoder(parse_constant=lambda name: _refuse(name))  # noqa: PLW0108


class Counter(Protocol):
    """Counts what is asked."""

    def webhook_called(self, kind: WebhookKind, provisioner: str, *, succeeded: bool) -> None:
        """Count a webhook that was asked for a provisioner, and whether it said yes."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What webhooks are told, by step's keys, for which provisioner.

    `data` is what the templates of their URLs see, given what webhooks answered so far.
    """

    members: Mapping[str, object]
    data: Callable[[Mapping[str, object]], Mapping[str, Any]]
    scope: WebhookScope
    provisioner: str
    context: Context


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """An answer. `complaint` says why it is no."""

    allow: bool
    data: object
    complaint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhooks:
    """Asks the webhooks of a provisioner, one after the other."""

    outbound: Outbound
    clock: Clock
    chance: Chance
    counter: Counter

    async def enrich(self, hooks: Sequence[Webhook], question: Question) -> Mapping[str, object]:
        """Ask for data; give it by the names of the webhooks.

        Raises Forbidden, with the reason, when one denies the request or does not answer.
        """
        found: dict[str, object] = {}
        for hook in _chosen(hooks, WebhookKind.ENRICHING, question.scope):
            try:
                verdict = await self._counted(hook, question, found)
            except (FormatError, Unavailable) as error:
                raise Forbidden(f"webhook {hook.name}: {error.public}") from error
            if not verdict.allow:
                raise Forbidden(f"webhook {hook.name}: {verdict.complaint}")
            found[hook.name] = verdict.data
        return found

    async def authorize(
        self, hooks: Sequence[Webhook], question: Question, found: Mapping[str, object]
    ) -> None:
        """Ask for leave to sign; `found` is what `enrich` gave.

        Raises Forbidden when one denies it or does not answer; the reason is for the log only.
        """
        for hook in _chosen(hooks, WebhookKind.AUTHORIZING, question.scope):
            try:
                verdict = await self._counted(hook, question, found)
                complaint = "" if verdict.allow else verdict.complaint
            except (FormatError, Unavailable) as error:
                complaint = str(error)
            if complaint:
                raise Forbidden(
                    "error creating certificate: a webhook did not allow it",
                    detail=f"webhook {hook.name}: {complaint}",
                )

    async def _counted(
        self, hook: Webhook, question: Question, found: Mapping[str, object]
    ) -> Verdict:
        allowed = False
        try:
            verdict = await self._ask(hook, question, found)
            allowed = verdict.allow
        finally:
            self.counter.webhook_called(hook.kind, question.provisioner, succeeded=allowed)
        return verdict

    async def _ask(self, hook: Webhook, question: Question, found: Mapping[str, object]) -> Verdict:
        """Ask one webhook. Raises FormatError and Unavailable."""
        now = self.clock.now()
        url = hook.url
        if "{{" in url:
            context = FunctionContext(now=now, entropy=self.chance.octets)
            url = Template(url).render(question.data(found), context)
        moment = timeorduration.format_time(now)
        body = gojson.encode({"timestamp": moment, **question.members})
        response = await self._sent(hook, url, body, _headers(hook, body, question.context))
        if response.status >= 400:
            raise Unavailable(f"its server responded with {response.status}")
        return _verdict(response.body)

    async def _sent(
        self, hook: Webhook, url: str, body: bytes, headers: Mapping[str, str]
    ) -> OutboundResponse:
        """Send it, and once more after a second when the server failed or was not there."""
        deadline = trio.current_time() + _DEADLINE

        def attempt() -> OutboundRequest:
            return OutboundRequest(
                method="POST",
                url=url,
                headers=headers,
                body=body,
                timeout=deadline - trio.current_time(),
                client_certificate=hook.client_certificate,
            )

        try:
            response = await self.outbound.send(attempt())
        except Unavailable:
            if deadline - trio.current_time() <= _PAUSE:
                raise
        else:
            if response.status < 500:
                return response
        await trio.sleep(_PAUSE)
        return await self.outbound.send(attempt())


def signed(body: bytes, secret: Password | None) -> dict[str, str]:
    """Give the headers of JSON that is sent to a webhook: HMAC with SHA-256, in hexadecimal."""
    key = secret.reveal() if secret else b""
    return {
        "Content-Type": "application/json",
        "X-Smallstep-Signature": hmac.new(key, body, hashlib.sha256).hexdigest(),
    }


def _chosen(hooks: Sequence[Webhook], kind: WebhookKind, scope: WebhookScope) -> Iterator[Webhook]:
    return (each for each in hooks if each.kind is kind and each.scope in (scope, WebhookScope.ALL))


def _headers(hook: Webhook, body: bytes, context: Context) -> dict[str, str]:
    headers = {
        **signed(body, hook.secret),
        "X-Request-Id": context.request_id,
        "X-Smallstep-Webhook-ID": hook.id,
    }
    if hook.bearer_token:
        headers["Authorization"] = f"Bearer {hook.bearer_token.reveal().decode('latin-1')}"
    elif hook.basic_auth is not None:
        pair = hook.basic_auth.username.encode() + b":" + hook.basic_auth.password.reveal()
        headers["Authorization"] = f"Basic {b64encode(pair).decode('ascii')}"
    return headers


def _verdict(body: bytes) -> Verdict:
    """Read an answer as Go does: keys in any case, what follows the object ignored."""
    text = body.decode("utf-8", "replace").lstrip(" \t\r\n")
    try:
        value, _ = _DECODER.raw_decode(text)
    except (ValueError, RecursionError) as error:
        raise FormatError("its answer is not JSON") from error
    members = _folded(value)
    allow = members.get("allow")
    if not isinstance(allow, bool | None):
        raise FormatError("its answer has an 'allow' that is neither true nor false")
    return Verdict(
        allow=bool(allow),
        data=decoding.from_decoded(members.get("data")),
        complaint=_complaint(members.get("error")),
    )


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is no number in JSON")


def _complaint(error: object) -> str:
    if error is None:
        return "webhook server did not allow request"
    members = _folded(error)
    code, message = (members.get(key) or "" for key in ("code", "message"))
    if not isinstance(code, str) or not isinstance(message, str):
        raise FormatError("its answer has an 'error' whose code and message are no texts")
    return f"{message} ({code})"


def _folded(value: object) -> dict[str, Any]:
    if not isinstance(value, dict | None):
        raise FormatError("its answer is not an object with 'allow'")
    return {key.lower(): member for key, member in (value or {}).items()}
