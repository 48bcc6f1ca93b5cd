"""Orders that come past the TLS door: from the control socket, or from a command with `--offline`.

They go the way of every request, through tokens, provisioners, policies and records. Only what the
handshake proves is done here: that a certificate leads to a root of the CA.
"""

import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from appliance.authority.reporting import Context
from appliance.authority.revocation import RevokeRequest
from appliance.authority.x509 import SignRequest
from appliance.authority.x509_recording import Issued
from appliance.formats import pem, timeorduration
from appliance.issuance import paths
from appliance.model.errors import BadRequest, FormatError
from appliance.model.grants import Credential
from appliance.model.orders import RevokeOrder, SignOrder
from appliance.server.assembly import Assembly, Foundation

log = logging.getLogger(__name__)

_REQUEST_ID = 10  # octets, as of those that come by TLS


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectIssuance:
    """Issuance (operator.interface) by an authority in this process.

    `current` gives the configuration at work; `client` is how events and the log name who asks.
    """

    current: Callable[[], Assembly]
    foundation: Foundation
    client: str

    async def sign(self, order: SignOrder) -> Sequence[bytes]:
        """Issue what a one-time token allows."""
        with bad_requests():
            request = SignRequest(
                csr=_pem(order.csr),
                token=order.token,
                not_before=timeorduration.parse(order.not_before),
                not_after=timeorduration.parse(order.not_after),
                template_data=order.template_data,
                context=self._context(),
            )
            return await self._told("issued", self.current().x509.sign(request))

    async def renew(self, chain: Sequence[bytes]) -> Sequence[bytes]:
        """Issue a certificate again."""
        with bad_requests():
            renewing = self.current().x509.renew(self._credential(chain), self._context())
            return await self._told("renewed", renewing)

    async def renew_with_token(self, token: str) -> Sequence[bytes]:
        """Issue a certificate again to who signed a token with its key."""
        with bad_requests():
            renewing = self.current().x509.renew_with_token(token, self._context())
            return await self._told("renewed", renewing)

    async def rekey(self, chain: Sequence[bytes], csr: bytes) -> Sequence[bytes]:
        """Issue a certificate again for the key of the CSR."""
        with bad_requests():
            shown = self._credential(chain)
            rekeying = self.current().x509.rekey(shown, _pem(csr), self._context())
            return await self._told("rekeyed", rekeying)

    async def revoke(self, order: RevokeOrder, chain: Sequence[bytes] = ()) -> None:
        """Revoke by token, or by the certificate itself."""
        with bad_requests():
            request = RevokeRequest(
                serial=str(order.serial),
                token=order.token,
                reason_code=order.reason_code,
                reason=order.reason,
                passive=True,
                credential=self._credential(chain) if chain else None,
                context=self._context(),
            )
            serial = await self.current().revocation.revoke(request)
            log.info("revoked serial %d, by the %s", serial, self.client)

    async def _told(self, done: str, issuing: Awaitable[Issued]) -> Sequence[bytes]:
        """Wait for a certificate and write a line about it, as there is none of a request."""
        issued = await issuing
        log.info("%s '%s', serial %d, by the %s", done, issued.subject, issued.serial, self.client)
        return (issued.certificate, *issued.chain)

    def _credential(self, chain: Sequence[bytes]) -> Credential:
        """Take a certificate that leads to a root of the CA. Raises Unauthorized, FormatError."""
        if not chain:
            raise BadRequest("missing certificate")
        trust, now = self.current().trust, self.foundation.clock.now()
        leaf, *others = chain
        between = (*others, *trust.intermediates)
        paths.verify(leaf, paths.Trust(roots=trust.roots, between=between), now=now)
        return Credential(certificate=leaf, chain=tuple(others))

    def _context(self) -> Context:
        request_id = self.foundation.chance.octets(_REQUEST_ID).hex()
        return Context(client=self.client, request_id=request_id)


@contextmanager
def bad_requests() -> Iterator[None]:
    """Call what cannot be read a bad request, as the API does."""
    try:
        yield
    except FormatError as error:
        raise BadRequest(error.public, detail=error.detail) from error


def _pem(csr: bytes) -> bytes:
    return pem.encode("CERTIFICATE REQUEST", csr).encode()
