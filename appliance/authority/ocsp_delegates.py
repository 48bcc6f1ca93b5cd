"""Keys that answer OCSP requests in the place of the issuers' own (RFC 6960 4.2.2.2).

Each issuer certifies one for a short time: so an issuer's key, which may be a slow or absent
hardware token, is used twice a day and not at every question. The keys live in memory only.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from appliance.authority.issuers import Issuers, IssuingKey
from appliance.issuance import algorithms, certificates, drafts, extensions, responders
from appliance.model.algorithms import SignatureAlgorithm
from appliance.model.errors import HearthError, Unavailable
from appliance.model.validity import Validity
from appliance.ports.chance import Chance
from appliance.ports.clock import Clock
from appliance.ports.signer import Signer

log = logging.getLogger(__name__)

_LIFETIME: Final = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delegate:
    """A key that may answer for an issuer, and until when."""

    certificate: bytes  # DER
    signer: Signer
    algorithm: SignatureAlgorithm
    key_id: bytes  # SHA-1 of its key, by which answers name it
    validity: Validity
    due: datetime  # when the next one is issued


class Delegates:
    """One delegate for each issuer, renewed when two thirds of its time are over."""

    def __init__(
        self,
        issuers: Issuers,
        *,
        clock: Clock,
        chance: Chance,
        new_signer: Callable[[], Signer],
        answers_hold: timedelta,
    ) -> None:
        self._issuers = issuers
        self._clock = clock
        self._chance = chance
        self._new_signer = new_signer
        self._lifetime = max(_LIFETIME, 3 * answers_hold)  # what is left outlives every answer
        self._held: dict[str, Delegate] = {}

    def of(self, key: IssuingKey) -> Delegate:
        """Give the one of an issuer. Raises Unavailable when it could not be had."""
        held = self._held.get(key.name)
        if held is None or held.validity.not_after <= self._clock.now():
            raise Unavailable("there is no certificate for the OCSP responder")
        return held

    def validities(self) -> list[tuple[str, Validity | None]]:
        """Give the times of all, by the names of their issuers; None: there is none."""
        held = ((key.name, self._held.get(key.name)) for key in self._issuers.all)
        return [(name, each.validity if each else None) for name, each in held]

    def certificates(self) -> list[tuple[str, bytes]]:
        """Give those in use (DER), by the names of their issuers."""
        return [(name, held.certificate) for name, held in self._held.items()]

    async def renew(self) -> None:
        """Have those issued that are due; for an issuer that fails, the old one stays."""
        for key in self._issuers.all:
            now = self._clock.now()
            held = self._held.get(key.name)
            ended = key.issuer.validity.not_after <= now
            if ended or (held is not None and now < held.due):
                continue
            try:
                self._held[key.name] = await self._issue(key, now)
            except HearthError as error:
                log.warning("the OCSP responder's certificate could not be issued: %s", error)

    async def _issue(self, key: IssuingKey, now: datetime) -> Delegate:
        signer = self._new_signer()
        certified = drafts.certified(signer.public_key)
        draft = responders.responder(certified, key.issuer, now, self._lifetime)
        serial = certificates.serial_number(self._chance.octets(certificates.SERIAL_OCTETS))
        prepared = certificates.prepare(draft, key.issuer, serial)
        signature = await key.signer.sign(prepared.to_be_signed, prepared.algorithm)
        return Delegate(
            certificate=certificates.assemble(prepared, signature),
            signer=signer,
            algorithm=algorithms.natural_algorithm(signer.public_key),
            key_id=extensions.key_id(certified.public_key_info),
            validity=draft.validity,
            due=now + (draft.validity.not_after - now) * 2 / 3,
        )
