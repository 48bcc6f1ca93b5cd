"""Rows are step-ca's, octet by octet where a shared database compares them."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from appliance.authority import index, records
from appliance.model.errors import Broken, Conflict
from appliance.model.grants import ProvisionerRef, TokenUse
from appliance.model.inventory import Revocation
from appliance.ports.store import Append, Put, PutIfAbsent
from appliance.stores.memory import MemoryStore
from tests.support.inventory import ADMIN, START, Sample, revoke

TOKEN = TokenUse(reuse_key="reuse-key", raw="header.payload.signature")
NANOS = datetime(2026, 11, 21, 2, 6, 5, 90496, tzinfo=UTC)


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


def test_a_certificate_s_rows_have_step_ca_s_keys_and_values() -> None:
    sample = Sample(serial=2**100 + 1, token=TOKEN)
    rows = sample.operations()
    foreign = [row for row in rows if not row.bucket.startswith("hearth_")]
    key = b"1267650600228229401496703205377"
    assert foreign == [
        PutIfAbsent("used_ott", b"reuse-key", b"header.payload.signature"),
        PutIfAbsent("x509_certs", key, sample.der()),
        Put(
            "x509_certs_data",
            key,
            b'{"provisioner":{"id":"admin:kid","name":"admin","type":"JWK"}}',
        ),
    ]
    assert len(rows) == 10


def test_json_is_escaped_as_go_does() -> None:
    odd = ProvisionerRef(type="JWK", name="a<b>&\u2028é", id="a<b>&\u2028é:kid")
    row = Sample(serial=5, provisioner=odd).operations()[1]
    assert isinstance(row, Put)
    name = r"a\u003cb\u003e\u0026\u2028é"
    expected = f'{{"provisioner":{{"id":"{name}:kid","name":"{name}","type":"JWK"}}}}'
    assert row.value == expected.encode()


def test_a_certificate_that_names_no_provisioner_has_an_empty_object() -> None:
    assert Sample(serial=5, provisioner=None).operations()[1] == Put("x509_certs_data", b"5", b"{}")


@pytest.mark.parametrize(("moment", "text"), [
    (NANOS, "2026-11-21T02:06:05.090496Z"),
    (NANOS.replace(microsecond=90_000), "2026-11-21T02:06:05.09Z"),
    (NANOS.replace(microsecond=0), "2026-11-21T02:06:05Z"),
    (NANOS.replace(microsecond=0, second=10, minute=0), "2026-11-21T02:00:10Z"),
    (NANOS.astimezone(timezone(timedelta(hours=2))), "2026-11-21T02:06:05.090496Z"),
])  # fmt: skip
def test_times_are_rfc_3339_with_the_decimals_there_are(moment: datetime, text: str) -> None:
    (row,) = records.revoked(
        serial=15,
        provisioner_id="acme/acme",
        reason_code=1,
        reason="key compromised",
        revoked_at=moment,
        expires_at=datetime(2026, 11, 22, 2, 6, 4, tzinfo=UTC),
        token_id="",
        mtls=True,
    )
    assert row == PutIfAbsent(
        "revoked_x509_certs",
        b"15",
        b'{"Serial":"15","ProvisionerID":"acme/acme","ReasonCode":1,"Reason":"key compromised",'
        b'"RevokedAt":"%s","ExpiresAt":"2026-11-22T02:06:04Z","TokenID":"","MTLS":true,'
        b'"ACME":false}' % text.encode(),
    )


def test_an_expiry_that_is_not_known_is_go_s_zero_time() -> None:
    (row,) = records.revoked(
        serial=15, provisioner_id="", reason_code=0, reason="", revoked_at=NANOS, expires_at=None,
        token_id="t", mtls=False,
    )  # fmt: skip
    assert isinstance(row, PutIfAbsent)
    assert b'"ExpiresAt":"0001-01-01T00:00:00Z","TokenID":"t","MTLS":false' in row.value


async def test_what_was_written_is_read_back(store: MemoryStore) -> None:
    sample = Sample(serial=77, token=TOKEN, issued_at=START + timedelta(microseconds=5))
    await store.commit(sample.operations())
    assert await records.certificate(store, 77) == sample.der()
    assert await records.provisioner_of(store, 77) == ADMIN
    assert await records.issued_at(store, 77) == sample.issued_at
    assert not await records.is_revoked(store, 77)
    await revoke(store, 77, NANOS, "lost & found")
    assert await records.is_revoked(store, 77)
    assert await records.revocation(store, 77) == Revocation(
        at=NANOS,
        reason_code=1,
        reason="lost & found",
        provisioner_id="admin:kid",
        means="token id",
    )


async def test_of_an_unknown_serial_nothing_is_known(store: MemoryStore) -> None:
    for serial in (5, -5, 0):
        assert await records.certificate(store, serial) is None
        assert await records.provisioner_of(store, serial) is None
        assert await records.revocation(store, serial) is None
        assert await records.issued_at(store, serial) is None


async def test_an_unknown_serial_can_be_revoked_once(store: MemoryStore) -> None:
    """As in step-ca, also below zero."""
    for serial in (5, -5):
        await revoke(store, serial, NANOS)
        assert await records.is_revoked(store, serial)
        with pytest.raises(Conflict):
            await revoke(store, serial, NANOS)
    assert await store.scan(index.REVOKED) == []


async def test_a_token_and_a_serial_number_are_used_once(store: MemoryStore) -> None:
    await store.commit(Sample(serial=1, token=TOKEN).operations())
    for sample in (Sample(serial=2, token=TOKEN), Sample(serial=1)):
        with pytest.raises(Conflict):
            await store.commit(sample.operations())
    assert await records.certificate(store, 2) is None


async def test_step_ca_s_rows_are_read(store: MemoryStore) -> None:
    """With nanoseconds, with what registration authorities add, and with other types."""
    await store.commit([
        Put("x509_certs_data", b"1", b'{"provisioner":{"id":"acme/a","name":"a","type":"ACME"},'
            b'"ra":{"provisionerId":"raadmin:kid"}}'),
        Put("x509_certs_data", b"2", b"{}"),
        Put("revoked_x509_certs", b"1", b'{"Serial":"1","ProvisionerID":"","ReasonCode":4,"Reason":'
            b'"x","RevokedAt":"2026-11-21T02:06:05.090496368Z","ExpiresAt":"2026-11-22T02:06:04Z",'
            b'"TokenID":"","MTLS":false,"ACME":true,"Later":1}'),
    ])  # fmt: skip
    assert await records.provisioner_of(store, 1) == ProvisionerRef(
        type="ACME", name="a", id="acme/a"
    )
    assert await records.provisioner_of(store, 2) is None
    assert await records.revocation(store, 1) == Revocation(
        at=NANOS, reason_code=4, reason="x", means="ACME"
    )


async def test_a_damaged_row_is_named(store: MemoryStore) -> None:
    await store.commit([Put("x509_certs_data", b"1", b"{"), Put("revoked_x509_certs", b"1", b"{}")])
    with pytest.raises(Broken) as raised:
        await records.provisioner_of(store, 1)
    assert raised.value.detail == "x509_certs_data/1"
    assert await records.is_revoked(store, 1)
    await store.commit([Put("revoked_x509_certs", b"1", b'{"RevokedAt":"yesterday"}')])
    with pytest.raises(Broken) as raised:
        await records.revocation(store, 1)
    assert raised.value.detail == "revoked_x509_certs/1"


def test_index_keys_stay_short_for_every_name() -> None:
    """SQL databases of step-ca allow 255 octets."""
    long = Sample(
        serial=2**159, subject="x" * 64, sans=("a." * 120 + "example.com", "é" * 30 + "@x.y"),
        provisioner=ProvisionerRef(type="JWK", name="ü" * 300, id="x"),
    )  # fmt: skip
    certificate = index.Indexed(
        serial=long.serial, issued_at=long.issued_at, not_after=long.not_after,
        names=frozenset((long.subject, *long.sans)), provisioner="ü" * 300,
    )  # fmt: skip
    rows = index.rows(certificate)
    assert len(rows) == 9
    assert max(len(row.key) for row in rows if not isinstance(row, Append)) <= 255


@pytest.mark.parametrize(("wanted", "name", "matches"), [
    ("host.example.com", "HOST.Example.com", True),
    ("host.example.com.", "host.example.com", True),
    ("*.example.com", "host.example.com", True),
    ("*.example.com", "a.b.example.com", True),
    ("*.example.com", "*.example.com", True),
    ("*.example.com", "example.com", False),
    ("*.example.com", "badexample.com", False),
    ("*.example.com", "me@host.example.com", False),
    ("::1", "0:0:0:0:0:0:0:1", True),
    ("10.0.0.1", "10.0.0.1", True),
    ("*.0.0.1", "10.0.0.1", False),
    ("Me@Example.com", "me@example.com", True),
    ("spiffe://a/b", "spiffe://a/b", True),
    ("My Service", "my service", True),
])  # fmt: skip
def test_names_are_compared_without_case_and_by_domain(
    wanted: str, name: str, matches: bool
) -> None:
    assert index.name_matches(wanted, name) is matches
    if not wanted.startswith("*."):
        assert (index.name_key(wanted) == index.name_key(name)) is matches
    else:
        assert index.name_key(name).startswith(index.below_key(wanted[2:])) is matches
