"""The server's own TLS certificate: issued at start, and again when two thirds of it are over."""

import logging
from collections.abc import Callable
from datetime import datetime
from ssl import SSLContext
from typing import Final

import trio
from cryptography.hazmat.primitives.asymmetric import ec

from appliance.authority.identity import issue_server_certificate
from appliance.client.identity import Identity
from appliance.issuance import parsed
from appliance.model.errors import BadRequest, ConfigError, HearthError
from appliance.ports.chance import Chance
from appliance.ports.clock import Clock
from appliance.server.assembly import Assembly
from appliance.web.tls import TlsHolder, server_context

log = logging.getLogger(__name__)

_LOOK: Final = 60.0  # seconds; the wall clock can jump, so it is looked at often


class OwnCertificate:
    """The certificate in use, and when the next one is due."""

    def __init__(self, clock: Clock, chance: Chance) -> None:
        self._clock = clock
        self._chance = chance
        self._due: datetime | None = None

    async def issue(self, assembly: Assembly) -> SSLContext:
        """Issue one for a configuration, with a key of its own, and give the context to serve it.

        Raises ConfigError for names that no certificate can carry and for TLS settings that are
        impossible, Unavailable and Broken when the intermediate cannot sign.
        """
        settings, trust, first = assembly.settings, assembly.trust, assembly.issuers.first
        key = ec.generate_private_key(ec.SECP256R1())
        now = self._clock.now()
        try:
            certificate = await issue_server_certificate(
                common_name=settings.common_name,
                hosts=settings.dns_names,
                public_key=key.public_key(),
                issuer=first.issuer,
                signer=first.signer,
                chance=self._chance,
                now=now,
            )
        except BadRequest as error:
            raise ConfigError(error.public, file=str(settings.file), place="dnsNames") from error
        if assembly.responder is not None:
            await assembly.responder.remember_own(certificate)
        chain = (certificate, *first.chain)
        context = server_context(
            chain=chain,
            key=key,
            client_issuers=(*trust.roots, *trust.intermediates),
            settings=settings.tls,
            file=str(settings.file),
        )
        assembly.outbound.show(Identity(chain=chain, key=key))
        self._due = now + (parsed.parse(certificate).validity.not_after - now) * 2 / 3
        return context

    async def keep_fresh(self, current: Callable[[], Assembly], holder: TlsHolder) -> None:
        """Renew whenever it is due, until cancelled. What fails is tried again after a minute."""
        while True:
            await trio.sleep(_LOOK)
            if self._due is None or self._clock.now() < self._due:
                continue
            try:
                holder.replace(await self.issue(current()))
            except HearthError as error:
                log.warning("the server's own certificate could not be renewed: %s", error)
            else:
                log.info("renewed the server's own certificate")
