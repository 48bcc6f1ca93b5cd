"""The control socket's server: the Operator and what `--offline` asks for.

It is for processes of the same user and for root, who could do all of it with the CA's files.
"""

import logging
import os
import socket
import stat
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final, TypeAlias

import trio

from appliance.model.errors import (
    BadRequest,
    Broken,
    Forbidden,
    FormatError,
    HearthError,
    NotSupported,
    Unavailable,
)
from appliance.operator import wire
from appliance.operator.answering import answer
from appliance.operator.calls import ConsoleCall
from appliance.operator.endpoint import NAME, new_socket, peer_uid, short_directory
from appliance.operator.interface import Issuance, Operator, Snapshots
from appliance.operator.terminal_link import Consoles
from appliance.operator.who import WHO

log = logging.getLogger(__name__)

_BACKLOG: Final = 32
_MOST_CONNECTIONS: Final = 32
_IDLE: Final = 300.0  # seconds that a connection may say nothing
_RECEIVING: Final = 10.0  # from a request's first octet to its last
_ANSWERING: Final = 60.0
_SENDING: Final = 30.0

_Answer: TypeAlias = Callable[[bytes], Awaitable[tuple[bytes, ConsoleCall | None]]]
_Attach: TypeAlias = Callable[[ConsoleCall, trio.SocketStream], Awaitable[None]]


async def serve_control(
    operator: Operator,
    directory: Path,
    issuance: Issuance | None = None,
    snapshots: Snapshots | None = None,
    *,
    consoles: Consoles | None = None,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve on `hearth.sock` in the directory until cancelled, then remove it.

    Without an `issuance` it answers questions only, without `snapshots` none about all rows,
    without `consoles` no terminal can be attached.

    What a server that was killed left there is replaced. Raises Broken when the socket cannot be
    made, or another server is on it.
    """
    path = directory / NAME
    listening = _listen(directory)
    respond = partial(_respond, operator, issuance, snapshots)
    attach = partial(consoles.attach, operator) if consoles is not None else None
    identity = _identity(path)
    listener = trio.SocketListener(trio.socket.from_stdlib_socket(listening))
    room = trio.CapacityLimiter(_MOST_CONNECTIONS)
    try:
        task_status.started()
        await trio.serve_listeners(partial(_attend, respond, attach, room), [listener])
    finally:
        listening.close()
        if identity is not None and _identity(path) == identity:
            with suppress(OSError):
                path.unlink()


# ---- the socket


def _listen(directory: Path) -> socket.socket:
    """Listen under a name of our own, then take the known one: nobody sees it half made."""
    made = new_socket()
    try:
        with short_directory(directory) as short:
            _check_free(short / NAME, directory / NAME)
            passing = short / f"{NAME}.{os.getpid()}"
            passing.unlink(missing_ok=True)
            made.bind(str(passing))
            passing.chmod(0o600)
            made.listen(_BACKLOG)
            passing.replace(short / NAME)
    except OSError as error:
        made.close()
        raise Broken(
            f"the control socket {directory / NAME} cannot be made: {error.strerror or error}"
        ) from error
    except Broken:
        made.close()
        raise
    return made


def _check_free(short: Path, shown: Path) -> None:
    """Let a socket be replaced that nobody listens on, and nothing else. Raises Broken, OSError."""
    try:
        mode = short.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise Broken(f"{shown} is in the way: it is not a socket")
    with new_socket() as probe:
        try:
            probe.connect(str(short))
        except (ConnectionRefusedError, FileNotFoundError):
            return
        except BlockingIOError:
            pass  # its queue is full, so it has one
    raise Broken(f"another server listens on {shown}")


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.lstat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


# ---- connections


async def _attend(
    respond: _Answer,
    attach: _Attach | None,
    room: trio.CapacityLimiter,
    stream: trio.SocketStream,
) -> None:
    """Answer one connection; whatever is wrong with it ends it alone."""
    try:
        _check_peer(stream)
        try:
            room.acquire_nowait()
        except trio.WouldBlock:
            raise Unavailable(
                "too many connections to the control socket: end one of them"
            ) from None
        try:
            await _converse(respond, attach, stream)
        finally:
            room.release()
    except HearthError as error:
        await _send_last(stream, error)
    except (trio.BrokenResourceError, trio.TooSlowError, OSError) as error:
        log.debug("a connection to the control socket ended: %r", error)


def _check_peer(stream: trio.SocketStream) -> None:
    """Turn away other users, who cannot come here unless the socket's mode was changed."""
    descriptor = socket.socket(fileno=os.dup(stream.socket.fileno()))
    with descriptor:
        uid = peer_uid(descriptor)
    if uid not in (0, os.geteuid()):
        log.warning("user %d was turned away from the control socket", uid)
        raise Forbidden("the control socket is for the server's user and for root only")
    WHO.set(f"user {uid} by the control socket")


async def _converse(respond: _Answer, attach: _Attach | None, stream: trio.SocketStream) -> None:
    """Answer requests, one after the other, until the other side ends or is silent too long.

    A terminal that is attached has the connection from then on.
    """
    while True:
        with trio.move_on_after(_IDLE) as silence:
            message = await wire.receive(stream, wire.LARGEST_REQUEST, within=_RECEIVING)
        if silence.cancelled_caught or message is None:
            return
        response, console = await respond(message)
        if console is not None and attach is None:
            raise NotSupported("consoles cannot be attached to this server")
        with trio.fail_after(_SENDING):
            await wire.send(stream, response)
        if console is not None and attach is not None:
            await attach(console, stream)
            return


async def _respond(
    operator: Operator, issuance: Issuance | None, snapshots: Snapshots | None, message: bytes
) -> tuple[bytes, ConsoleCall | None]:
    """Carry out a request; give the response, and the call that makes the connection another's."""
    try:
        with trio.fail_after(_ANSWERING):
            call = wire.read_request(message)
            if isinstance(call, ConsoleCall):
                return wire.write_result(None), call
            return wire.write_result(await answer(operator, issuance, call, snapshots)), None
    except trio.TooSlowError:
        return wire.write_failure(Unavailable(f"no answer within {_ANSWERING:.0f} seconds")), None
    except HearthError as error:
        if error.detail:
            log.warning("control socket: %s", error)
        return wire.write_failure(error), None
    except Exception:
        log.exception("control socket: a request met a fault")
        failure = Broken("a fault in the server; its log has the details")
        return wire.write_failure(failure), None


async def _send_last(stream: trio.SocketStream, error: HearthError) -> None:
    """Say why the connection ends, to who is still there."""
    if isinstance(error, FormatError):
        error = BadRequest(error.public)
    with trio.move_on_after(_SENDING), suppress(trio.BrokenResourceError):
        await wire.send(stream, wire.write_failure(error))
