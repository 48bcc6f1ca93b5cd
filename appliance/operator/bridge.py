"""Calls from the console's asyncio thread into the server's Trio thread.

The server never waits for the console: a call is one task in a nursery of its own, its outcome is
posted back, and a caller that is cancelled cancels it. What the server has to tell meanwhile
waits in the ring of events until it is asked for.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from typing import Final, TypeVar, TypeVarTuple

import trio

from appliance.model.activity import Activity
from appliance.model.alerts import AlertReport, Delivery, Mute
from appliance.model.errors import Unavailable
from appliance.model.events import NumberedEvent
from appliance.model.external_keys import (
    ExternalKeyOrder,
    ExternalKeyPage,
    ExternalKeyQuery,
    NewExternalKey,
)
from appliance.model.inventory import (
    CertificateCounts,
    CertificateDetail,
    CertificateKind,
    CertificatePage,
    CertificateQuery,
)
from appliance.model.issuing import CertificateOrder, Offer, SshMade, SshOrder
from appliance.model.journal import JournalPage, JournalQuery
from appliance.model.overview import Overview
from appliance.model.tokens import TokenStatus
from appliance.model.upkeep import ClockStatus, DatabaseStats, ScrubPart
from appliance.operator.box import Box
from appliance.operator.box_callers import PassedBox
from appliance.operator.interface import Operator
from appliance.operator.provisioning import Provisioning
from appliance.operator.provisioning_callers import PassedProvisioning

Result = TypeVar("Result")
Arguments = TypeVarTuple("Arguments")

_STOPPED: Final = "the server has stopped"


class Bridge:
    """The way into one nursery of a Trio thread; calls are made as who made the bridge."""

    def __init__(self, nursery: trio.Nursery, token: trio.lowlevel.TrioToken) -> None:
        self._nursery = nursery
        self._token = token
        self._context = copy_context()

    async def call(
        self, function: Callable[[*Arguments], Awaitable[Result]], *arguments: *Arguments
    ) -> Result:
        """Run an async function in the server and give its result, or raise its exception.

        Awaited on asyncio. Cancelling it cancels the function. Raises Unavailable when the server
        has stopped, or stops before there is a result.
        """
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Result] = loop.create_future()
        scope = trio.CancelScope()

        async def run() -> None:
            outcome: Callable[[], None] = stopped
            try:
                with scope:
                    outcome = _settling(answer, await function(*arguments))
            except Exception as error:  # noqa: BLE001 - it belongs to the caller, whatever it is
                outcome = _failing(answer, error)
            finally:
                post(outcome)

        def start() -> None:
            try:
                self._context.run(self._nursery.start_soon, run)
            except RuntimeError:  # the nursery is closed: the server is on its way out
                post(stopped)

        def post(outcome: Callable[[], None]) -> None:
            with suppress(RuntimeError):  # the console's loop is gone, nobody waits
                loop.call_soon_threadsafe(outcome)

        stopped = _failing(answer, Unavailable(_STOPPED))
        self._soon(start)
        try:
            return await answer
        except asyncio.CancelledError:
            with suppress(Unavailable):
                self._soon(scope.cancel)
            raise

    def _soon(self, function: Callable[[], object]) -> None:
        """Run it in the server's thread, soon. Raises Unavailable when that has ended."""
        try:
            self._token.run_sync_soon(function)
        except trio.RunFinishedError as error:
            raise Unavailable(_STOPPED) from error


def _settling(answer: asyncio.Future[Result], result: Result) -> Callable[[], None]:
    def settle() -> None:
        if not answer.done():
            answer.set_result(result)

    return settle


def _failing(answer: asyncio.Future[Result], error: Exception) -> Callable[[], None]:
    def settle() -> None:
        if not answer.done():
            answer.set_exception(error)

    return settle


class BridgedOperator(PassedBox, PassedProvisioning):
    """The Operator of the server as the console's thread sees it."""

    def __init__(self, bridge: Bridge, operator: Operator) -> None:
        self._bridge = bridge
        self._operator = operator

    @property
    def _box(self) -> Box:
        return self._operator

    @property
    def _provisioning(self) -> Provisioning:
        return self._operator

    async def _run(
        self, function: Callable[[*Arguments], Awaitable[Result]], *arguments: *Arguments
    ) -> Result:
        return await self._bridge.call(function, *arguments)

    async def overview(self) -> Overview:
        """Give the state of the appliance now."""
        return await self._bridge.call(self._operator.overview)

    async def events(self, after: int = 0) -> Sequence[NumberedEvent]:
        """Give the remembered events with a number above `after`, oldest first."""
        return await self._bridge.call(self._operator.events, after)

    async def certificates(self, query: CertificateQuery) -> CertificatePage:
        """Give one page of the inventory. Raises BadRequest for a cursor that is not ours."""
        return await self._bridge.call(self._operator.certificates, query)

    async def certificate(
        self, serial: int, kind: CertificateKind = CertificateKind.X509
    ) -> CertificateDetail:
        """Give one certificate. Raises NotFound."""
        return await self._bridge.call(self._operator.certificate, serial, kind)

    async def certificate_counts(self, kind: CertificateKind) -> CertificateCounts:
        """Count the certificates of a kind."""
        return await self._bridge.call(self._operator.certificate_counts, kind)

    async def journal(self, query: JournalQuery) -> JournalPage:
        """Give entries of the journal."""
        return await self._bridge.call(self._operator.journal, query)

    async def activity(self) -> Activity:
        """Give what was done in each of the last 24 hours."""
        return await self._bridge.call(self._operator.activity)

    async def revoke_certificate(
        self, serial: int, kind: CertificateKind, *, reason_code: int = 0, reason: str = ""
    ) -> None:
        """Revoke a certificate. Raises NotFound, BadRequest, NotSupported."""
        revoke = partial(self._operator.revoke_certificate, reason_code=reason_code, reason=reason)
        await self._bridge.call(revoke, serial, kind)

    async def offers(self) -> Sequence[Offer]:
        """List the provisioners by which certificates can be issued here."""
        return await self._bridge.call(self._operator.offers)

    async def issue_certificate(self, order: CertificateOrder) -> Sequence[bytes]:
        """Issue an X.509 certificate."""
        return await self._bridge.call(self._operator.issue_certificate, order)

    async def issue_ssh_certificate(self, order: SshOrder) -> SshMade:
        """Issue an SSH certificate."""
        return await self._bridge.call(self._operator.issue_ssh_certificate, order)

    async def external_keys(self, query: ExternalKeyQuery) -> ExternalKeyPage:
        """Give one page of a provisioner's keys for external account binding."""
        return await self._bridge.call(self._operator.external_keys, query)

    async def add_external_key(self, order: ExternalKeyOrder) -> NewExternalKey:
        """Make such a key, and show its secret this once."""
        return await self._bridge.call(self._operator.add_external_key, order)

    async def remove_external_key(
        self, provisioner: str, key_id: str, *, revoke_account: bool = False
    ) -> None:
        """Remove such a key."""
        remove = partial(self._operator.remove_external_key, revoke_account=revoke_account)
        await self._bridge.call(remove, provisioner, key_id)

    async def tokens(self) -> Sequence[TokenStatus]:
        """Give the tokens as last seen."""
        return await self._bridge.call(self._operator.tokens)

    async def unlock_token(self, name: str, pin: str, *, last_try: bool = False) -> TokenStatus:
        """Open a token with its PIN. Raises Forbidden for a wrong one, Unavailable, NotFound."""
        unlock = partial(self._operator.unlock_token, last_try=last_try)
        return await self._bridge.call(unlock, name, pin)

    async def alerts(self) -> AlertReport:
        """Give what is wrong, and who is told of it."""
        return await self._bridge.call(self._operator.alerts)

    async def test_alerts(self, target: str = "") -> Sequence[Delivery]:
        """Send a test to a target, or to all."""
        return await self._bridge.call(self._operator.test_alerts, target)

    async def mute_alert(self, mute: Mute) -> None:
        """Do not tell of an alert or a rule for a while."""
        await self._bridge.call(self._operator.mute_alert, mute)

    async def unmute_alert(self, name: str) -> None:
        """Tell of it again."""
        await self._bridge.call(self._operator.unmute_alert, name)

    async def clock(self) -> ClockStatus:
        """Say how the clock is."""
        return await self._bridge.call(self._operator.clock)

    async def confirm_clock(self) -> ClockStatus:
        """Take the time for right."""
        return await self._bridge.call(self._operator.confirm_clock)

    async def database(self) -> DatabaseStats:
        """Say how large the database is."""
        return await self._bridge.call(self._operator.database)

    async def scrub_database(self, start: bytes = b"") -> ScrubPart:
        """Read a part of it with its checksums."""
        return await self._bridge.call(self._operator.scrub_database, start)

    async def compact_database(self) -> None:
        """Give back the room of what was removed."""
        await self._bridge.call(self._operator.compact_database)
