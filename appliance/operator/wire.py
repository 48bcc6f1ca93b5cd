"""The control socket's messages: JSON, each after its length in four octets, big-endian.

A request names a version, a method and its argument; the response to it, which comes before the
next request is read, has a result or a failure of our error family.

    {"version":1,"call":{"method":"certificate","serial":77}}
    {"result":{"summary":{…},"der":"…"}}
    {"failure":{"kind":"NotFound","message":"…"}}
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, TypeAlias, TypeVar

import msgspec
import trio
from trio.abc import Stream

from appliance.model import errors
from appliance.model.activity import Activity
from appliance.model.alerts import AlertReport, Delivery
from appliance.model.errors import (
    BadRequest,
    Broken,
    FormatError,
    HearthError,
    NotSupported,
    Unavailable,
)
from appliance.model.events import NumberedEvent
from appliance.model.external_keys import ExternalKeyPage, NewExternalKey
from appliance.model.inventory import CertificateCounts, CertificateDetail, CertificatePage
from appliance.model.journal import JournalPage
from appliance.model.overview import Overview
from appliance.model.tokens import TokenStatus
from appliance.model.upkeep import ClockStatus, DatabaseStats, ScrubPart
from appliance.operator.calls import (
    ActivityCall,
    AddExternalKeyCall,
    AlertCall,
    AlertsCall,
    Call,
    CertificateCall,
    CertificatesCall,
    ClockCall,
    CloseSnapshotCall,
    CompactDatabaseCall,
    ConfirmClockCall,
    CountsCall,
    DatabaseCall,
    EventsCall,
    ExternalKeysCall,
    HistoryCall,
    JournalCall,
    KeyCall,
    MuteAlertCall,
    OpenSnapshotCall,
    Order,
    OverviewCall,
    Query,
    ReadSnapshotCall,
    RekeyCall,
    RemoveExternalKeyCall,
    RenewCall,
    RenewWithTokenCall,
    RevokeCall,
    RevokeCertificateCall,
    ScrubDatabaseCall,
    SignCall,
    SnapshotCall,
    TestAlertsCall,
    TokenCall,
    TokensCall,
    UnlockTokenCall,
    UnmuteAlertCall,
    UpkeepCall,
)
from appliance.operator.interface import Issuance, Operator, Snapshots

VERSION: Final = 1
LARGEST_REQUEST: Final = 64 << 10  # octets
LARGEST_RESPONSE: Final = 16 << 20
_LENGTH: Final = 4  # octets

_KINDS: Final[dict[str, type[HearthError]]] = {
    kind.__name__: kind
    for kind in (
        errors.BadRequest,
        errors.Unauthorized,
        errors.Forbidden,
        errors.NotFound,
        errors.NotSupported,
        errors.Unavailable,
        errors.Broken,
    )
}

T = TypeVar("T")


Result: TypeAlias = (
    Overview
    | Sequence[NumberedEvent]
    | CertificatePage
    | CertificateDetail
    | CertificateCounts
    | JournalPage
    | Activity
    | AlertReport
    | Sequence[Delivery]
    | ExternalKeyPage
    | NewExternalKey
    | Sequence[TokenStatus]
    | TokenStatus
    | ClockStatus
    | DatabaseStats
    | ScrubPart
    | Sequence[bytes]
    | bytes
    | int
    | None
)


class _Request(msgspec.Struct):
    version: int
    call: msgspec.Raw


class _Failure(msgspec.Struct):
    kind: str
    message: str
    retry_after: int = 0  # seconds, of Unavailable


class _Response(msgspec.Struct, omit_defaults=True):
    result: msgspec.Raw = msgspec.Raw()
    failure: _Failure | None = None


_request_decoder = msgspec.json.Decoder(_Request)
_call_decoder = msgspec.json.Decoder(Call)
_response_decoder = msgspec.json.Decoder(_Response)


# ---- requests


def write_request(call: Call) -> bytes:
    """Encode a call."""
    return msgspec.json.encode(_Request(VERSION, msgspec.Raw(msgspec.json.encode(call))))


def read_request(message: bytes) -> Call:
    """Decode a call. Raises BadRequest, also for another version than ours."""
    try:
        request = _request_decoder.decode(message)
        if request.version != VERSION:
            raise BadRequest(
                f"the server speaks version {VERSION} of the control protocol, not "
                f"{request.version}: is it older or newer than this command?"
            )
        call: Call = _call_decoder.decode(request.call)
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadRequest(f"not a request of the control protocol: {error}") from error
    if any(each is not None and each.tzinfo is None for each in _times(call)):
        raise BadRequest("a time without a zone")
    return call


def _times(call: Call) -> Sequence[datetime | None]:
    match call:
        case CertificatesCall(query=query):
            return (
                query.expires_before,
                query.expires_after,
                query.issued_before,
                query.issued_after,
            )
        case JournalCall(query=asked):
            return asked.since, asked.until
        case AddExternalKeyCall(order=order):
            return (order.not_after,)
        case MuteAlertCall(mute=mute):
            return (mute.until,)
        case _:
            return ()


async def answer(
    operator: Operator,
    issuance: Issuance | None,
    call: Call,
    snapshots: Snapshots | None = None,
) -> Result:
    """Carry out a call. Raises what the operator and the authority raise."""
    if isinstance(call, SnapshotCall | Order):
        return await _answer_beside(issuance, snapshots, call)
    if isinstance(call, KeyCall | TokenCall):
        return await _answer_about_keys(operator, call)
    if isinstance(call, HistoryCall):
        return await _answer_about_history(operator, call)
    if isinstance(call, AlertCall):
        return await _answer_about_alerts(operator, call)
    if isinstance(call, UpkeepCall):
        return await _answer_about_upkeep(operator, call)
    return await _answer_about_certificates(operator, call)


async def _answer_about_certificates(operator: Operator, call: Query) -> Result:
    match call:
        case OverviewCall():
            return await operator.overview()
        case EventsCall():
            return await operator.events(call.after)
        case CertificatesCall():
            return await operator.certificates(call.query)
        case CertificateCall():
            return await operator.certificate(call.serial, call.kind)
        case RevokeCertificateCall():
            await operator.revoke_certificate(
                call.serial, call.kind, reason_code=call.reason_code, reason=call.reason
            )
            return None


async def _answer_about_history(operator: Operator, call: HistoryCall) -> Result:
    match call:
        case CountsCall():
            return await operator.certificate_counts(call.kind)
        case JournalCall():
            return await operator.journal(call.query)
        case ActivityCall():
            return await operator.activity()


async def _answer_about_upkeep(operator: Operator, call: UpkeepCall) -> Result:
    match call:
        case ClockCall():
            return await operator.clock()
        case ConfirmClockCall():
            return await operator.confirm_clock()
        case DatabaseCall():
            return await operator.database()
        case ScrubDatabaseCall():
            return await operator.scrub_database(call.start)
        case CompactDatabaseCall():
            await operator.compact_database()
            return None


async def _answer_about_alerts(operator: Operator, call: AlertCall) -> Result:
    match call:
        case AlertsCall():
            return await operator.alerts()
        case TestAlertsCall():
            return await operator.test_alerts(call.target)
        case MuteAlertCall():
            await operator.mute_alert(call.mute)
            return None
        case UnmuteAlertCall():
            await operator.unmute_alert(call.name)
            return None


async def _answer_about_keys(operator: Operator, call: KeyCall | TokenCall) -> Result:
    match call:
        case TokensCall():
            return await operator.tokens()
        case UnlockTokenCall():
            return await operator.unlock_token(call.name, call.pin, last_try=call.last_try)
        case ExternalKeysCall():
            return await operator.external_keys(call.query)
        case AddExternalKeyCall():
            return await operator.add_external_key(call.order)
        case RemoveExternalKeyCall():
            await operator.remove_external_key(
                call.provisioner, call.key_id, revoke_account=call.revoke_account
            )
            return None


async def _answer_beside(
    issuance: Issuance | None, snapshots: Snapshots | None, call: SnapshotCall | Order
) -> Result:
    if isinstance(call, SnapshotCall):
        return await _answer_snapshot(snapshots, call)
    return await _carry_out(issuance, call)


async def _answer_snapshot(snapshots: Snapshots | None, call: SnapshotCall) -> Result:
    if snapshots is None:
        raise NotSupported("the server gives no snapshots of its database")
    match call:
        case OpenSnapshotCall():
            return await snapshots.open_snapshot()
        case ReadSnapshotCall():
            return await snapshots.read_snapshot(call.number)
        case CloseSnapshotCall():
            await snapshots.close_snapshot(call.number)
            return None


async def _carry_out(issuance: Issuance | None, order: Order) -> Sequence[bytes] | None:
    if issuance is None:
        raise NotSupported("the server takes no orders here")
    match order:
        case SignCall():
            return await issuance.sign(order.order)
        case RenewCall():
            return await issuance.renew(order.chain)
        case RenewWithTokenCall():
            return await issuance.renew_with_token(order.token)
        case RekeyCall():
            return await issuance.rekey(order.chain, order.csr)
        case RevokeCall():
            await issuance.revoke(order.order, order.chain)
            return None


# ---- responses


def write_result(result: Result) -> bytes:
    """Encode what a call gave."""
    message = msgspec.json.encode(_Response(result=msgspec.Raw(msgspec.json.encode(result))))
    if len(message) > LARGEST_RESPONSE:
        return write_failure(BadRequest("the answer is too long: ask for fewer at a time"))
    return message


def write_failure(error: HearthError) -> bytes:
    """Encode the public part of an error."""
    kind = next((name for name, kind in _KINDS.items() if isinstance(error, kind)), "Broken")
    retry_after = error.retry_after if isinstance(error, Unavailable) else 0
    failure = _Failure(kind=kind, message=error.public, retry_after=retry_after)
    return msgspec.json.encode(_Response(failure=failure))


def read_response(message: bytes, kind: type[T]) -> T:
    """Decode what a call gave, or raise what it raised. Raises Broken for anything else."""
    try:
        response = _response_decoder.decode(message)
        if response.failure is None:
            return msgspec.json.decode(response.result, type=kind)
    except msgspec.DecodeError as error:
        raise Broken("the server's answer cannot be read", detail=str(error)) from error
    raise _raised(response.failure)


def _raised(failure: _Failure) -> HearthError:
    kind = _KINDS.get(failure.kind, Broken)
    if kind is Unavailable:
        return Unavailable(failure.message, retry_after=failure.retry_after)
    return kind(failure.message)


# ---- frames


async def send(stream: Stream, message: bytes) -> None:
    """Send one message. Raises trio.BrokenResourceError."""
    await stream.send_all(len(message).to_bytes(_LENGTH) + message)


async def receive(stream: Stream, largest: int, *, within: float) -> bytes | None:
    """Receive one message of which the first octet came; None when the other side has ended.

    Raises FormatError for one that is too long or cut off, trio.TooSlowError when it takes longer
    than `within` seconds from its first octet, trio.BrokenResourceError.
    """
    received = bytearray(await stream.receive_some(_LENGTH))
    if not received:
        return None
    with trio.fail_after(within):
        await _fill(stream, received, _LENGTH)
        length = int.from_bytes(received)
        if length > largest:
            raise FormatError(f"a message of {length} octets, more than {largest}")
        received.clear()
        await _fill(stream, received, length)
    return bytes(received)


async def _fill(stream: Stream, received: bytearray, length: int) -> None:
    while len(received) < length:
        part = await stream.receive_some(length - len(received))
        if not part:
            raise FormatError("a message that ends too early")
        received += part
