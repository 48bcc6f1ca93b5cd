"""The control socket's messages: JSON, each after its length in four octets, big-endian.

A request names a version, a method and its argument; the response to it, which comes before the
next request is read, has a result or a failure of our error family.

    {"version":1,"call":{"method":"certificate","serial":77}}
    {"result":{"summary":{…},"der":"…"}}
    {"failure":{"kind":"NotFound","message":"…"}}
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, TypeVar

import msgspec
import trio
from trio.abc import Stream

from appliance.model import errors
from appliance.model.errors import (
    BadRequest,
    Broken,
    FormatError,
    HearthError,
    Unavailable,
)
from appliance.operator.box_calls import JournalEventsCall
from appliance.operator.calls import (
    AddExternalKeyCall,
    Call,
    CertificatesCall,
    ConsoleCall,
    JournalCall,
    MuteAlertCall,
)

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
_call_decoder: msgspec.json.Decoder[Call | ConsoleCall] = msgspec.json.Decoder(Call | ConsoleCall)
_response_decoder = msgspec.json.Decoder(_Response)


# ---- requests


def write_request(call: Call | ConsoleCall) -> bytes:
    """Encode a call."""
    return msgspec.json.encode(_Request(VERSION, msgspec.Raw(msgspec.json.encode(call))))


def read_request(message: bytes) -> Call | ConsoleCall:
    """Decode a call. Raises BadRequest, also for another version than ours."""
    try:
        request = _request_decoder.decode(message)
        if request.version != VERSION:
            raise BadRequest(
                f"the server speaks version {VERSION} of the control protocol, not "
                f"{request.version}: is it older or newer than this command?"
            )
        call = _call_decoder.decode(request.call)
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadRequest(f"not a request of the control protocol: {error}") from error
    if any(each is not None and each.tzinfo is None for each in _times(call)):
        raise BadRequest("a time without a zone")
    return call


def _times(call: Call | ConsoleCall) -> Sequence[datetime | None]:
    match call:
        case CertificatesCall(query=query):
            return (
                query.expires_before,
                query.expires_after,
                query.issued_before,
                query.issued_after,
            )
        case JournalCall(query=asked) | JournalEventsCall(query=asked):
            return asked.since, asked.until
        case AddExternalKeyCall(order=order):
            return (order.not_after,)
        case MuteAlertCall(mute=mute):
            return (mute.until,)
        case _:
            return ()


# ---- responses


def write_result(result: object) -> bytes:
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
