"""Numbers about the authority at work: step-ca's under its names, and ours, `hearth_…`.

They come from the events that every attempt ends with, and from the signing keys: nothing on the
way of a request knows of metrics. Another metric is another counter here, or another Family from
whoever has the number.
"""

import logging
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from threading import Lock
from typing import Final, TypeAlias, final

import trio

from appliance.authority.timings import Timings
from appliance.formats.prometheus import Family, Labels
from appliance.model.algorithms import SignatureAlgorithm
from appliance.model.errors import HearthError
from appliance.model.events import Event, EventKind
from appliance.model.tokens import TokenState, TokenStatus
from appliance.model.webhooks import WebhookKind
from appliance.ports.clock import Clock
from appliance.ports.events import CountingSink, EventSink
from appliance.ports.signer import IssuerKey, Signer

log = logging.getLogger(__name__)

_COUNTERS: Final = {
    "step_ca_x509_signed_total": "Number of certificates signed",
    "step_ca_x509_renewed_total": "Number of certificates renewed",
    "step_ca_x509_rekeyed_total": "Number of certificates rekeyed",
    "step_ca_x509_webhook_authorized_total": "Number of authorizing webhooks called",
    "step_ca_x509_webhook_enriched_total": "Number of enriching webhooks called",
    "step_ca_ssh_signed_total": "Number of certificates signed",
    "step_ca_ssh_renewed_total": "Number of certificates renewed",
    "step_ca_ssh_rekeyed_total": "Number of certificates rekeyed",
    "step_ca_kms_signed": "Number of KMS-backed signatures",
    "step_ca_kms_errors": "Number of KMS-related errors",
}
_BY_OPERATION: Final = {
    "sign": "step_ca_x509_signed_total",
    "renew": "step_ca_x509_renewed_total",
    "rekey": "step_ca_x509_rekeyed_total",
    "ssh-sign": "step_ca_ssh_signed_total",
    "ssh-renew": "step_ca_ssh_renewed_total",
    "ssh-rekey": "step_ca_ssh_rekeyed_total",
}
_OF_REQUESTS: Final = ("operation", "outcome", "provisioner")
_SIGNING: Final = ("sign", "ssh-sign")
_MOST_WAITING: Final = 500  # events
_TELLING: Final = (EventKind.WARNED, EventKind.NOTED)  # of nobody's request

Gathering: TypeAlias = Callable[[], Awaitable[Sequence[Family]]]
"""Reads numbers that are not in memory. May raise what a store raises: then they are left out."""
_BY_WEBHOOK: Final = {
    WebhookKind.AUTHORIZING: "step_ca_x509_webhook_authorized_total",
    WebhookKind.ENRICHING: "step_ca_x509_webhook_enriched_total",
}


class Metrics:
    """An EventSink that counts what it hands on; every method is callable from any thread.

    What is on disk already is counted and handed on a moment later, many in a row (`settle`): each
    in its turn, between two answers, costs more.
    """

    def __init__(self, events: EventSink, clock: Clock) -> None:
        self._events = events
        self._waiting: deque[Event] = deque()
        self._clock = clock
        self._started: datetime = clock.now()
        self._counts: Counter[tuple[str, Labels]] = Counter()
        self._counts["step_ca_kms_signed", ()] = self._counts["step_ca_kms_errors", ()] = 0
        self._counting = Lock()
        self._tokens: dict[str, TokenStatus] = {}
        self._others: list[Callable[[], Sequence[Family]]] = []
        self._read: list[Gathering] = []
        self._requests: Counter[tuple[str, ...]] = Counter()  # by the values of _OF_REQUESTS
        self._transactions = 0
        self._requested = Timings("hearth_request_seconds", "Time that a request took", "operation")
        self._steps = Timings(
            "hearth_step_seconds", "Time that each step of a request took", "operation", "step"
        )
        self._signatures = Timings(
            "hearth_signature_seconds", "Time that a key took to sign", "success"
        )
        self._writes = Timings("hearth_store_write_seconds", "Time that a write to the disk took")

    def add(self, families: Callable[[], Sequence[Family]]) -> None:
        """Ask this one, too, for numbers: from any thread, whenever somebody wants them."""
        self._others.append(families)

    def add_read(self, gathering: Gathering) -> None:
        """Ask this one, too, but only who gathers all: it has to read."""
        self._read.append(gathering)

    async def gather(self) -> list[Family]:
        """Give all numbers, those that have to be read as well."""
        found = self.families()
        for gathering in self._read:
            try:
                found += await gathering()
            except HearthError as error:
                log.warning("numbers for /metrics cannot be read: %s", error)
        return found

    def record(self, event: Event) -> None:
        """Take an event, and never wait for it."""
        self._waiting.append(event)
        if not event.journaled or len(self._waiting) >= _MOST_WAITING:
            self.settle()

    def settle(self) -> None:
        """Count what waits, and hand it on."""
        while self._waiting:
            try:
                event = self._waiting.popleft()
            except IndexError:
                return  # another thread is at it, too
            self._take(event)

    def _take(self, event: Event) -> None:
        """Hand the event on, and count it.

        Of what was refused, only what a provisioner had allowed counts as an attempt to sign: who
        sends a token that does not hold has not got so far.
        """
        self._events.record(event)
        if event.kind not in _TELLING:
            self._note(event)
        name = _BY_OPERATION.get(event.operation)
        refused = event.kind is EventKind.REFUSED
        if name is None or (refused and event.operation in _SIGNING and not event.provisioner):
            return
        labels = _labels(event.provisioner, succeeded=not refused)
        if event.operation.startswith("ssh-"):
            labels = (*labels, ("type", event.certificate_type or "unknown"))
        self._count(name, labels)

    def webhook_called(self, kind: WebhookKind, provisioner: str, *, succeeded: bool) -> None:
        """Count a webhook that was asked; kinds that step-ca does not count are left out."""
        if name := _BY_WEBHOOK.get(kind):
            self._count(name, _labels(provisioner, succeeded=succeeded))

    def _note(self, event: Event) -> None:
        """Count a request by how it ended, and how long it and its steps took."""
        operation = event.operation
        with self._counting:
            self._requests[operation, event.kind, event.provisioner] += 1
        self._requested.took(event.took, operation)
        for step, seconds in event.steps:
            self._steps.took(seconds, operation, step)

    def written(self, transactions: int, seconds: float) -> None:
        """Count a write of the store, and what it made durable."""
        with self._counting:
            self._transactions += transactions
        self._writes.took(seconds)

    def key_used(self, *, succeeded: bool, seconds: float = 0.0) -> None:
        """Count a signature, or that there was none."""
        self._signatures.took(seconds, "true" if succeeded else "false")
        self._count("step_ca_kms_signed" if succeeded else "step_ca_kms_errors", ())

    def token_changed(self, status: TokenStatus) -> None:
        """Remember whether a token can sign."""
        with self._counting:
            self._tokens[status.name] = status

    def token_left(self, name: str) -> None:
        """Forget a token that is not used any more."""
        with self._counting:
            self._tokens.pop(name, None)

    def families(self) -> list[Family]:
        """Give all numbers as they are now."""
        self.settle()
        with self._counting:
            counts = dict(self._counts)
            tokens = dict(self._tokens)
            requests = dict(self._requests)
            transactions = self._transactions
        uptime = (self._clock.now() - self._started).total_seconds() // 1
        return [
            *(
                Family(
                    name=name,
                    help=text,
                    kind="counter",
                    samples=[(labels, n) for (each, labels), n in counts.items() if each == name],
                )
                for name, text in _COUNTERS.items()
            ),
            Family(
                name="step_ca_uptime_seconds",
                help="Number of seconds since service start",
                kind="gauge",
                samples=[((), uptime)],
            ),
            *_of_tokens(tokens),
            Family(
                name="hearth_requests_total",
                help="Number of requests by what was asked, who allowed it, and how it ended",
                kind="counter",
                samples=[
                    (tuple(zip(_OF_REQUESTS, values, strict=True)), count)
                    for values, count in requests.items()
                ],
            ),
            Family(
                name="hearth_store_transactions_total",
                help="Number of transactions that were made durable",
                kind="counter",
                samples=[((), transactions)] if transactions else [],
            ),
            *(
                each.family()
                for each in (self._requested, self._steps, self._signatures, self._writes)
            ),
            *(family for each in self._others for family in each()),
        ]

    def _count(self, name: str, labels: Labels) -> None:
        with self._counting:
            self._counts[name, labels] += 1


@final
class CountedSigner:
    """A Signer whose uses are counted."""

    def __init__(self, signer: Signer, metrics: CountingSink) -> None:
        self._signer = signer
        self._metrics = metrics

    @property
    def public_key(self) -> IssuerKey:
        """Its public half."""
        return self._signer.public_key

    async def sign(self, message: bytes, algorithm: SignatureAlgorithm) -> bytes:
        """Sign the message, as the signer does."""
        began = trio.current_time()
        try:
            signature = await self._signer.sign(message, algorithm)
        except HearthError:
            self._metrics.key_used(succeeded=False, seconds=trio.current_time() - began)
            raise
        self._metrics.key_used(succeeded=True, seconds=trio.current_time() - began)
        return signature


def _of_tokens(tokens: Mapping[str, TokenStatus]) -> list[Family]:
    """Say of each token whether it can sign, and what tries are left; step-ca has neither."""
    return [
        Family(
            name="hearth_token_ready",
            help="Whether the token with signing keys can be used",
            kind="gauge",
            samples=[
                ((("token", name),), int(each.state is TokenState.READY))
                for name, each in tokens.items()
            ],
        ),
        Family(
            name="hearth_token_pin_tries",
            help="Number of tries of the token's PIN that are left, where it tells",
            kind="gauge",
            samples=[
                ((("token", name),), each.tries_left)
                for name, each in tokens.items()
                if each.tries_left is not None
            ],
        ),
    ]


def _labels(provisioner: str, *, succeeded: bool) -> Labels:
    return ("provisioner", provisioner), ("success", "true" if succeeded else "false")
