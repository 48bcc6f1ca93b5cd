"""The scenarios' view of our authority, in process."""

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from appliance.authority.revocation import RevokeRequest
from appliance.authority.x509 import SignRequest
from appliance.authority.x509_recording import Issued
from appliance.formats import pem, timeorduration
from appliance.model.errors import (
    BadRequest,
    Forbidden,
    HearthError,
    NotSupported,
    Unauthorized,
    Unavailable,
)
from appliance.model.grants import Credential
from tests.authority.scenarios import Outcome
from tests.support.authority import CONTEXT, Appliance
from tests.support.requests import Key

STATUSES: dict[type[HearthError], int] = {
    BadRequest: 400,
    Unauthorized: 401,
    Forbidden: 403,
    NotSupported: 501,
    Unavailable: 503,
}


def der(certificate: str) -> bytes:
    """Give the DER of a certificate in PEM."""
    return x509.load_pem_x509_certificate(certificate.encode()).public_bytes(Encoding.DER)


@dataclass(frozen=True, slots=True)
class OurTarget:
    """The authority of an appliance."""

    appliance: Appliance

    def now(self) -> int:
        """Tell its time."""
        return int(self.appliance.clock.now().timestamp())

    async def sleep(self, seconds: int) -> None:
        """Let its time go by."""
        self.appliance.clock.advance(seconds)

    async def sign(self, body: Mapping[str, Any]) -> Outcome:
        """Sign."""
        request = SignRequest(
            csr=body["csr"].encode(),
            token=body["ott"],
            not_before=timeorduration.parse(body["notBefore"]),
            not_after=timeorduration.parse(body["notAfter"]),
            context=CONTEXT,
        )
        return await _outcome(self.appliance.x509.sign(request))

    async def renew(self, chain: Sequence[str], key: Key) -> Outcome:
        """Renew as if by TLS."""
        return await _outcome(self.appliance.x509.renew(self._shown(chain), CONTEXT))

    async def renew_with_token(self, token: str) -> Outcome:
        """Renew by token."""
        return await _outcome(self.appliance.x509.renew_with_token(token, CONTEXT))

    async def rekey(self, chain: Sequence[str], key: Key, csr: str) -> Outcome:
        """Rekey."""
        rekeyed = self.appliance.x509.rekey(self._shown(chain), csr.encode(), CONTEXT)
        return await _outcome(rekeyed)

    async def revoke(
        self, body: Mapping[str, Any], shown: tuple[Sequence[str], Key] | None = None
    ) -> Outcome:
        """Revoke."""
        request = RevokeRequest(
            serial=body["serial"],
            token=body["ott"],
            reason_code=body["reasonCode"],
            reason=body["reason"],
            passive=body["passive"],
            credential=self._shown(shown[0]) if shown else None,
            context=CONTEXT,
        )
        return await _outcome(self.appliance.revocation.revoke(request))

    def _shown(self, chain: Sequence[str]) -> Credential:
        leaf, *issuers = map(der, chain)
        return Credential(certificate=leaf, chain=tuple(issuers))


async def _outcome(answer: Awaitable[Issued | int]) -> Outcome:
    try:
        issued = await answer
    except HearthError as error:
        return Outcome(status=STATUSES.get(type(error), 500), message=str(error))
    if isinstance(issued, int):
        return Outcome(status=200)
    chain = (issued.certificate, *issued.chain)
    return Outcome(status=201, chain=tuple(pem.encode("CERTIFICATE", each) for each in chain))
