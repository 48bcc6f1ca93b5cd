"""Metrics have step-ca's names and labels, and come from events and keys alone."""

import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from msgspec import structs

from appliance.authority.metrics import CountedSigner, Metrics
from appliance.formats import prometheus
from appliance.formats.prometheus import Family
from appliance.model.algorithms import SignatureAlgorithm
from appliance.model.errors import Broken, Unavailable
from appliance.model.events import Event, EventKind
from appliance.model.tokens import TokenState, TokenStatus
from appliance.model.webhooks import WebhookKind
from appliance.ports.signer import IssuerKey
from tests.support.authority import START, RecordedEvents, StandingClock, shared_hierarchy

ECDSA = SignatureAlgorithm.ECDSA_SHA256


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock()


@pytest.fixture
def sink() -> RecordedEvents:
    return RecordedEvents()


@pytest.fixture
def metrics(clock: StandingClock, sink: RecordedEvents) -> Metrics:
    return Metrics(sink, clock)


def event(kind: EventKind, operation: str, provisioner: str = "admin") -> Event:
    return Event(at=START, kind=kind, operation=operation, provisioner=provisioner)


def shown(metrics: Metrics) -> list[str]:
    """What there is under step-ca's names."""
    return [
        line
        for line in prometheus.render(metrics.families()).splitlines()
        if line.startswith("step_ca_")
    ]


def ours(metrics: Metrics, name: str) -> list[str]:
    """The lines of a metric of our own."""
    lines = prometheus.render(metrics.families()).splitlines()
    return [line for line in lines if line.startswith(f"hearth_{name}")]


def test_at_the_start_there_are_what_step_ca_has(metrics: Metrics, clock: StandingClock) -> None:
    clock.moment += timedelta(seconds=2.9)
    assert prometheus.render(metrics.families()) == (
        "# HELP step_ca_kms_errors Number of KMS-related errors\n"
        "# TYPE step_ca_kms_errors counter\n"
        "step_ca_kms_errors 0\n"
        "# HELP step_ca_kms_signed Number of KMS-backed signatures\n"
        "# TYPE step_ca_kms_signed counter\n"
        "step_ca_kms_signed 0\n"
        "# HELP step_ca_uptime_seconds Number of seconds since service start\n"
        "# TYPE step_ca_uptime_seconds gauge\n"
        "step_ca_uptime_seconds 2\n"
    )


def test_attempts_are_counted_by_operation_provisioner_and_success(
    metrics: Metrics, sink: RecordedEvents
) -> None:
    told = [
        event(EventKind.ISSUED, "sign"),
        event(EventKind.ISSUED, "sign"),
        event(EventKind.REFUSED, "sign"),
        event(EventKind.REFUSED, "sign", ""),  # its token did not hold: step-ca counts it nowhere
        event(EventKind.RENEWED, "renew"),
        event(EventKind.REFUSED, "renew", ""),
        event(EventKind.REKEYED, "rekey", 'a "b"\n\\'),
        event(EventKind.REVOKED, "revoke"),
    ]
    for each in told:
        metrics.record(each)
    assert sink.events == told
    assert shown(metrics) == [
        "step_ca_kms_errors 0",
        "step_ca_kms_signed 0",
        "step_ca_uptime_seconds 0",
        r'step_ca_x509_rekeyed_total{provisioner="a \"b\"\n\\",success="true"} 1',
        'step_ca_x509_renewed_total{provisioner="",success="false"} 1',
        'step_ca_x509_renewed_total{provisioner="admin",success="true"} 1',
        'step_ca_x509_signed_total{provisioner="admin",success="false"} 1',
        'step_ca_x509_signed_total{provisioner="admin",success="true"} 2',
    ]


def test_what_is_on_disk_is_handed_on_a_moment_later_and_in_its_turn(
    metrics: Metrics, sink: RecordedEvents
) -> None:
    first, second = (
        structs.replace(event(EventKind.ISSUED, "sign"), subject=name, journaled=True)
        for name in ("a", "b")
    )
    metrics.record(first)
    assert sink.events == []
    metrics.settle()
    assert sink.events == [first]
    metrics.record(second)
    refused = event(EventKind.REFUSED, "sign")  # still to be written: that does not wait
    metrics.record(refused)
    assert sink.events == [first, second, refused]
    metrics.record(first)
    assert 'step_ca_x509_signed_total{provisioner="admin",success="true"} 3' in shown(metrics)


def test_what_is_to_be_handed_on_does_not_gather_without_end(
    metrics: Metrics, sink: RecordedEvents
) -> None:
    for _ in range(501):
        metrics.record(structs.replace(event(EventKind.ISSUED, "sign"), journaled=True))
    assert len(sink.events) == 500


def test_requests_are_counted_by_outcome_and_provisioner(metrics: Metrics) -> None:
    for each in (
        event(EventKind.ISSUED, "sign"),
        event(EventKind.REFUSED, "sign", ""),
        event(EventKind.RENEWED, "ssh-renew", "sshpop"),
        event(EventKind.REVOKED, "revoke"),
        event(EventKind.NOTED, "reload", ""),  # nobody's request
        event(EventKind.WARNED, "token", ""),
    ):
        metrics.record(each)
    labels = 'hearth_requests_total{{operation="{}",outcome="{}",provisioner="{}"}} 1'
    assert ours(metrics, "requests_total") == [
        labels.format("revoke", "revoked", "admin"),
        labels.format("sign", "issued", "admin"),
        labels.format("sign", "refused", ""),
        labels.format("ssh-renew", "renewed", "sshpop"),
    ]


def test_each_step_of_a_request_has_its_time(metrics: Metrics) -> None:
    """Buckets hold what is not above their bound, as Prometheus counts them."""
    for took, steps in (
        (0.004, (("authorize", 0.001), ("record", 0.003))),
        (20.0, (("authorize", 0.5), ("sign", 19.5))),
    ):
        metrics.record(structs.replace(event(EventKind.ISSUED, "sign"), took=took, steps=steps))
    authorized = 'operation="sign",step="authorize"'
    lines = ours(metrics, "step_seconds")
    assert f'hearth_step_seconds_bucket{{{authorized},le="0.001"}} 1' in lines
    assert f'hearth_step_seconds_bucket{{{authorized},le="0.25"}} 1' in lines
    assert f'hearth_step_seconds_bucket{{{authorized},le="0.5"}} 2' in lines
    assert f'hearth_step_seconds_bucket{{{authorized},le="+Inf"}} 2' in lines
    assert f"hearth_step_seconds_sum{{{authorized}}} 0.501" in lines
    assert f"hearth_step_seconds_count{{{authorized}}} 2" in lines
    assert 'hearth_step_seconds_bucket{operation="sign",step="sign",le="10"} 0' in lines
    assert 'hearth_step_seconds_bucket{operation="sign",step="sign",le="+Inf"} 1' in lines
    assert 'hearth_request_seconds_sum{operation="sign"} 20.004' in ours(metrics, "request_sec")


def test_writes_of_the_store_are_counted_with_what_they_made_durable(metrics: Metrics) -> None:
    metrics.written(3, 0.02)
    metrics.written(1, 0.01)
    assert ours(metrics, "store_transactions_total") == ["hearth_store_transactions_total 4"]
    assert "hearth_store_write_seconds_count 2" in ours(metrics, "store_write")


def test_a_token_has_its_state_and_its_tries(metrics: Metrics) -> None:
    token = TokenStatus(name="yubikey 1", uri="yubikey:", state=TokenState.READY, tries_left=3)
    metrics.token_changed(token)
    assert ours(metrics, "token") == [
        'hearth_token_pin_tries{token="yubikey 1"} 3',
        'hearth_token_ready{token="yubikey 1"} 1',
    ]
    metrics.token_changed(replace(token, state=TokenState.ABSENT, tries_left=None))
    assert ours(metrics, "token") == ['hearth_token_ready{token="yubikey 1"} 0']
    metrics.token_left("yubikey 1")
    assert ours(metrics, "token") == []


async def test_numbers_that_cannot_be_read_leave_the_others(metrics: Metrics) -> None:
    async def broken() -> list[Family]:
        raise Broken("the disk")

    metrics.add_read(broken)
    assert [each.name for each in await metrics.gather()] == [
        each.name for each in metrics.families()
    ]


def test_webhooks_are_counted_by_what_they_are_asked(metrics: Metrics) -> None:
    for kind in WebhookKind:
        metrics.webhook_called(kind, "admin", succeeded=kind is WebhookKind.ENRICHING)
    assert [line for line in shown(metrics) if "webhook" in line] == [
        'step_ca_x509_webhook_authorized_total{provisioner="admin",success="false"} 1',
        'step_ca_x509_webhook_enriched_total{provisioner="admin",success="true"} 1',
    ]


class Away:
    """A signer that cannot be reached."""

    public_key: IssuerKey = shared_hierarchy().signer.public_key

    async def sign(self, message: bytes, algorithm: SignatureAlgorithm) -> bytes:
        raise Unavailable("the key is away")


async def test_signatures_and_failures_of_keys_are_counted(metrics: Metrics) -> None:
    signer = CountedSigner(shared_hierarchy().signer, metrics)
    assert signer.public_key == shared_hierarchy().signer.public_key
    for _ in range(3):
        await signer.sign(b"message", ECDSA)
    with pytest.raises(Unavailable):
        await CountedSigner(Away(), metrics).sign(b"message", ECDSA)
    assert 'hearth_signature_seconds_count{success="false"} 1' in ours(metrics, "signature")
    assert 'hearth_signature_seconds_count{success="true"} 3' in ours(metrics, "signature")
    assert shown(metrics)[:2] == ["step_ca_kms_errors 1", "step_ca_kms_signed 3"]


def test_none_is_lost_between_threads(metrics: Metrics) -> None:
    def work() -> None:
        for _ in range(2000):
            metrics.key_used(succeeded=True)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert "step_ca_kms_signed 8000" in shown(metrics)


def test_numbers_are_written_as_they_are() -> None:
    samples = [((), 1.5), ((("a", "b"),), 1e21)]
    family = Family(name="n", help="one\ntwo \\", kind="gauge", samples=samples)
    assert prometheus.render([family]) == (
        '# HELP n one\\ntwo \\\\\n# TYPE n gauge\nn 1.5\nn{a="b"} 1000000000000000000000\n'
    )
