"""From a host to a connection: its addresses, tried one after the other.

Names are looked up as the system does it, or at the resolver that was named; there /etc/hosts comes
first, as everywhere. The system's look-ups block threads: they have threads of their own, so that
a resolver that hangs holds up nothing but look-ups.
"""

import contextlib
import errno
import functools
import itertools
import os
import socket
from pathlib import Path
from typing import Final, final

import trio

from appliance.formats import addresses
from appliance.ports.probes import Fault, ProbeFailed
from appliance.upstream.dns_probe import DnsClient
from appliance.upstream.trail import Trail

_MOST_ADDRESSES: Final = 6
_PATIENCE: Final = 3.0  # seconds for one address; the last has all the time that is left
_THREADS: Final = 64
_HOSTS: Final = Path("/etc/hosts")
_RECEIVED: Final = 1 << 16  # octets at a time
_LARGEST: Final = 1 << 20  # octets that are read of it


@final
class Connection(trio.abc.Stream):
    """A connection for one question; without what trio's own takes care of in those that last."""

    def __init__(self, endpoint: socket.socket) -> None:
        """Take over a connected socket that does not block."""
        self._socket = endpoint

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send it. Raises BrokenResourceError."""
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[self._socket.send(rest) :]
            except BlockingIOError:
                await trio.lowlevel.wait_writable(self._socket)
            except OSError as error:
                raise trio.BrokenResourceError from error

    async def wait_send_all_might_not_block(self) -> None:
        """Wait for room."""
        await trio.lowlevel.wait_writable(self._socket)

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """Give what there is; nothing at the end. Raises BrokenResourceError."""
        while True:
            await trio.lowlevel.wait_readable(self._socket)
            with contextlib.suppress(BlockingIOError):
                try:
                    return self._socket.recv(max_bytes or _RECEIVED)
                except ConnectionError as error:
                    raise trio.BrokenResourceError from error

    def close(self) -> None:
        """Let go of it at once: there is nobody to take leave of."""
        if self._socket.fileno() >= 0:
            trio.lowlevel.notify_closing(self._socket)
            self._socket.close()

    async def aclose(self) -> None:
        """Let go of it."""
        self.close()
        await trio.lowlevel.checkpoint()


class Connecting:
    """Connects to hosts by name or address."""

    def __init__(self, resolver: DnsClient | None = None, *, fully_qualified: bool = False) -> None:
        """Look names up at the resolver, not as the system does; `fully_qualified`: as they are."""
        self._resolver, self._fully_qualified = resolver, fully_qualified
        self._threads = trio.CapacityLimiter(_THREADS)

    async def connect(self, host: str, port: int, trail: Trail) -> Connection:
        """Give a connection to the first address that takes it. Raises ProbeFailed."""
        addresses = [host] if is_address(host) else await self._addresses(host, trail)
        *others, last_one = addresses
        for address in others:
            with trio.move_on_after(_PATIENCE):
                if stream := await _tried(address, port, trail):
                    return stream
            trail.end("no answer")
        if stream := await _tried(last_one, port, trail):
            return stream
        last = trail.tried[-1]
        where = last.what if len(addresses) == 1 else f"any of {len(addresses)} addresses"
        raise trail.failure(
            f"could not connect to {host} at {where}: {last.outcome}", Fault.CONNECTION
        )

    async def _addresses(self, host: str, trail: Trail) -> list[str]:
        """Look a name up; IPv6 and IPv4 take turns. Raises ProbeFailed."""
        trail.begin(f"addresses of {host}")
        if self._resolver is not None:
            found = await trio.to_thread.run_sync(_in_hosts, host, limiter=self._threads)
            found = found or await _asked(self._resolver, host, trail)
        else:
            found = await self._looked_up(host, trail)
        if not found:
            raise trail.failure(f"the name {host} has no address", Fault.DNS)
        trail.end(", ".join(found))
        six = [each for each in found if ":" in each]
        four = [each for each in found if ":" not in each]
        first, second = (six, four) if ":" in found[0] else (four, six)
        turns = itertools.chain.from_iterable(itertools.zip_longest(first, second))
        return [each for each in turns if each is not None][:_MOST_ADDRESSES]

    async def _looked_up(self, host: str, trail: Trail) -> tuple[str, ...]:
        name = f"{host.removesuffix('.')}." if self._fully_qualified else host
        ask = functools.partial(socket.getaddrinfo, name, None, type=socket.SOCK_STREAM)
        try:
            found = await trio.to_thread.run_sync(
                ask, limiter=self._threads, abandon_on_cancel=True
            )
        except (OSError, UnicodeError) as error:
            reason = getattr(error, "strerror", None) or "this is no name"
            raise trail.failure(
                f"the name {host} could not be looked up: {reason}", Fault.DNS
            ) from None
        return tuple(dict.fromkeys(str(each[4][0]) for each in found))


async def _asked(resolver: DnsClient, host: str, trail: Trail) -> tuple[str, ...]:
    try:
        return await resolver.addresses(host)
    except ProbeFailed as failure:
        raise trail.failure(failure.public, failure.fault) from failure


async def _tried(address: str, port: int, trail: Trail) -> Connection | None:
    """Give a connection to an address; None where it takes none."""
    trail.begin(f"{address} port {port}")
    try:
        stream = await _connected(address, port)
    except OSError as error:
        trail.end(os.strerror(error.errno) if error.errno else str(error))
        return None
    trail.end("connected")
    return stream


async def _connected(address: str, port: int) -> Connection:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    endpoint = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        endpoint.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await _establish(endpoint, (address, port))
    except BaseException:
        endpoint.close()
        raise
    return Connection(endpoint)


async def _establish(endpoint: socket.socket, place: tuple[str, int]) -> None:
    problem = endpoint.connect_ex(place)
    if problem == errno.EINPROGRESS:  # to this machine it is there when it is asked for again
        problem = endpoint.connect_ex(place)
    if problem == errno.EALREADY:
        await trio.lowlevel.wait_writable(endpoint)
        problem = endpoint.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if problem:
        raise OSError(problem, os.strerror(problem))


@functools.lru_cache(maxsize=1000)
def is_address(host: str) -> bool:
    """Tell an IP address from a name."""
    try:
        addresses.parse(host)
    except ValueError:
        return False
    return True


def _in_hosts(name: str) -> tuple[str, ...]:
    """Give the addresses that the system's table of hosts has for a name."""
    wanted, found = name.removesuffix(".").lower(), []
    try:
        with _HOSTS.open("rb") as file:
            text = file.read(_LARGEST).decode("utf-8", "replace")
    except OSError:
        return ()
    for line in text.splitlines():
        address, *names = line.partition("#")[0].split() or [""]
        if wanted in map(str.lower, names) and is_address(address):
            found.append(address)
    return tuple(dict.fromkeys(found))
