"""The control socket's client: the Operator of a CA that runs in another process."""

import os
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, TypeVar, final

import trio

from appliance.model.activity import Activity
from appliance.model.alerts import AlertReport, Delivery, Mute
from appliance.model.errors import Broken, Forbidden, FormatError, Unavailable
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
from appliance.model.orders import RevokeOrder, SignOrder
from appliance.model.overview import Overview
from appliance.model.tokens import TokenStatus
from appliance.model.upkeep import ClockStatus, DatabaseStats, ScrubPart
from appliance.operator import calls, wire
from appliance.operator.box_callers import RemoteBox
from appliance.operator.calls import Call
from appliance.operator.endpoint import NAME, new_socket, peer_uid, short_directory
from appliance.operator.provisioning_callers import RemoteProvisioning

_ANSWER: Final = 90.0  # seconds; the server gives up earlier, and says so

T = TypeVar("T")


class NotListening(Unavailable):
    """No server is on the control socket."""


@final
class RemoteOperator(RemoteBox, RemoteProvisioning):
    """Operator, Issuance and Snapshots over a connection (operator.interface).

    One call at a time is on its way.
    """

    def __init__(self, stream: trio.SocketStream) -> None:
        self._stream = stream
        self._turn = trio.Lock()
        self._lost = False

    async def overview(self) -> Overview:
        """Give the state of the appliance now."""
        return await self._call(calls.OverviewCall(), Overview)

    async def events(self, after: int = 0) -> Sequence[NumberedEvent]:
        """Give the remembered events with a number above `after`, oldest first."""
        return await self._call(calls.EventsCall(after), list[NumberedEvent])

    async def certificates(self, query: CertificateQuery) -> CertificatePage:
        """Give one page of the inventory. Raises BadRequest."""
        return await self._call(calls.CertificatesCall(query), CertificatePage)

    async def certificate(
        self, serial: int, kind: CertificateKind = CertificateKind.X509
    ) -> CertificateDetail:
        """Give one certificate. Raises NotFound."""
        return await self._call(calls.CertificateCall(serial, kind), CertificateDetail)

    async def certificate_counts(self, kind: CertificateKind) -> CertificateCounts:
        """Count the certificates of a kind."""
        return await self._call(calls.CountsCall(kind), CertificateCounts)

    async def journal(self, query: JournalQuery) -> JournalPage:
        """Give entries of the journal."""
        return await self._call(calls.JournalCall(query), JournalPage)

    async def activity(self) -> Activity:
        """Give what was done in each of the last 24 hours."""
        return await self._call(calls.ActivityCall(), Activity)

    async def revoke_certificate(
        self, serial: int, kind: CertificateKind, *, reason_code: int = 0, reason: str = ""
    ) -> None:
        """Revoke a certificate. Raises NotFound, BadRequest, NotSupported."""
        call = calls.RevokeCertificateCall(serial, kind, reason_code, reason)
        await self._call(call, type(None))

    async def offers(self) -> Sequence[Offer]:
        """List the provisioners by which certificates can be issued here."""
        return await self._call(calls.OffersCall(), list[Offer])

    async def issue_certificate(self, order: CertificateOrder) -> Sequence[bytes]:
        """Issue an X.509 certificate."""
        return await self._call(calls.IssueCertificateCall(order), list[bytes])

    async def issue_ssh_certificate(self, order: SshOrder) -> SshMade:
        """Issue an SSH certificate."""
        return await self._call(calls.IssueSshCertificateCall(order), SshMade)

    async def external_keys(self, query: ExternalKeyQuery) -> ExternalKeyPage:
        """Give one page of a provisioner's keys for external account binding."""
        return await self._call(calls.ExternalKeysCall(query), ExternalKeyPage)

    async def add_external_key(self, order: ExternalKeyOrder) -> NewExternalKey:
        """Make such a key, and show its secret this once."""
        return await self._call(calls.AddExternalKeyCall(order), NewExternalKey)

    async def remove_external_key(
        self, provisioner: str, key_id: str, *, revoke_account: bool = False
    ) -> None:
        """Remove such a key."""
        call = calls.RemoveExternalKeyCall(provisioner, key_id, revoke_account)
        await self._call(call, type(None))

    async def tokens(self) -> Sequence[TokenStatus]:
        """Give the tokens as last seen."""
        return await self._call(calls.TokensCall(), list[TokenStatus])

    async def unlock_token(self, name: str, pin: str, *, last_try: bool = False) -> TokenStatus:
        """Open a token with its PIN. Raises Forbidden for a wrong one, Unavailable, NotFound."""
        return await self._call(calls.UnlockTokenCall(name, pin, last_try), TokenStatus)

    async def alerts(self) -> AlertReport:
        """Give what is wrong, and who is told of it."""
        return await self._call(calls.AlertsCall(), AlertReport)

    async def test_alerts(self, target: str = "") -> Sequence[Delivery]:
        """Send a test to a target, or to all. Raises NotFound, BadRequest."""
        return await self._call(calls.TestAlertsCall(target), list[Delivery])

    async def mute_alert(self, mute: Mute) -> None:
        """Do not tell of an alert or a rule for a while. Raises BadRequest."""
        await self._call(calls.MuteAlertCall(mute), type(None))

    async def unmute_alert(self, name: str) -> None:
        """Tell of it again. Raises NotFound."""
        await self._call(calls.UnmuteAlertCall(name), type(None))

    async def clock(self) -> ClockStatus:
        """Say how the clock is."""
        return await self._call(calls.ClockCall(), ClockStatus)

    async def confirm_clock(self) -> ClockStatus:
        """Take the time for right."""
        return await self._call(calls.ConfirmClockCall(), ClockStatus)

    async def database(self) -> DatabaseStats:
        """Say how large the database is. Raises NotSupported."""
        return await self._call(calls.DatabaseCall(), DatabaseStats)

    async def scrub_database(self, start: bytes = b"") -> ScrubPart:
        """Read a part of it with its checksums. Raises NotSupported, Broken."""
        return await self._call(calls.ScrubDatabaseCall(start), ScrubPart)

    async def compact_database(self) -> None:
        """Give back the room of what was removed. Raises NotSupported, Broken."""
        await self._call(calls.CompactDatabaseCall(), type(None))

    async def open_snapshot(self) -> int:
        """Take a snapshot of the database and give its number."""
        return await self._call(calls.OpenSnapshotCall(), int)

    async def read_snapshot(self, number: int) -> bytes:
        """Give its next rows, packed, or nothing at the end."""
        return await self._call(calls.ReadSnapshotCall(number), bytes)

    async def close_snapshot(self, number: int) -> None:
        """Let go of it."""
        await self._call(calls.CloseSnapshotCall(number), type(None))

    async def sign(self, order: SignOrder) -> Sequence[bytes]:
        """Issue what a one-time token allows."""
        return await self._call(calls.SignCall(order), list[bytes])

    async def renew(self, chain: Sequence[bytes]) -> Sequence[bytes]:
        """Issue a certificate again."""
        return await self._call(calls.RenewCall(list(chain)), list[bytes])

    async def renew_with_token(self, token: str) -> Sequence[bytes]:
        """Issue a certificate again to who signed a token with its key."""
        return await self._call(calls.RenewWithTokenCall(token), list[bytes])

    async def rekey(self, chain: Sequence[bytes], csr: bytes) -> Sequence[bytes]:
        """Issue a certificate again for the key of the CSR."""
        return await self._call(calls.RekeyCall(list(chain), csr), list[bytes])

    async def revoke(self, order: RevokeOrder, chain: Sequence[bytes] = ()) -> None:
        """Revoke by token, or by the certificate itself."""
        await self._call(calls.RevokeCall(order, list(chain)), type(None))

    async def _call(self, call: Call, kind: type[T]) -> T:
        """Ask and wait for the answer. Raises Unavailable when there is none, and never later."""
        async with self._turn:
            if self._lost:
                raise Unavailable("the connection to the server is lost")
            self._lost = True  # until the answer is here: a cancelled call leaves half a message
            try:
                with trio.fail_after(_ANSWER):
                    await wire.send(self._stream, wire.write_request(call))
                    message = await wire.receive(
                        self._stream, wire.LARGEST_RESPONSE, within=_ANSWER
                    )
            except trio.TooSlowError as error:
                raise Unavailable(
                    f"the server gave no answer within {_ANSWER:.0f} seconds"
                ) from error
            except trio.BrokenResourceError as error:
                raise Unavailable("the server has ended the connection") from error
            except FormatError as error:
                raise Broken("the server's answer cannot be read", detail=error.public) from error
            if message is None:
                raise Unavailable("the server has ended the connection")
            self._lost = False
        return wire.read_response(message, kind)


@asynccontextmanager
async def connected(directory: Path) -> AsyncIterator[RemoteOperator]:
    """Connect to the server whose database is in the directory.

    Raises NotListening, Forbidden for another user's server.
    """
    stream = trio.SocketStream(trio.socket.from_stdlib_socket(open_connection(directory)))
    async with stream:
        yield RemoteOperator(stream)


def open_connection(directory: Path) -> socket.socket:
    """Connect to the server whose database is in the directory; the socket never waits.

    Raises NotListening, Forbidden for another user's server, Unavailable.
    """
    made = new_socket()
    try:
        with short_directory(directory) as short:
            made.connect(str(short / NAME))
        uid = peer_uid(made)
    except (FileNotFoundError, NotADirectoryError, ConnectionRefusedError) as error:
        made.close()
        raise NotListening(f"no server listens on {directory / NAME}") from error
    except BlockingIOError as error:
        made.close()
        raise Unavailable(f"too many wait for the server on {directory / NAME}") from error
    except OSError as error:
        made.close()
        raise Forbidden(
            f"the control socket {directory / NAME} cannot be used: {error.strerror}; it is for "
            "the server's user and for root only"
        ) from error
    if os.geteuid() not in (0, uid) and uid != 0:
        made.close()
        raise Forbidden(f"the control socket {directory / NAME} is another user's")
    return made
