"""The list of revoked SSH certificates, for sshd's RevokedKeys: made when somebody asks for it.

    revocation ──changed──▶ ┐
    a minute (other         ├─▶ rows not yet seen are read ─▶ octets, if they differ ─▶ served
    programs revoke too) ──▶┘

What was read of a revocation is remembered, so that each row costs once. A certificate that nobody
knows is listed for each of our CA keys, for ever; one that is known for the key that signed it,
until an hour after its end. Lists carry no signature: who fetches one had better do it over TLS.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final, NamedTuple

import trio

from appliance.authority.ssh import records
from appliance.formats.ssh import certificate as ssh_certificate
from appliance.formats.ssh import krl
from appliance.formats.ssh.krl import KeyRevocationList, RevokedCertificates
from appliance.issuance.revocation_lists import KEPT
from appliance.model.errors import FormatError, NotFound
from appliance.ports.clock import Clock
from appliance.ports.store import Store

_LOOK: Final = timedelta(minutes=1)
_STEP: Final = 2000  # rows at a time
_READ: Final = 200  # certificates at a time


class _Revoked(NamedTuple):
    """Whose certificate it was, and its end; nobody's and never where it is not known."""

    ca: bytes
    valid_before: int  # seconds since 1970


_UNKNOWN: Final = _Revoked(b"", ssh_certificate.FOREVER)


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedKrl:
    """A list as it is served. `tag` tells its octets from those of any other."""

    octets: bytes
    version: int
    made_at: datetime
    tag: str


class KrlPublisher:
    """Makes lists and remembers the newest one; it outlives reloads."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._authorities: tuple[bytes, ...] = ()
        self._seen: dict[int, _Revoked] = {}
        self._looked_at: datetime | None = None  # None: look now
        self._listed: tuple[RevokedCertificates, ...] = ()
        self._published: PublishedKrl | None = None
        self._making = trio.Lock()

    def configure(self, authorities: Iterable[bytes]) -> None:
        """Say which CA keys (blobs) are ours from now on; without any, there is no list."""
        self._authorities = tuple(dict.fromkeys(authorities))
        self._looked_at = None

    async def changed(self) -> None:
        """Have the next one who asks get a list that holds all that is recorded now."""
        self._looked_at = None

    async def current(self) -> PublishedKrl:
        """Give the newest list. Raises NotFound where there are no SSH keys, Broken."""
        if not self._authorities:
            raise NotFound("there is no revocation list: ca.json names no SSH keys")
        async with self._making:
            now = self._clock.now()
            published = self._published
            if published is None or not self._is_fresh(now):
                self._looked_at = now  # a revocation meanwhile asks for another look
                try:
                    await self._read_new()
                    published = self._published = await self._made(now)
                except BaseException:
                    self._looked_at = None
                    raise
            return published

    def _is_fresh(self, now: datetime) -> bool:
        return self._looked_at is not None and self._looked_at <= now < self._looked_at + _LOOK

    async def _read_new(self) -> None:
        """Read the revocations that were not yet seen."""
        start = b""
        while rows := await self._store.scan(records.REVOCATIONS, start=start, limit=_STEP):
            serials = [int(key) for key, _ in rows if key.isdigit()]
            new = [serial for serial in serials if serial not in self._seen]
            for first in range(0, len(new), _READ):
                some = {
                    serial: await records.certificate(self._store, serial)
                    for serial in new[first : first + _READ]
                }
                self._seen |= await trio.to_thread.run_sync(_read, some)
            start = rows[-1][0] + b"\0"

    async def _made(self, now: datetime) -> PublishedKrl:
        earliest = int((now - KEPT).timestamp())
        listed = await trio.to_thread.run_sync(_list, dict(self._seen), self._authorities, earliest)
        published = self._published
        if published is not None and listed == self._listed:
            return published
        version = int(now.timestamp() * 1000)  # so it grows from one process to the next, too
        if published is not None:
            version = max(version, published.version + 1)
        octets = KeyRevocationList(
            version=version, generated_at=int(now.timestamp()), certificates=listed
        ).octets
        self._listed = listed
        return PublishedKrl(
            octets=octets,
            version=version,
            made_at=now.replace(microsecond=0),
            tag=sha256(octets).hexdigest()[:32],
        )


def _read(certificates: Mapping[int, bytes | None]) -> dict[int, _Revoked]:
    return {serial: _facts(blob) for serial, blob in certificates.items()}


def _facts(blob: bytes | None) -> _Revoked:
    """Read whose a certificate is; one that is damaged counts as one that nobody knows."""
    if blob is None:
        return _UNKNOWN
    try:
        read = ssh_certificate.parse(blob)
    except FormatError:
        return _UNKNOWN
    return _Revoked(read.signature_key.blob, read.valid_before)


def _list(
    revoked: Mapping[int, _Revoked], authorities: Sequence[bytes], earliest: int
) -> tuple[RevokedCertificates, ...]:
    """Sort serial numbers by the key that signed for them."""
    serials: dict[bytes, list[int]] = {}
    for serial, each in revoked.items():
        if each.valid_before >= earliest:
            for authority in (each.ca,) if each.ca else authorities:
                serials.setdefault(authority, []).append(serial)
    found = [(ca, krl.ranges(numbers)) for ca, numbers in sorted(serials.items())]
    return tuple(RevokedCertificates(ca=ca, serials=some) for ca, some in found if some)
