"""Certificates by ACME: from the flags of a command to the chain."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from ssl import SSLContext
from urllib.parse import quote

import trio

from appliance.cli.acme_accounts import account_key
from appliance.cli.acme_flags import AcmeFlags
from appliance.cli.clock import SystemClock
from appliance.cli.command import location
from appliance.cli.issuing import IssuingFlags
from appliance.cli.online import now, read_roots, required_url
from appliance.cli.prompts import say
from appliance.client.acme.account import AcmeAccount
from appliance.client.acme.ordering import Way, Wish, check_wildcards, identifiers, obtain
from appliance.client.acme.transport import Transport
from appliance.client.tls import trusting
from appliance.formats import timeorduration
from appliance.model.errors import BadRequest
from appliance.upstream.trust import outward


@dataclass(frozen=True, slots=True, kw_only=True)
class AcmeOrder:
    """An order of a person's: where, what, and how its names are proved."""

    directory: str
    roots: tuple[bytes, ...]
    system_roots: bool
    flags: AcmeFlags
    wish: Wish

    def fetch(self, request: bytes) -> tuple[bytes, ...]:
        """Get the certificate for a signing request (DER)."""
        return trio.run(self._fetch, request)

    async def _fetch(self, request: bytes) -> tuple[bytes, ...]:
        external = self.flags.external_account()
        way = Way(answering=self.flags.answering(), clock=SystemClock(), tell=say)
        tls = tls_for(roots=self.roots, system_roots=self.system_roots)
        key = account_key(self.directory)
        async with Transport(tls) as transport:
            account = await AcmeAccount.at(transport, self.directory, key)
            await account.register(self.flags.contact, external)
            return await obtain(account, self.wish, way, request)


def acme_order(
    asked: IssuingFlags, flags: AcmeFlags, provisioner: str, subject: str, sans: Sequence[str]
) -> AcmeOrder:
    """Make the order: from --acme, or from the CA's provisioner of this name.

    The CA's root is trusted; beside the system's for another CA, alone for our own. Raises
    BadRequest.
    """
    if asked.offline:
        raise BadRequest("offline mode and ACME are mutually exclusive")
    if asked.pairs or asked.set_file:
        raise BadRequest("flag '--set' is incompatible with ACME, which carries no such data")
    # What is wrong with any of it is told before anything is asked of the CA.
    flags.external_account()
    names = identifiers(subject, sans)
    check_wildcards(names, flags.answering().challenge)
    wish = Wish(
        identifiers=names,
        not_before=_moment(asked.not_before),
        not_after=_moment(asked.not_after),
        profile=flags.acme_profile or "",
        preferred_chain=flags.preferred_chain or "",
    )
    return AcmeOrder(
        directory=flags.acme or provisioner_directory(required_url(asked.ca_url), provisioner),
        roots=known_roots(asked.root),
        system_roots=bool(flags.acme),
        flags=flags,
        wish=wish,
    )


def provisioner_directory(url: str, provisioner: str) -> str:
    """Give the address of the directory of a provisioner of type ACME."""
    return f"{url}/acme/{quote(provisioner, safe='')}/directory"


def known_roots(root: str | None) -> tuple[bytes, ...]:
    """Read --root, or what bootstrap left; none where there is neither."""
    if root:
        return read_roots(root)
    usual = location().root_certificate
    return read_roots(str(usual)) if usual.exists() else ()


def tls_for(*, roots: tuple[bytes, ...], system_roots: bool) -> SSLContext:
    """Trust the CA's roots (DER), and the system's where another CA may be meant."""
    return outward(roots) if system_roots or not roots else trusting(roots)


def _moment(text: str | None) -> datetime | None:
    return timeorduration.moment(text or "", now=now())
