"""The OCSP responder: who may be told what, by which key, and never `good` after a revocation."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import trio
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp as judge
from cryptography.x509.oid import ExtendedKeyUsageOID

from appliance.authority import own_certificates, records
from appliance.authority.ocsp import MOST_KEPT
from appliance.formats import ocsp
from appliance.formats.ocsp import CertificateState, ResponseStatus, Status
from appliance.issuance import parsed
from appliance.ports.store import Put, Store
from appliance.stores.leveldb import open_store
from appliance.stores.memory import MemoryStore
from tests.support.authority import (
    START,
    SystemChance,
    hierarchy,
    shared_hierarchy,
)
from tests.support.ocsp import VALIDITY, OcspWorld, WatchedSigner, answers, basic, leaf, named


@pytest.fixture
async def world() -> OcspWorld:
    made = OcspWorld()
    await made.responder.renew()
    return made


# ---- what is told


async def test_what_was_issued_is_good(world: OcspWorld) -> None:
    await world.issue(7)
    answer = await world.ask(7)
    (single,) = answers(answer)
    assert single.state == CertificateState(status=Status.GOOD)
    now = START.replace(microsecond=0)
    assert (single.this_update, single.next_update) == (now, now + VALIDITY)
    assert basic(answer).produced_at == now


async def test_what_was_never_issued_is_unknown(world: OcspWorld) -> None:
    assert (await world.state(7)).status is Status.UNKNOWN
    assert (await world.state(-7)).status is Status.UNKNOWN


async def test_what_was_revoked_is_revoked_with_time_and_reason(world: OcspWorld) -> None:
    await world.issue(7)
    await world.revoke(7, reason=4)
    state = await world.state(7)
    assert state == CertificateState(
        status=Status.REVOKED, revoked_at=START.replace(microsecond=0), reason=4
    )


async def test_a_revocation_holds_without_the_certificate(world: OcspWorld) -> None:
    await world.revoke(7)
    assert (await world.state(7)).status is Status.REVOKED


async def test_the_servers_own_certificate_is_good_until_revoked(world: OcspWorld) -> None:
    certificate = await leaf(9, world.pkis[0])
    await own_certificates.remember(world.store, certificate, START)
    assert (await world.state(9)).status is Status.GOOD
    await world.revoke(9)
    assert (await world.state(9)).status is Status.REVOKED


async def test_own_certificates_are_forgotten_when_they_have_expired(world: OcspWorld) -> None:
    await world.store.commit([Put(own_certificates.BUCKET, b"8", b"damaged")])
    for serial, after in ((9, 0), (10, 23), (11, 25)):
        certificate = await leaf(serial, world.pkis[0])
        await own_certificates.remember(world.store, certificate, START + timedelta(hours=after))
    assert await own_certificates.certificate(world.store, 8) is None
    assert await own_certificates.certificate(world.store, 9) is None
    assert await own_certificates.certificate(world.store, 11) is not None


@pytest.mark.parametrize("digest", sorted(ocsp.DIGESTS))
async def test_issuers_are_known_by_any_hash(world: OcspWorld, digest: str) -> None:
    await world.issue(7)
    asked = named(7, world.pkis[0].issuer, digest)
    answer = await world.responder.answer(ocsp.write_request([asked]))
    assert answers(answer)[0].certificate == asked
    assert answers(answer)[0].state.status is Status.GOOD


async def test_several_certificates_are_answered_in_one_signed_answer(world: OcspWorld) -> None:
    await world.issue(1)
    await world.issue(2)
    await world.revoke(2)
    answer = await world.ask(1, 2, 3)
    told = [(each.certificate.serial, each.state.status) for each in answers(answer)]
    assert told == [(1, Status.GOOD), (2, Status.REVOKED), (3, Status.UNKNOWN)]
    assert answer.freshness is None


# ---- who is asked about


async def test_a_certificate_of_somebody_else_is_not_ours_to_judge(world: OcspWorld) -> None:
    """RFC 5019 section 2.2.3."""
    other = named(7, hierarchy().issuer)
    answer = await world.responder.answer(ocsp.write_request([other]))
    assert answer.status is ResponseStatus.UNAUTHORIZED
    assert answer.octets == ocsp.write_error(ResponseStatus.UNAUTHORIZED)


async def test_each_issuer_has_a_delegate_of_its_own() -> None:
    old, new = shared_hierarchy(), hierarchy()
    world = OcspWorld(old, new)
    await world.responder.renew()
    await world.issue(1, old)
    await world.issue(2, new)
    for pki, serial in ((old, 1), (new, 2)):
        answer = await world.responder.answer(ocsp.write_request([named(serial, pki.issuer)]))
        assert answers(answer)[0].state.status is Status.GOOD
        delegate = x509.load_der_x509_certificate(basic(answer).certificates[0])
        ca = x509.load_der_x509_certificate(pki.issuer.certificate)
        delegate.verify_directly_issued_by(ca)
        judged = judge.load_der_ocsp_response(answer.octets)
        key = delegate.public_key()
        assert isinstance(key, ec.EllipticCurvePublicKey)
        key.verify(judged.signature, judged.tbs_response_bytes, ec.ECDSA(hashes.SHA256()))


async def test_what_one_issuer_issued_another_does_not_know() -> None:
    world = OcspWorld(shared_hierarchy(), hierarchy())
    await world.responder.renew()
    await world.issue(1, world.pkis[1])
    await world.revoke(1)
    assert (await world.state(1)).status is Status.UNKNOWN


async def test_one_answer_is_of_one_issuer_only() -> None:
    world = OcspWorld(shared_hierarchy(), hierarchy())
    await world.responder.renew()
    asked = [named(1, each.issuer) for each in world.pkis]
    answer = await world.responder.answer(ocsp.write_request(asked))
    assert answer.status is ResponseStatus.UNAUTHORIZED


# ---- who answers


async def test_the_delegate_has_the_profile_of_rfc_6960(world: OcspWorld) -> None:
    await world.issue(7)
    answer = await world.ask(7)
    delegate = x509.load_der_x509_certificate(basic(answer).certificates[0])
    found = {type(each.value): each for each in delegate.extensions}
    assert found[x509.KeyUsage].critical
    assert found[x509.ExtendedKeyUsage].value == x509.ExtendedKeyUsage(
        [ExtendedKeyUsageOID.OCSP_SIGNING]
    )
    assert x509.OCSPNoCheck in found
    assert x509.SubjectAlternativeName not in found
    length = delegate.not_valid_after_utc - delegate.not_valid_before_utc
    assert length == timedelta(hours=24, minutes=1)
    assert delegate.subject.rfc4514_string() == "CN=Test Intermediate CA OCSP Responder"
    identifier = found[x509.SubjectKeyIdentifier].value
    assert isinstance(identifier, x509.SubjectKeyIdentifier)
    assert basic(answer).responder_key_hash == identifier.digest
    assert await records.certificate(world.store, delegate.serial_number) is None


async def test_cryptography_reads_the_answer_as_one_about_the_certificate(world: OcspWorld) -> None:
    await world.issue(7)
    ca = x509.load_der_x509_certificate(world.pkis[0].issuer.certificate)
    certificate = await records.certificate(world.store, 7)
    assert certificate is not None
    request = judge.OCSPRequestBuilder().add_certificate(
        x509.load_der_x509_certificate(certificate), ca, hashes.SHA256()
    ).add_extension(x509.OCSPNonce(b"n" * 32), critical=False).build()  # fmt: skip
    answer = await world.responder.answer(request.public_bytes(Encoding.DER))
    judged = judge.load_der_ocsp_response(answer.octets)
    assert judged.certificate_status is judge.OCSPCertStatus.GOOD
    assert judged.serial_number == 7
    assert judged.issuer_key_hash == request.issuer_key_hash
    assert judged.extensions.get_extension_for_class(x509.OCSPNonce).value.nonce == b"n" * 32


async def test_the_issuers_key_is_used_at_renewal_only() -> None:
    issuer = WatchedSigner()
    pki = hierarchy()
    world = OcspWorld(pki)
    issuer._signer = pki.signer
    world.issuers._all = (replace(world.issuers.first, signer=issuer),)
    await world.responder.renew()
    assert issuer.signed == 1
    for serial in range(20):
        await world.issue(serial)
        await world.ask(serial)
    world.clock.advance(15 * 3600)
    await world.responder.renew()
    assert issuer.signed == 1
    world.clock.advance(3600 + 60)
    await world.responder.renew()
    assert issuer.signed == 2


async def test_an_issuer_out_of_reach_costs_its_delegate_only_when_that_ends(
    caplog: pytest.LogCaptureFixture,
) -> None:
    pki, issuer = hierarchy(), WatchedSigner()
    world = OcspWorld(pki)
    await world.issue(1)
    answer = await world.ask(1)
    assert answer.status is ResponseStatus.TRY_LATER, "there is none yet"
    issuer._signer = pki.signer
    world.issuers._all = (replace(world.issuers.first, signer=issuer),)
    await world.responder.renew()
    assert (await world.state(1)).status is Status.GOOD
    issuer.away = True
    world.clock.advance(23 * 3600)
    caplog.clear()
    await world.responder.renew()
    assert "the token is unplugged" in caplog.text
    single = answers(await world.ask(1))[0]
    assert single.next_update == (START + timedelta(hours=24)).replace(microsecond=0)
    world.clock.advance(3600)
    assert (await world.ask(1)).status is ResponseStatus.TRY_LATER
    issuer.away = False
    await world.responder.renew()
    assert (await world.state(1)).status is Status.GOOD


async def test_an_answer_never_outlives_the_certificate_that_signs_it() -> None:
    world = OcspWorld(validity=timedelta(days=7))
    await world.responder.renew()
    await world.issue(1)
    answer = await world.ask(1)
    until = parsed.parse(basic(answer).certificates[0]).validity.not_after
    assert until == START.replace(microsecond=0) + timedelta(days=21)
    assert answers(answer)[0].next_update == START.replace(microsecond=0) + timedelta(days=7)


async def test_the_delegate_ends_with_its_issuer() -> None:
    pki = hierarchy(START - timedelta(days=1), timedelta(days=1, hours=1))
    world = OcspWorld(pki)
    await world.responder.renew()
    await world.issue(1)
    answer = await world.ask(1)
    assert answers(answer)[0].next_update == pki.issuer.validity.not_after
    assert answer.freshness is not None
    assert answer.freshness.renewed_at <= pki.issuer.validity.not_after
    world.clock.advance(3601)
    await world.responder.renew()
    assert (await world.ask(1)).status is ResponseStatus.TRY_LATER


# ---- answers that are kept


async def test_an_answer_is_signed_once_until_half_of_its_time_is_over(world: OcspWorld) -> None:
    await world.issue(7)
    first = await world.ask(7)
    assert first.freshness is not None
    assert first.freshness.renewed_at == START.replace(microsecond=0) + VALIDITY / 2
    world.clock.advance(2 * 3600 - 1)
    assert await world.ask(7) is first
    assert world.signed == 1
    world.clock.advance(1)
    second = await world.ask(7)
    assert second is not first
    assert answers(second)[0].next_update == START.replace(microsecond=0) + timedelta(hours=6)


async def test_a_clock_set_back_makes_new_answers(world: OcspWorld) -> None:
    await world.issue(7)
    first = await world.ask(7)
    world.clock.advance(-60)
    assert await world.ask(7) is not first


async def test_an_answer_to_a_nonce_is_signed_freshly_and_not_for_others(world: OcspWorld) -> None:
    await world.issue(7)
    plain = await world.ask(7)
    for nonce in (b"a" * 32, b"a" * 32, b"b"):
        answer = await world.ask(7, nonce=nonce)
        assert basic(answer).nonce == nonce
        assert answer.freshness is None
    assert world.signed == 4
    assert await world.ask(7) is plain


async def test_unknown_ones_are_not_kept(world: OcspWorld) -> None:
    """A certificate may be asked about before it is recorded; and there are too many."""
    assert (await world.ask(7)).freshness is None
    await world.issue(7)
    assert (await world.state(7)).status is Status.GOOD


async def test_the_oldest_answers_make_room(world: OcspWorld) -> None:
    await world.issue(7)
    first = await world.ask(7)
    template = next(iter(world.responder._kept.values()))
    for number in range(MOST_KEPT - 1):
        world.responder._kept[b"%d" % number] = template
    assert await world.ask(7) is first, "used again, so it stays"
    await world.issue(8)
    await world.ask(8)
    assert len(world.responder._kept) == MOST_KEPT
    assert b"0" not in world.responder._kept
    assert await world.ask(7) is first


# ---- never good after a revocation


async def test_a_kept_answer_ends_with_the_revocation(world: OcspWorld) -> None:
    await world.issue(7)
    assert (await world.state(7)).status is Status.GOOD
    await world.revoke(7)
    assert (await world.state(7)).status is Status.REVOKED
    revoked = await world.ask(7)
    assert await world.ask(7) is revoked


async def test_a_revocation_during_the_signature_is_seen(world: OcspWorld) -> None:
    await world.issue(7)
    signer = world.signers[0]

    async def revoke_once() -> None:
        signer.meanwhile = None
        await world.revoke(7)

    signer.meanwhile = revoke_once
    assert (await world.state(7)).status is Status.REVOKED
    assert signer.signed == 2
    assert (await world.state(7)).status is Status.REVOKED


async def test_every_certificate_of_a_request_is_looked_at_again(world: OcspWorld) -> None:
    for serial in (1, 2, 3):
        await world.issue(serial)
    signer, left = world.signers[0], [1, 2, 3]

    async def revoke_next() -> None:
        if left:
            await world.revoke(left.pop())

    signer.meanwhile = revoke_next
    told = [each.state.status for each in answers(await world.ask(1, 2, 3))]
    assert told == [Status.REVOKED] * 3


class SlowStore:
    """Lets others go first, at every row that is read, for as many steps as chance says."""

    def __init__(self) -> None:
        self._store = MemoryStore()
        self.description = "slow"
        self.commit, self.scan = self._store.commit, self._store.scan
        self.aclose, self.note = self._store.aclose, self._store.note

    async def get(self, bucket: str, key: bytes) -> bytes | None:
        before, after = SystemChance().octets(2)
        for _ in range(before % 4):
            await trio.lowlevel.checkpoint()
        value = await self._store.get(bucket, key)
        for _ in range(after % 4):
            await trio.lowlevel.checkpoint()
        return value


@pytest.mark.parametrize("kind", ["slow", "LevelDB"])
async def test_good_is_never_answered_to_who_asks_after_the_acknowledgement(
    kind: str, tmp_path: Path
) -> None:
    """Twenty clients ask about forty certificates while these are revoked, one after the other."""
    store: Store = SlowStore() if kind == "slow" else await open_store(tmp_path / "db")
    world = OcspWorld(store=store)
    await world.responder.renew()
    serials, acknowledged, good, wrong = range(1, 41), set[int](), [0], list[int]()
    for serial in serials:
        await world.issue(serial)
    done = trio.Event()

    async def client(offset: int) -> None:
        position = offset
        while not done.is_set():
            serial = serials[position % len(serials)]
            position += 1
            known = serial in acknowledged
            nonce = bytes((offset,)) if offset % 3 == 0 else None
            state = answers(await world.ask(serial, nonce=nonce))[0].state
            good[0] += state.status is Status.GOOD
            if known and state.status is not Status.REVOKED:
                wrong.append(serial)

    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            for number in range(20):
                nursery.start_soon(client, number * 7)
            for serial in serials:
                await trio.sleep(0.005)
                await world.revoke(serial)
                acknowledged.add(serial)
            await trio.sleep(0.02)
            done.set()
    await store.aclose()
    assert wrong == []
    assert good[0] > 40, "there was something to get wrong"


# ---- what goes wrong


@pytest.mark.parametrize("octets", [b"", b"\x30\0", b"not DER at all", b"\x30\x82\xff\xff"])
async def test_what_is_no_request_is_malformed(world: OcspWorld, octets: bytes) -> None:
    answer = await world.responder.answer(octets)
    assert answer.status is ResponseStatus.MALFORMED_REQUEST


@pytest.mark.parametrize("length", [0, 129])
async def test_a_nonce_of_no_possible_length_is_malformed(world: OcspWorld, length: int) -> None:
    """RFC 9654 section 2.1."""
    answer = await world.ask(7, nonce=b"n" * length)
    assert answer.status is ResponseStatus.MALFORMED_REQUEST


@pytest.mark.parametrize("bucket", [records.REVOCATIONS, records.CERTIFICATES])
async def test_a_damaged_row_is_an_internal_error_and_never_good(
    world: OcspWorld, bucket: str, caplog: pytest.LogCaptureFixture
) -> None:
    await world.issue(7)
    assert (await world.state(7)).status is Status.GOOD
    await world.store.commit([Put(bucket, records.serial_key(7), b"{")])
    world.clock.advance(3 * 3600)
    assert (await world.ask(7)).status is ResponseStatus.INTERNAL_ERROR
    assert "cannot be read" in caplog.text
