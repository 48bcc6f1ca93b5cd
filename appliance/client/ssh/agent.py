"""The SSH agent that SSH_AUTH_SOCK names: what it holds, and putting certificates into it."""

import os
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Final, TypeAlias, final

import trio

from appliance.formats.keys import PrivateKey
from appliance.formats.ssh import agent as messages
from appliance.formats.ssh import wire
from appliance.formats.ssh.agent import AgentKey
from appliance.formats.ssh.certificate import FOREVER, SshCertificate
from appliance.formats.ssh.keys import SshPublicKey
from appliance.model.errors import BadRequest, Broken, FormatError, Unavailable

_TIMEOUT: Final = 120.0  # seconds of one exchange: some agents ask their person first
_CHUNK: Final = 64 << 10

KeyTest: TypeAlias = Callable[[AgentKey], bool]


@final
class Agent:
    """One connection to an agent. Every method raises Unavailable or Broken when it fails."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self._stream = stream

    async def keys(self) -> tuple[AgentKey, ...]:
        """Give everything that it holds."""
        answer = await self._ask(messages.LIST)
        try:
            return messages.read_keys(answer)
        except FormatError as error:
            raise Broken(f"the SSH agent's answer cannot be read: {error.public}") from error

    async def add(
        self, key: PrivateKey, certified: SshCertificate, comment: str, now: datetime
    ) -> None:
        """Let it hold a certificate and its key until the certificate ends.

        Raises BadRequest when it has ended already.
        """
        lifetime = None
        if certified.valid_before != FOREVER:
            lifetime = certified.valid_before - int(now.timestamp())
            if lifetime <= 0:
                raise BadRequest("the certificate is expired, and not for the SSH agent any more")
        await self._do(messages.add_certificate(key, certified, comment, lifetime), "add the key")

    async def remove(self, key: AgentKey) -> None:
        """Let it forget a key."""
        await self._do(messages.remove(key), "remove the key")

    async def remove_all(self) -> None:
        """Let it forget everything."""
        await self._do(messages.REMOVE_ALL, "remove its keys")

    async def _do(self, message: bytes, what: str) -> None:
        if not messages.is_success(await self._ask(message)):
            raise Unavailable(f"the SSH agent refused to {what}; is it locked?")

    async def _ask(self, message: bytes) -> bytes:
        try:
            with trio.fail_after(_TIMEOUT):
                await self._stream.send_all(wire.string(message))
                size = int.from_bytes(await self._receive(4))
                if size > messages.LARGEST:
                    raise Broken("the SSH agent's answer is too large")
                return await self._receive(size)
        except trio.TooSlowError:
            raise Unavailable(f"the SSH agent does not answer within {_TIMEOUT:g} s") from None
        except (trio.BrokenResourceError, OSError) as error:
            raise Unavailable("the SSH agent ended the connection") from error

    async def _receive(self, count: int) -> bytes:
        received = bytearray()
        while len(received) < count:
            octets = await self._stream.receive_some(min(count - len(received), _CHUNK))
            if not octets:
                raise Unavailable("the SSH agent ended the connection")
            received += octets
        return bytes(received)


@asynccontextmanager
async def open_agent(socket: str) -> AsyncIterator[Agent]:
    """Connect to the agent behind a Unix socket. Raises Unavailable."""
    if not socket:
        raise Unavailable(
            "error connecting with ssh-agent: SSH_AUTH_SOCK is not set; start one, for example "
            'with: eval "$(ssh-agent)"'
        )
    try:
        stream = await trio.open_unix_socket(socket)
    except (OSError, ValueError) as error:
        reason = os.strerror(error.errno or 0).lower() if isinstance(error, OSError) else error
        raise Unavailable(f"error connecting with ssh-agent: {socket}: {reason}") from error
    async with stream:
        yield Agent(stream)


def is_certificate(key: AgentKey) -> bool:
    """Take certificates alone."""
    return key.certificate is not None


def signed_by(authorities: Iterable[SshPublicKey]) -> KeyTest:
    """Take certificates that name one of these keys as the one that signed them."""
    blobs = {authority.blob for authority in authorities}

    def test(key: AgentKey) -> bool:
        held = key.certificate
        return held is not None and held.signature_key.blob in blobs

    return test


def is_expired(key: AgentKey, now: datetime) -> bool:
    """Say whether it is a certificate that has ended."""
    held = key.certificate
    return held is not None and held.valid_before <= int(now.timestamp())
