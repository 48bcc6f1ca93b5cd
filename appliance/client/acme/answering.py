"""Answering a CA's challenges: a small web server for the time being, or a file in another's."""

import re
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

import h11
import trio

from appliance.model.acme import ChallengeType
from appliance.model.errors import BadRequest, Unavailable

PATH: Final = "/.well-known/acme-challenge/"  # RFC 8555 section 8.3
_LISTEN: Final = re.compile(r"(?P<host>\[[0-9A-Fa-f:.%\w]+\]|[^\[\]:]*):(?P<port>[0-9]{1,5})")
_TIMEOUT: Final = 15.0  # seconds that a request may take
_CHUNK: Final = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What is to be shown for one name. `authorization` is the key authorization (8.1).

    `label` is the account's own, where the challenge is dns-account-01.
    """

    name: str
    token: str
    authorization: str
    label: str = ""


class Answering(Protocol):
    """A way to show proofs. `ready` lasts while there is something to be shown."""

    @property
    def challenge(self) -> ChallengeType:
        """The type of challenge that it answers."""
        ...

    def describe(self, name: str) -> str:
        """Say in a line what happens for a name."""
        ...

    def ready(self) -> AbstractAsyncContextManager[None]:
        """Open what has to be open. Raises Unavailable, BadRequest."""
        ...

    async def show(self, proof: Proof) -> None:
        """Show a proof until `withdraw`. Raises BadRequest, Unavailable."""
        ...

    async def withdraw(self, proof: Proof) -> None:
        """Show it no more; what is gone already is no failure."""
        ...


@dataclass(slots=True)
class Standalone:
    """http-01 by a web server of our own. `listen` is [host]:port; all addresses without a host."""

    listen: str = ":80"
    _shown: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Read the address. Raises BadRequest."""
        _address(self.listen)

    @property
    def challenge(self) -> ChallengeType:
        """See Answering."""
        return ChallengeType.HTTP_01

    def describe(self, name: str) -> str:
        """See Answering."""
        return f"Using Standalone Mode HTTP challenge to validate {name}"

    @asynccontextmanager
    async def ready(self) -> AsyncGenerator[None, None]:
        """Listen. Raises Unavailable."""
        async with listening(self.listen, self._serve):
            yield

    async def show(self, proof: Proof) -> None:
        """See Answering."""
        self._shown[PATH + proof.token] = proof.authorization

    async def withdraw(self, proof: Proof) -> None:
        """See Answering."""
        self._shown.pop(PATH + proof.token, None)

    async def _serve(self, stream: trio.SocketStream) -> None:
        """Answer one request, and close."""
        with trio.move_on_after(_TIMEOUT):
            connection = h11.Connection(h11.SERVER)
            try:
                request = await _request(stream, connection)
                if request is not None:
                    target = request.target.decode("ascii", "replace").partition("?")[0]
                    await _respond(stream, connection, self._shown.get(target))
            except (h11.ProtocolError, trio.BrokenResourceError, trio.ClosedResourceError):
                pass  # whoever that was, it was no CA
        await trio.aclose_forcefully(stream)


@dataclass(frozen=True, slots=True)
class Webroot:
    """http-01 by a file below the directory that another web server serves.

    It and its directories can be read by everybody: that server may be another user's.
    """

    directory: str

    @property
    def challenge(self) -> ChallengeType:
        """See Answering."""
        return ChallengeType.HTTP_01

    def describe(self, name: str) -> str:
        """See Answering."""
        return f"Using Webroot Mode HTTP challenge to validate {name}"

    @asynccontextmanager
    async def ready(self) -> AsyncGenerator[None, None]:
        """See that the directory is there. Raises BadRequest."""
        if not await trio.Path(self.directory).is_dir():
            raise BadRequest(f"webroot directory {self.directory} does not exist")
        yield

    async def show(self, proof: Proof) -> None:
        """Write the file. Raises BadRequest."""
        file = self._file(proof)
        try:
            for parent in (file.parent.parent, file.parent):
                if not parent.is_dir():
                    parent.mkdir()
                    parent.chmod(0o755)
            file.write_text(proof.authorization)
            file.chmod(0o644)
        except OSError as error:
            raise BadRequest(
                f"error writing key authorization file {file}: {(error.strerror or '').lower()}"
            ) from error

    async def withdraw(self, proof: Proof) -> None:
        """Remove the file; the directories stay, as others use them."""
        try:
            self._file(proof).unlink(missing_ok=True)
        except OSError as error:
            raise BadRequest(
                f"error removing ACME challenge file {self._file(proof)}: "
                f"{(error.strerror or '').lower()}"
            ) from error

    def _file(self, proof: Proof) -> Path:
        return Path(self.directory) / PATH.strip("/") / proof.token


@asynccontextmanager
async def listening(
    listen: str, serve: Callable[[trio.SocketStream], Awaitable[None]]
) -> AsyncGenerator[None, None]:
    """Accept connections while the block runs. Raises BadRequest, Unavailable."""
    host, port = _address(listen)
    try:
        listeners = await trio.open_tcp_listeners(port, host=host or None)
    except OSError as error:
        raise Unavailable(
            f"cannot listen on {listen} for the CA's validation: "
            f"{(error.strerror or str(error)).lower()}; listen elsewhere with --http-listen behind "
            "a proxy that sends requests on, or let the web server that is there answer: --webroot"
        ) from error
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.serve_listeners, serve, listeners)
            try:
                yield
            finally:
                nursery.cancel_scope.cancel()
    except BaseExceptionGroup as group:
        if len(group.exceptions) == 1:
            raise group.exceptions[0] from None
        raise


def _address(listen: str) -> tuple[str, int]:
    match = _LISTEN.fullmatch(listen)
    if match is None or int(match["port"]) >= 2**16:
        raise BadRequest(
            f"invalid value '{listen}' for flag '--http-listen'; write it as host:port or :port"
        )
    return match["host"].strip("[]"), int(match["port"])


async def _request(stream: trio.SocketStream, connection: h11.Connection) -> h11.Request | None:
    """Read a request to its end; None where there is none."""
    found: h11.Request | None = None
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await stream.receive_some(_CHUNK))
        elif isinstance(event, h11.Request):
            found = event
        elif isinstance(event, h11.EndOfMessage):
            return found
        elif not isinstance(event, h11.Data):
            return None


async def _respond(
    stream: trio.SocketStream, connection: h11.Connection, shown: str | None
) -> None:
    content = b"there is nothing here\n" if shown is None else shown.encode()
    head = h11.Response(
        status_code=404 if shown is None else 200,
        headers=[
            ("Content-Type", "application/octet-stream"),
            ("Content-Length", str(len(content))),
            ("Connection", "close"),
        ],
    )
    for event in (head, h11.Data(data=content), h11.EndOfMessage()):
        await stream.send_all(connection.send(event) or b"")
