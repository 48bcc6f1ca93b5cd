"""The publisher of revocation lists: one for each issuing key, anew before each one ends.

    revocation ──▶ row (authority.revoked_rows) ──wish──▶ ┐
    renew period, start, reload ──────────────────────────┤
                                                          ▼
       rows joined ─▶ to be signed ─▶ Signer ─▶ verified ─▶ row of step-ca's form ─▶ served

One task makes lists, one after the other; all that takes long happens in threads. Wishes that come
while one is made share the next. A list that could not be made leaves the old one as it is.

A list is served only when it and its number were recorded, so numbers grow whatever happens in
between. They are counted for each issuer, by its name and key (`hearth_x509_crl_numbers`), so that
they go on when another issuer becomes the first one; the first one's are also above what step-ca's
row says.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

import msgspec
import trio

from appliance.authority import records, revoked_rows
from appliance.authority.gate import IssuanceGate
from appliance.authority.issuers import Issuers, IssuingKey
from appliance.formats import crl
from appliance.formats.prometheus import Family
from appliance.formats.timeorduration import parse_time
from appliance.issuance import revocation_lists
from appliance.issuance.revocation_lists import KEPT, ListDraft, PreparedList
from appliance.model.errors import FormatError, HearthError, NotFound, Unavailable
from appliance.model.validity import Validity
from appliance.ports.clock import Clock
from appliance.ports.store import Put, Store

log = logging.getLogger(__name__)

LISTS: Final = "x509_crl"  # step-ca's bucket; its one row is the first issuer's list
NUMBERS: Final = "hearth_x509_crl_numbers"  # issuer → the number of its last list
_FIRST: Final = b"crl"
_LOOK: Final = 60.0  # seconds; the wall clock can jump, so it is looked at often
_PATIENCE: Final = 10.0  # seconds that a request waits for a list that is being made
_AGAIN: Final = timedelta(minutes=1)  # after a failure
_MICROSECOND: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class CrlPlan:
    """Which lists there are, how long each is good, and when the next one is made.

    `url` is where the first issuer's list is found. With `follows_unknown`, others may have
    published lists of these issuers before, whose numbers are not in the store.
    """

    issuers: Issuers
    url: str
    cache_duration: timedelta
    renew_period: timedelta
    follows_unknown: bool = False

    def named(self, text: str) -> str:
        """Give the name of the issuing key that is meant. Raises NotFound."""
        for each in self.issuers.all:
            if text == each.name or text == revocation_lists.key_name(each.issuer):
                return each.name
        raise NotFound(f"there is no issuer '{text[:80]}'")


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedList:
    """A list as it is served. `tag` tells its octets from those of any other."""

    number: int
    der: bytes
    made_at: datetime
    expires_at: datetime
    tag: str


class _Row(msgspec.Struct):
    """A value of `x509_crl`, in the order in which step-ca writes it."""

    number: int = msgspec.field(name="Number", default=0)
    expires_at: str = msgspec.field(name="ExpiresAt", default="")
    duration: int = msgspec.field(name="Duration", default=0)  # nanoseconds
    der: bytes = msgspec.field(name="DER", default=b"")


_decoder: Final = msgspec.json.Decoder(_Row)


class CrlPublisher:
    """Makes revocation lists and remembers the newest ones; it outlives reloads."""

    def __init__(self, store: Store, clock: Clock, gate: IssuanceGate | None = None) -> None:
        self._store = store
        self._clock = clock
        self._gate = gate or IssuanceGate()
        self._plan: CrlPlan | None = None
        self._places: dict[str, bytes] = {}  # what a list is asked for by → its issuer
        self._published: dict[bytes, PublishedList] = {}
        self._numbers: dict[bytes, int] = {}  # of the lists that were recorded last
        self._first_number = -1
        self._loaded = False
        self._due: datetime | None = None  # None: now
        self._wished = 0
        self._granted = 0  # the last wish that has been seen to
        self._wish = trio.Event()
        self._progress = trio.Event()

    @property
    def plan(self) -> CrlPlan | None:
        """What is published; None: nothing is."""
        return self._plan

    def configure(self, plan: CrlPlan | None) -> None:
        """Publish by another plan from now on, beginning with a list of it."""
        self._plan = plan
        self._places = _places(plan.issuers) if plan else {}
        self._due = None
        self._wished += 1
        self._wish.set()

    def validities(self) -> list[tuple[str, Validity | None]]:
        """Give the times of the newest lists, by their issuers' names; None: there is none."""
        if self._plan is None:
            return []
        found: list[tuple[str, Validity | None]] = []
        for key in self._plan.issuers.all:
            newest = self._published.get(self._places[key.name])
            times = None
            if newest is not None:
                times = Validity(not_before=newest.made_at, not_after=newest.expires_at)
            found.append((key.name, times))
        return found

    def families(self) -> list[Family]:
        """Give the age of each list as a number."""
        now = self._clock.now()
        ages = [
            ((("issuer", name),), (now - times.not_before).total_seconds())
            for name, times in self.validities()
            if times is not None
        ]
        return [
            Family(
                name="hearth_crl_age_seconds",
                help="Time since the revocation list was made",
                kind="gauge",
                samples=[(labels, round(max(age, 0.0), 3)) for labels, age in ages],
            )
        ]

    async def current(self, place: str = "") -> PublishedList:
        """Give the newest list of an issuing key, by its name or its key's identifier.

        Waits for the first one for a while. Raises NotFound when there is none, Unavailable when it
        could not be made yet.
        """
        if self._plan is None:
            raise NotFound("certificate revocation lists are not enabled")
        issuer = self._places.get(place)
        if issuer is None:
            raise NotFound(f"there is no issuer '{place[:80]}'")
        found = self._published.get(issuer)
        if found is None or found.expires_at < self._clock.now():
            await self._until_granted(self._wished)
            found = self._published.get(issuer)
        if found is None:
            raise Unavailable("the revocation list is not made yet; try again")
        return found

    async def publish(self) -> None:
        """Have lists made that hold all that is recorded now, and wait for them, for a while.

        What keeps them from being made is logged, and tried again; the caller is not told.
        """
        if self._plan is None:
            return
        self._wished += 1
        self._wish.set()
        await self._until_granted(self._wished)

    async def keep_fresh(self) -> None:
        """Make lists whenever they are due or wished for, until cancelled."""
        while True:
            with trio.move_on_after(self._rest()):
                await self._wish.wait()
            self._wish = trio.Event()
            if self._is_due() or self._granted < self._wished:
                await self._make_all()

    # ---- when

    def _rest(self) -> float:
        if self._due is None:
            return 0 if self._plan else _LOOK
        return min(max((self._due - self._clock.now()).total_seconds(), 0), _LOOK)

    def _is_due(self) -> bool:
        if self._plan is None:
            return False
        now = self._clock.now()
        return self._due is None or not now < self._due <= now + self._plan.renew_period

    async def _until_granted(self, wish: int) -> None:
        with trio.move_on_after(_PATIENCE):
            while self._granted < wish:
                await self._progress.wait()

    # ---- how

    async def _make_all(self) -> None:
        """See to all wishes that there are now."""
        wished, plan, now = self._wished, self._plan, self._clock.now()
        periodic = self._is_due()
        failed = False
        if plan is not None:
            self._due = now + plan.renew_period
            try:
                await self._prepare(now, every_row=periodic)
            except HearthError as error:
                log.warning("the revocations of the database could not be read: %s", error)
                failed = True
            for key in plan.issuers.all:
                failed |= not await self._tried(key, plan)
            if failed:
                self._due = now + min(_AGAIN, plan.renew_period)
        self._granted = wished
        self._progress.set()
        self._progress = trio.Event()

    async def _prepare(self, now: datetime, *, every_row: bool) -> None:
        """Take over what was published before, and what others have revoked in the database."""
        if not self._loaded:
            for issuer, digits in await self._store.scan(NUMBERS):
                self._numbers[issuer] = int(digits)
            for key, value in await self._store.scan(LISTS):
                if key == _FIRST:
                    await self._take_over(value, now)
            self._loaded = True
        if every_row and (added := await revoked_rows.complete(self._store)):
            log.info("%d revocations of the database are listed from now on", added)

    async def _take_over(self, row: bytes, now: datetime) -> None:
        """Go on from the list in the database, whoever made it."""
        number, found = await trio.to_thread.run_sync(read_row, row)
        if number is None:
            log.warning("the last revocation list in the database cannot be read")
            number = _above_all(now)
        self._first_number = number
        if found is not None:
            issuer, published = found
            self._published.setdefault(issuer, published)

    async def _tried(self, key: IssuingKey, plan: CrlPlan) -> bool:
        """Make a list, or say why not."""
        if not self._loaded:
            return False  # its number is not known
        try:
            self._gate.check_time()
            await self._make(key, plan)
        except HearthError as error:
            which = f"the revocation list of '{key.name}'" if key.name else "the revocation list"
            log.warning("%s could not be made; the old one stays: %s", which, error)
            return False
        return True

    async def _make(self, key: IssuingKey, plan: CrlPlan) -> None:
        """Make, record and serve one list."""
        now, issuer = self._clock.now().replace(microsecond=0), revoked_rows.issuer_tag(key.issuer)
        first = key is plan.issuers.first
        entries = await revoked_rows.joined(
            self._store, ending_after=now - KEPT, belongs=_belongs(key, plan.issuers)
        )
        draft = ListDraft(
            issuer=key.issuer,
            number=self._last_number(issuer, plan, now, first=first) + 1,
            this_update=now,
            next_update=now + plan.cache_duration,
            url=revocation_lists.url_of(plan.url, key.name, key.issuer),
            entries=entries,
        )
        prepared = await trio.to_thread.run_sync(revocation_lists.prepare, draft)
        signature = await key.signer.sign(prepared.to_be_signed, prepared.algorithm)
        made, row = await trio.to_thread.run_sync(
            _finished, prepared, signature, draft, plan.cache_duration
        )
        self._numbers[issuer] = made.number  # even if it is not known to be on disk
        if first:
            self._first_number = made.number
        number = Put(NUMBERS, issuer, b"%d" % made.number)
        await self._store.commit([number, *([Put(LISTS, _FIRST, row)] if first else ())])
        self._published[issuer] = made

    def _last_number(self, issuer: bytes, plan: CrlPlan, now: datetime, *, first: bool) -> int:
        known = max(self._numbers.get(issuer, -1), self._first_number if first else -1)
        return _above_all(now) if known < 0 and plan.follows_unknown else known


def _above_all(now: datetime) -> int:
    """Give more than was ever counted: no list was made each second since 1970."""
    return int(now.timestamp())


def _places(issuers: Issuers) -> dict[str, bytes]:
    """Say by what the list of each issuer is asked for."""
    found: dict[str, bytes] = {}
    for key in issuers.all:
        issuer = revoked_rows.issuer_tag(key.issuer)
        found.setdefault(key.name, issuer)
        found.setdefault(revocation_lists.key_name(key.issuer), issuer)
    return found


def _belongs(key: IssuingKey, issuers: Issuers) -> Callable[[bytes], bool]:
    """Say whose certificates are on a key's list: the first one has all that no other has."""
    mine = revoked_rows.issuer_tag(key.issuer)
    if key is not issuers.first:
        return mine.__eq__
    others = {revoked_rows.issuer_tag(each.issuer) for each in issuers.all} - {mine}
    return lambda issuer: issuer not in others


def _finished(
    prepared: PreparedList, signature: bytes, draft: ListDraft, good_for: timedelta
) -> tuple[PublishedList, bytes]:
    """Verify and put together a list, and its row. Raises Broken."""
    der = revocation_lists.assemble(prepared, signature)
    row = _Row(
        number=draft.number,
        expires_at=records.go_time(draft.next_update),
        duration=good_for // _MICROSECOND * 1000,
        der=der,
    )
    published = PublishedList(
        number=draft.number,
        der=der,
        made_at=draft.this_update,
        expires_at=draft.next_update,
        tag=_tag(der),
    )
    return published, msgspec.json.encode(row)


def read_row(value: bytes) -> tuple[int | None, tuple[bytes, PublishedList] | None]:
    """Read a row as far as that goes: its number; whose list it is, and the list."""
    try:
        row = _decoder.decode(value)
    except msgspec.DecodeError:
        return None, None
    try:
        fields = crl.parse(row.der)
        expires_at = parse_time(row.expires_at)
    except FormatError:
        return row.number, None
    key_id = fields.extension(crl.AUTHORITY_KEY_ID)
    issuer = revoked_rows.tag(fields.issuer_raw, key_id.value if key_id else b"")
    return row.number, (
        issuer,
        PublishedList(
            number=row.number,
            der=row.der,
            made_at=fields.this_update,
            expires_at=expires_at,
            tag=_tag(row.der),
        ),
    )


def _tag(der: bytes) -> str:
    return sha256(der).hexdigest()[:32]
