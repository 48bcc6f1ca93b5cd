"""An OCSP responder over a store in memory, with keys that can be watched."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import trio
from cryptography.hazmat.primitives.asymmetric import ec

from appliance.authority import records
from appliance.authority.issuers import Issuers, IssuingKey
from appliance.authority.ocsp import OcspAnswer, OcspResponder
from appliance.authority.ocsp_delegates import Delegates
from appliance.formats import ocsp, ocsp_reading, x509_fields
from appliance.formats.ocsp import CertificateState, SingleAnswer
from appliance.issuance import certificates, drafts
from appliance.issuance.issuers import Issuer
from appliance.keys.file import FileSigner
from appliance.model.algorithms import SignatureAlgorithm
from appliance.model.errors import Unavailable
from appliance.ports.signer import IssuerKey, Signer
from appliance.ports.store import Store
from appliance.stores.memory import MemoryStore
from tests.support.authority import (
    START,
    Hierarchy,
    StandingClock,
    SystemChance,
    shared_hierarchy,
)

VALIDITY = timedelta(hours=4)
KEY = drafts.certified(ec.generate_private_key(ec.SECP256R1()).public_key())


class WatchedSigner:
    """A signer that counts, can be out of reach, and does something while it signs."""

    def __init__(self) -> None:
        self._signer = FileSigner(ec.generate_private_key(ec.SECP256R1()))
        self.signed = 0
        self.away = False
        self.meanwhile: Callable[[], Awaitable[None]] | None = None

    @property
    def public_key(self) -> IssuerKey:
        return self._signer.public_key

    async def sign(self, message: bytes, algorithm: SignatureAlgorithm) -> bytes:
        if self.away:
            raise Unavailable("the token is unplugged")
        self.signed += 1
        await trio.lowlevel.checkpoint()
        if self.meanwhile:
            await self.meanwhile()
        return await self._signer.sign(message, algorithm)


class OcspWorld:
    """A responder for one or more issuers, over a store in memory."""

    def __init__(
        self, *issuers: Hierarchy, store: Store | None = None, validity: timedelta = VALIDITY
    ) -> None:
        self.pkis = issuers or (shared_hierarchy(),)
        self.store = store or MemoryStore()
        self.clock = StandingClock()
        self.signers: list[WatchedSigner] = []
        keys = [issuing(each, name=str(number or "")) for number, each in enumerate(self.pkis)]
        self.issuers = Issuers(keys[0], keys[1:])
        delegates = Delegates(
            self.issuers,
            clock=self.clock,
            chance=SystemChance(),
            new_signer=self._new_signer,
            answers_hold=validity,
        )
        self.responder = OcspResponder(
            self.issuers, delegates, store=self.store, clock=self.clock, validity=validity
        )

    def _new_signer(self) -> Signer:
        self.signers.append(WatchedSigner())
        return self.signers[-1]

    @property
    def signed(self) -> int:
        """How many answers were signed."""
        return sum(each.signed for each in self.signers)

    async def issue(self, serial: int, pki: Hierarchy | None = None) -> None:
        """Record a certificate, as signing does."""
        certificate = await leaf(serial, pki or self.pkis[0])
        await self.store.commit(
            records.issued(
                certificate=certificate,
                serial=serial,
                provisioner=None,
                subject="leaf",
                sans=(),
                not_after=START + timedelta(days=1),
                issued_at=START,
                token=None,
            )
        )

    async def revoke(self, serial: int, reason: int = 0) -> None:
        """Record a revocation, as revoking does: when it returns, it is acknowledged."""
        await self.store.commit(
            records.revoked(
                serial=serial,
                provisioner_id="",
                reason_code=reason,
                reason="",
                revoked_at=self.clock.now(),
                expires_at=None,
                token_id="",
                mtls=False,
            )
        )

    async def ask(self, *serials: int, nonce: bytes | None = None) -> OcspAnswer:
        """Ask about certificates of the first issuer."""
        asked = [named(each, self.pkis[0].issuer) for each in serials]
        return await self.responder.answer(ocsp.write_request(asked, nonce))

    async def state(self, serial: int) -> CertificateState:
        return answers(await self.ask(serial))[0].state


def issuing(pki: Hierarchy, name: str = "") -> IssuingKey:
    return IssuingKey(
        name=name, issuer=pki.issuer, signer=pki.signer, chain=(pki.issuer.certificate,)
    )


async def leaf(serial: int, pki: Hierarchy) -> bytes:
    draft = drafts.server("leaf", ["leaf.example"], KEY, pki.issuer, START)
    prepared = certificates.prepare(draft, pki.issuer, serial)
    signature = await pki.signer.sign(prepared.to_be_signed, prepared.algorithm)
    return certificates.assemble(prepared, signature)


def named(serial: int, issuer: Issuer, digest: str = ocsp.SHA1) -> ocsp.CertificateId:
    bits = x509_fields.certificate(issuer.certificate).public_key.bits
    return ocsp.certificate_id(issuer.subject, bits, serial, digest=digest)


def basic(answer: OcspAnswer) -> ocsp.BasicResponse:
    found = ocsp_reading.read_response(answer.octets).basic
    assert found is not None, answer.status
    return found


def answers(answer: OcspAnswer) -> tuple[SingleAnswer, ...]:
    return basic(answer).answers
