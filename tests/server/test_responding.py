"""The OCSP responder of a configuration: there when asked for, fresh for as long as it serves."""

from datetime import UTC, datetime, timedelta

import trio
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from trio.testing import MockClock

from appliance.authority import own_certificates
from appliance.authority.ocsp import OcspResponder
from appliance.config.loading import load
from appliance.operator.ring import EventRing
from appliance.server import responding
from appliance.server.assembly import Assembly, assemble, lay_foundation
from appliance.server.certificate import OwnCertificate
from appliance.server.system import SystemChance
from appliance.stores.memory import MemoryStore
from tests.server.conftest import Authority

START = datetime.now(UTC)  # the certificates of the authority are of today


class VirtualClock:
    """The wall clock that goes with Trio's mock clock."""

    def now(self) -> datetime:
        return START + timedelta(seconds=trio.current_time())


def assembled(authority: Authority, store: MemoryStore, **changes: object) -> Assembly:
    authority.configure(insecureAddress="127.0.0.1:8080", **changes)
    foundation = lay_foundation(
        store, clock=VirtualClock(), chance=SystemChance(), events=EventRing(), password=None
    )
    return assemble(load(authority.file), foundation, lambda fields: None)


ON = {"enabled": True, "includeInCertificates": True, "url": "http://ca.example/ocsp"}


async def test_there_is_none_unless_it_is_asked_for(authority: Authority) -> None:
    assembly = assembled(authority, MemoryStore())
    assert assembly.responder is None
    assert assembly.issuers.first.issuer.pointers == ()
    assert all("/ocsp" not in route.path for route in assembly.application.routes)


async def test_its_certificates_are_renewed_for_as_long_as_it_serves(
    authority: Authority, autojump_clock: MockClock
) -> None:
    assembly = assembled(authority, MemoryStore(), ocsp=ON)
    responder = assembly.responder
    assert responder is not None
    await responder.renew()
    delegates = set[bytes]()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(responding.keep_fresh, lambda: responder)
        for _ in range(18):
            await trio.sleep(3600)
            answer = await ask(responder, assembly, serial=7)
            delegates.add(answer.certificates[0].public_bytes(Encoding.DER))
            assert answer.certificates[0].not_valid_after_utc > VirtualClock().now()
        nursery.cancel_scope.cancel()
    assert len(delegates) == 2, "every sixteen hours"


async def test_a_configuration_without_one_is_waited_for(autojump_clock: MockClock) -> None:
    with trio.move_on_after(600):
        await responding.keep_fresh(lambda: None)


async def test_the_servers_own_certificate_is_known_to_it(
    authority: Authority, autojump_clock: MockClock
) -> None:
    store = MemoryStore()
    assembly = assembled(authority, store, ocsp=ON)
    await OwnCertificate(VirtualClock(), SystemChance()).issue(assembly)
    assert assembly.responder is not None
    await assembly.responder.renew()
    ((key, octets),) = await store.scan(own_certificates.BUCKET)
    certificate = x509.load_der_x509_certificate(octets)
    assert str(certificate.serial_number).encode() == key
    certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess)
    answer = await ask(assembly.responder, assembly, certificate.serial_number)
    assert answer.certificate_status is ocsp.OCSPCertStatus.GOOD


async def ask(responder: OcspResponder, assembly: Assembly, serial: int) -> ocsp.OCSPResponse:
    issuer = x509.load_der_x509_certificate(assembly.issuers.first.issuer.certificate)
    digest = hashes.Hash(hashes.SHA1())
    digest.update(issuer.subject.public_bytes())
    identifier = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    request = ocsp.OCSPRequestBuilder().add_certificate_by_hash(
        digest.finalize(), identifier.digest, serial, hashes.SHA1()
    ).build()  # fmt: skip
    answer = await responder.answer(request.public_bytes(Encoding.DER))
    return ocsp.load_der_ocsp_response(answer.octets)
