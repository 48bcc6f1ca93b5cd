"""Hosts that have certificates, and the way to them."""

from dataclasses import dataclass
from typing import Final

import msgspec

from appliance.authority.ssh import records
from appliance.authority.ssh.records import HostPrincipal
from appliance.config.settings import BastionSettings, SshSettings
from appliance.formats.ssh.certificate import FOREVER
from appliance.issuance.ssh import periods
from appliance.model.errors import Broken, NotFound, NotSupported
from appliance.ports.clock import Clock
from appliance.ports.store import Store

_PAGE: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class SshHosts:
    """Answers about hosts. Not `persistent`: without a database nothing is known of any."""

    store: Store
    clock: Clock
    settings: SshSettings | None
    listed: bool = True
    persistent: bool = True

    async def has_certificate(self, principal: str) -> bool:
        """Say whether a host ever got a certificate; an old one counts, as with step-ca.

        Raises NotSupported without a database.
        """
        if not self.persistent:
            raise NotSupported("hosts are not recorded: ca.json has no database")
        key = records.principal_key(principal)
        return await self.store.get(records.HOSTS, key) is not None

    async def names(self) -> list[str]:
        """Give the hosts whose certificates have not ended, in the order of their octets.

        Raises NotFound where the list is not given away, Broken without a database or when a row
        is damaged.
        """
        if not self.listed:
            raise NotFound("ssh hosts list api disabled")
        if not self.persistent:
            raise Broken("hosts are not recorded: ca.json has no database")
        now = periods.seconds(self.clock.now())
        found, start = [], b""
        while True:
            rows = await self.store.scan(records.HOST_PRINCIPALS, start=start, limit=_PAGE)
            found += [
                key.decode("utf-8", "replace") for key, value in rows if _end(key, value) > now
            ]
            if len(rows) < _PAGE:
                return found
            start = rows[-1][0] + b"\0"

    def bastion(self, hostname: str) -> BastionSettings | None:
        """Give the host over which another is reached; None: it is reached directly.

        Raises NotFound where ca.json has no `ssh`.
        """
        if self.settings is None:
            raise NotFound("ssh is not configured in ca.json")
        bastion = self.settings.bastion
        if bastion is None or bastion.hostname.casefold() == hostname.casefold():
            return None
        return bastion


def _end(key: bytes, value: bytes) -> int:
    try:
        return min(msgspec.json.decode(value, type=HostPrincipal).expiry, FOREVER)
    except msgspec.MsgspecError as error:
        raise Broken(
            "the record of a host is damaged", detail=key.decode("ascii", "replace")
        ) from error
