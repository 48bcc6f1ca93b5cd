"""Certificates as numbers for Prometheus: by state, and by when they end."""

from datetime import timedelta

from appliance.authority.certificate_numbers import CertificateNumbers
from appliance.stores.memory import MemoryStore
from tests.support.authority import StandingClock
from tests.support.inventory import START, Sample, revoke

HOUR = timedelta(hours=1)


async def values(numbers: CertificateNumbers, name: str, label: str) -> dict[str, float]:
    """Give the numbers of X.509 certificates by a label."""
    (family,) = [each for each in await numbers.families() if each.name == name]
    samples = [(dict(labels), number) for labels, number in family.samples]
    return {labels[label]: number for labels, number in samples if labels["kind"] == "x509"}


async def test_certificates_are_counted_by_state_and_by_when_they_end() -> None:
    store, clock = MemoryStore(), StandingClock(moment=START)
    for serial, hours in enumerate((0.5, 12, 48, 400, 4000), 1):
        await store.commit(Sample(serial=serial, lifetime=hours * HOUR).operations())
    await revoke(store, 5, START)
    numbers = CertificateNumbers(store, clock)
    assert await values(numbers, "hearth_certificates", "state") == {
        "active": 4, "expired": 0, "revoked": 1,
    }  # fmt: skip
    within = "hearth_certificates_expiring"
    expected = {"1h": 1.0, "24h": 2.0, "168h": 3.0, "720h": 4.0}
    assert await values(numbers, within, "within") == expected
    await revoke(store, 2, START)
    assert await values(numbers, within, "within") == expected, "it is kept for a minute"
    clock.moment += HOUR
    assert await values(numbers, within, "within") == {
        "1h": 0.0, "24h": 0.0, "168h": 1.0, "720h": 2.0,
    }  # fmt: skip
    assert await values(numbers, "hearth_certificates", "state") == {
        "active": 2, "expired": 1, "revoked": 2,
    }  # fmt: skip
    clock.moment -= 2 * HOUR  # a clock that is set back does not keep old numbers
    assert (await values(numbers, "hearth_certificates", "state"))["expired"] == 0
