"""The server's own TLS certificate: issued at start, and again when two thirds of it are over.

When its intermediate's token is not there, the one that it had is shown until the token comes.
"""

import logging
from collections.abc import Callable
from datetime import datetime
from ssl import SSLContext
from typing import Final

import trio
from cryptography.hazmat.primitives.asymmetric import ec

from appliance.authority.identity import issue_server_certificate
from appliance.client.identity import Identity
from appliance.issuance import certificates, parsed
from appliance.model.errors import BadRequest, ConfigError, HearthError, Unavailable
from appliance.model.validity import Validity
from appliance.ports.chance import Chance
from appliance.ports.clock import Clock
from appliance.server import kept_certificate
from appliance.server.assembly import Assembly
from appliance.web.tls import TlsHolder, server_context

log = logging.getLogger(__name__)

_LOOK: Final = 60.0  # seconds; the wall clock can jump, so it is looked at often
_WAITING: Final = 1.0  # seconds, while the token with the intermediate's key is waited for


class OwnCertificate:
    """The certificate in use, and when the next one is due."""

    def __init__(self, clock: Clock, chance: Chance) -> None:
        self._clock = clock
        self._chance = chance
        self._due: datetime | None = None
        self._held: Identity | None = None
        self._shown: Identity
        self._waits = False

    @property
    def shown(self) -> Identity:
        """What clients see: the certificate in use, or what stands in for it."""
        return self._shown

    @property
    def validity(self) -> Validity | None:
        """Give the times of the certificate in use; None: nobody can trust it."""
        return parsed.parse(self._held.chain[0]).validity if self._held else None

    @property
    def certificate(self) -> bytes | None:
        """Give the certificate in use (DER); None: nobody can trust it."""
        return self._held.chain[0] if self._held else None

    async def issue_or_wait(self, assembly: Assembly) -> SSLContext:
        """Issue one; while a token keeps that from being, give the context of an older one.

        Raises ConfigError and Broken as `issue` does, and Unavailable where no token is to blame.
        """
        try:
            return await self.issue(assembly)
        except Unavailable as error:
            if not assembly.settings.token_keys:
                raise
            log.warning("the server's own certificate waits for its token: %s", error)
        self._waits = True
        now = self._clock.now()
        identity = self._held or kept_certificate.resume(assembly.settings, now)
        if identity is None:
            log.warning(
                "there is no certificate of an earlier run either: until the token is there, "
                "nobody can trust this server"
            )
            serial = certificates.serial_number(self._chance.octets(certificates.SERIAL_OCTETS))
            identity = kept_certificate.stopgap(
                ec.generate_private_key(ec.SECP256R1()), serial, now
            )
        return self._context(assembly, identity)

    async def issue(self, assembly: Assembly) -> SSLContext:
        """Issue one for a configuration, with a key of its own, and give the context to serve it.

        Raises ConfigError for names that no certificate can carry and for TLS settings that are
        impossible, Unavailable and Broken when the intermediate cannot sign.
        """
        settings, first = assembly.settings, assembly.issuers.first
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
        identity = Identity(chain=(certificate, *first.chain), key=key)
        context = self._context(assembly, identity)
        self._due = now + (parsed.parse(certificate).validity.not_after - now) * 2 / 3
        self._held, self._waits = identity, False
        kept_certificate.keep(settings, identity)
        return context

    async def keep_fresh(
        self,
        current: Callable[[], Assembly],
        holder: TlsHolder,
        is_key_ready: Callable[[], bool] = lambda: True,
        told: Callable[[], None] = lambda: None,
    ) -> None:
        """Renew whenever it is due, until cancelled. What fails is tried again after a minute.

        One that waits for its token is issued as soon as the key is ready, and what answers OCSP
        requests with it.
        """
        while True:
            await trio.sleep(_WAITING if self._waits else _LOOK)
            if not self._waits and (self._due is None or self._clock.now() < self._due):
                continue
            if self._waits and not is_key_ready():
                continue
            assembly = current()
            try:
                holder.replace(await self.issue(assembly))
                if assembly.responder is not None:
                    await assembly.responder.renew()
            except HearthError as error:
                log.warning("the server's own certificate could not be renewed: %s", error)
            else:
                log.info("renewed the server's own certificate")
                told()

    def _context(self, assembly: Assembly, identity: Identity) -> SSLContext:
        self._shown = identity
        return context_of(assembly, identity)


def context_of(assembly: Assembly, identity: Identity) -> SSLContext:
    """Make the context to serve a certificate, and show it to whoever this server asks.

    Raises ConfigError for TLS settings that are impossible.
    """
    settings, trust = assembly.settings, assembly.trust
    context = server_context(
        chain=identity.chain,
        key=identity.key,
        client_issuers=(*trust.roots, *trust.intermediates),
        settings=settings.tls,
        file=str(settings.file),
    )
    assembly.outbound.show(identity)
    return context
