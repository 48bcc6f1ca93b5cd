"""Records asked of the system's resolvers, or of the one that was named.

/etc/resolv.conf is read for each question, since networks come and go. An answer that did not fit
into a datagram is asked for again over TCP. An alias whose end is not in the answer, as a server
that is no resolver gives it, is followed here.
"""

import ipaddress
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Final

import trio

from appliance.model.caa import CaaRecord
from appliance.model.errors import FormatError
from appliance.ports.probes import Texts

if TYPE_CHECKING:
    from appliance.upstream.dns_questions import Questions

_TIMEOUT: Final = 10.0  # seconds for one question, all servers and repetitions together
_PORT: Final = 53


class DnsClient:
    """The port's driver; the other probes ask it for addresses where a resolver is named.

    dnspython is loaded with the first question: many CAs never ask one.
    """

    def __init__(
        self,
        server: tuple[str, int] | None = None,
        *,
        fully_qualified: bool = False,
        timeout: float = _TIMEOUT,
    ) -> None:
        """Ask this server (address, port) alone, not the system's.

        With `fully_qualified`, the system's list of domains to search is left out.
        """
        self._server, self._timeout = server, timeout
        self._fully_qualified = fully_qualified
        self._questions: Questions | None = None

    async def texts(self, name: str) -> Texts:
        """Give the TXT records. Raises ProbeFailed."""
        return await (await self._loaded()).texts(name)

    async def authorizations(self, name: str) -> tuple[CaaRecord, ...]:
        """Give the CAA records. Raises ProbeFailed."""
        return await (await self._loaded()).authorizations(name)

    async def addresses(self, name: str) -> tuple[str, ...]:
        """Give the IPv6 and IPv4 addresses of a name. Raises ProbeFailed."""
        return await (await self._loaded()).addresses(name)

    async def _loaded(self) -> "Questions":
        if self._questions is None:
            found = await trio.to_thread.run_sync(import_module, "appliance.upstream.dns_questions")
            self._questions = found.Questions(
                self._server, fully_qualified=self._fully_qualified, timeout=self._timeout
            )
        return self._questions


def server_address(text: str, look_up: Callable[[str], str] = str) -> tuple[str, int]:
    """Read the address of a resolver: `192.168.1.1:53`, `[fd00::1]:53`, the port left out or not.

    A host name is given to `look_up`. Raises FormatError.
    """
    host, port = text, str(_PORT)
    if not _is_address(text):
        head, colon, tail = text.rpartition(":")
        host, port = (head, tail) if colon else (text, str(_PORT))
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isdecimal() or not 0 < int(port) < 1 << 16:
        raise FormatError(f"'{text}' is not the address of a resolver, such as 192.168.1.1:53")
    address = host if _is_address(host) else look_up(host)
    if not _is_address(address):
        raise FormatError(f"'{text}' is not the address of a resolver, such as 192.168.1.1:53")
    return address, int(port)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
