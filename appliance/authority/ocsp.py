"""The OCSP responder: what is known of a certificate, signed (RFC 6960, RFC 5019).

    request ─ whose? ─ one certificate, no nonce: an answer that is kept? ─ still true? ─▶ again
                 │                     │
            unauthorized         read what is recorded ─ sign ─ revoked meanwhile? ─▶ answer
                                                                      │ read and sign again

An answer is signed once and kept, but never handed out unseen: each time, the store is asked
whether the certificate has been revoked since. A revocation is acknowledged after its row is on
disk, so who asks after that is never told `good`, whatever is kept here, and whichever process
revoked.
"""

import logging
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from appliance.authority import own_certificates, records
from appliance.authority.gate import IssuanceGate
from appliance.authority.issuers import Issuers, IssuingKey
from appliance.authority.ocsp_delegates import Delegates
from appliance.formats import ocsp, ocsp_reading, x509_fields
from appliance.formats.ocsp import (
    CertificateId,
    CertificateState,
    OcspRequest,
    ResponseStatus,
    SingleAnswer,
    Status,
)
from appliance.issuance import parsed, periods
from appliance.issuance.algorithms import IDENTIFIERS
from appliance.model.errors import Broken, FormatError, Unavailable
from appliance.model.validity import Validity
from appliance.ports.clock import Clock
from appliance.ports.store import Store

log = logging.getLogger(__name__)

MOST_KEPT: Final = 4096  # answers, of about a kilobyte each
_GOOD: Final = CertificateState(status=Status.GOOD)
_UNKNOWN: Final = CertificateState(status=Status.UNKNOWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Freshness:
    """How long an answer holds, and when a newer one is made: a cache should ask again then."""

    this_update: datetime
    next_update: datetime
    renewed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OcspAnswer:
    """An OCSPResponse in DER. Without `freshness` it is for who asked, and for now."""

    octets: bytes
    status: ResponseStatus
    freshness: Freshness | None = None


@dataclass(frozen=True, slots=True)
class _Kept:
    answer: OcspAnswer
    freshness: Freshness
    revoked: bool


class OcspResponder:
    """Answers for every issuer of a configuration, each by its own delegate."""

    def __init__(
        self,
        issuers: Issuers,
        delegates: Delegates,
        *,
        store: Store,
        clock: Clock,
        validity: timedelta,
        gate: IssuanceGate | None = None,
    ) -> None:
        self._delegates = delegates
        self._store = store
        self._clock = clock
        self._validity = validity
        self._gate = gate or IssuanceGate()
        self._issuers = {
            hashes: key for key in reversed(issuers.all) for hashes in _names(key)
        }  # of two certificates for one key, the first stands for both
        self._kept: OrderedDict[bytes, _Kept] = OrderedDict()

    async def renew(self) -> None:
        """Renew the delegates that are due; what fails is told in the log."""
        await self._delegates.renew()

    def delegates(self) -> list[tuple[str, Validity | None]]:
        """Give the times of the delegates, by the names of their issuers; None: there is none."""
        return self._delegates.validities()

    def certificates(self) -> list[tuple[str, bytes]]:
        """Give the certificates of the delegates (DER), by the names of their issuers."""
        return self._delegates.certificates()

    async def remember_own(self, certificate: bytes) -> None:
        """Know the CA's own TLS certificate (DER) from now on. Raises Broken."""
        await own_certificates.remember(self._store, certificate, self._clock.now())

    async def answer(self, request: bytes) -> OcspAnswer:
        """Answer a request in DER, whatever it is: errors are answers, too."""
        try:
            return await self._answer(ocsp_reading.read_request(request))
        except FormatError as error:
            log.debug("not an OCSP request: %s", error)
            return _error(ResponseStatus.MALFORMED_REQUEST)
        except Unavailable as error:
            log.warning("an OCSP request could not be answered: %s", error)
            return _error(ResponseStatus.TRY_LATER)
        except Broken as error:
            log.error("an OCSP request could not be answered: %s", error)  # noqa: TRY400 - ours
            return _error(ResponseStatus.INTERNAL_ERROR)

    async def _answer(self, request: OcspRequest) -> OcspAnswer:
        key, *others = map(self._issuer, request.certificates)
        if key is None or any(other is not key for other in others):
            # RFC 5019 2.2.3; and a delegate answers for one issuer only (RFC 6960 4.2.2.2).
            return _error(ResponseStatus.UNAUTHORIZED)
        alone = len(request.certificates) == 1 and request.nonce is None
        if alone and (kept := await self._still_true(request.certificates[0])):
            return kept
        self._gate.check_time()
        return await self._signed(request, key, keep=alone)

    def _issuer(self, asked: CertificateId) -> IssuingKey | None:
        return self._issuers.get((asked.digest, asked.issuer_name_hash, asked.issuer_key_hash))

    # ---- answers that are kept

    async def _still_true(self, asked: CertificateId) -> OcspAnswer | None:
        if asked.raw not in self._kept:
            return None
        revoked = await records.is_revoked(self._store, asked.serial)
        kept, now = self._kept.get(asked.raw), self._clock.now()
        if kept is None or kept.revoked is not revoked:
            return None
        if not kept.freshness.this_update <= now < kept.freshness.renewed_at:
            return None
        self._kept.move_to_end(asked.raw)
        return kept.answer

    def _keep(self, asked: CertificateId, kept: _Kept) -> None:
        self._kept[asked.raw] = kept
        self._kept.move_to_end(asked.raw)
        if len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)

    # ---- answers that are made

    async def _signed(self, request: OcspRequest, key: IssuingKey, *, keep: bool) -> OcspAnswer:
        while True:  # each further round has found one more revoked
            now = periods.whole_second(self._clock.now())
            states = [await self._state(key, each.serial) for each in request.certificates]
            octets, freshness = await self._sign(request, states, key, now)
            if not await self._revoked_meanwhile(request, states):
                break
        told = ResponseStatus.SUCCESSFUL
        if not keep or states[0].status is Status.UNKNOWN:  # which are without number
            return OcspAnswer(octets=octets, status=told)
        answer = OcspAnswer(octets=octets, status=told, freshness=freshness)
        revoked = states[0].status is Status.REVOKED
        self._keep(request.certificates[0], _Kept(answer, freshness, revoked))
        return answer

    async def _sign(
        self,
        request: OcspRequest,
        states: Sequence[CertificateState],
        key: IssuingKey,
        now: datetime,
    ) -> tuple[bytes, Freshness]:
        delegate = self._delegates.of(key)
        end = min(now + self._validity, delegate.validity.not_after)
        freshness = Freshness(
            this_update=now, next_update=end, renewed_at=min(now + self._validity / 2, end)
        )
        data = ocsp.write_response_data(
            [
                SingleAnswer(
                    certificate=asked,
                    state=state,
                    this_update=freshness.this_update,
                    next_update=freshness.next_update,
                )
                for asked, state in zip(request.certificates, states, strict=True)
            ],
            responder_key_hash=delegate.key_id,
            produced_at=now,
            nonce=request.nonce,
        )
        signature = await delegate.signer.sign(data, delegate.algorithm)
        identifier = IDENTIFIERS[delegate.algorithm]
        octets = ocsp.write_response(data, identifier, signature, [delegate.certificate])
        return octets, freshness

    async def _state(self, key: IssuingKey, serial: int) -> CertificateState:
        """Say what is recorded of a serial number of this issuer.

        One that was never issued is `unknown`, not `revoked` (RFC 6960 2.2 leaves the choice): a
        database that was restored from a backup, or begun anew, says what it knows. A revocation
        of what is not in the inventory holds all the same.
        """
        found = await records.certificate(self._store, serial)
        if found is None:
            found = await own_certificates.certificate(self._store, serial)
        if found is not None and not _issued(key, found, serial):
            return _UNKNOWN
        revocation = await records.revocation(self._store, serial)
        if revocation is not None:
            return CertificateState(
                status=Status.REVOKED,
                revoked_at=revocation.at,
                reason=revocation.reason_code or None,
            )
        return _UNKNOWN if found is None else _GOOD

    async def _revoked_meanwhile(
        self, request: OcspRequest, states: Sequence[CertificateState]
    ) -> bool:
        """Look again at what was not revoked before the signature, which may take its time."""
        for asked, state in zip(request.certificates, states, strict=True):
            if state.status is Status.GOOD and await records.is_revoked(self._store, asked.serial):
                return True
        return False


def _error(status: ResponseStatus) -> OcspAnswer:
    return OcspAnswer(octets=ocsp.write_error(status), status=status)


def _names(key: IssuingKey) -> list[tuple[str, bytes, bytes]]:
    """Give the hashes by which requests name an issuer."""
    fields = x509_fields.certificate(key.issuer.certificate)
    name, bits = fields.subject_raw, fields.public_key.bits
    return [(oid, digest(name), digest(bits)) for oid, digest in ocsp.DIGESTS.items()]


def _issued(key: IssuingKey, certificate: bytes, serial: int) -> bool:
    try:
        return key.issued(parsed.parse(certificate))
    except FormatError as error:
        raise Broken(
            "a row of the database cannot be read", detail=f"certificate {serial}"
        ) from error
