"""How questions to DNS are asked, by dnspython (see upstream.dns_probe)."""

from typing import Final

import dns.asyncresolver
import dns.exception
import dns.name
import dns.resolver
import trio
from dns.rdatatype import RdataType
from dns.rdtypes.ANY.CAA import CAA
from dns.rdtypes.txtbase import TXTBase

from appliance.model.caa import CaaRecord
from appliance.ports.probes import Fault, ProbeFailed, Texts
from appliance.upstream.trail import Trail

_PATIENCE: Final = 3.0  # seconds for one server at a time
_MOST_ALIASES: Final = 8
_CRITICAL: Final = 0x80  # RFC 8659 4.1


class Questions:
    """Asks them."""

    def __init__(
        self,
        server: tuple[str, int] | None,
        *,
        fully_qualified: bool,
        timeout: float,
    ) -> None:
        """Ask this server (address, port) alone, not the system's.

        With `fully_qualified`, the system's list of domains to search is left out.
        """
        self._server, self._timeout = server, timeout
        self._search = not fully_qualified

    async def texts(self, name: str) -> Texts:
        """Give the TXT records. Raises ProbeFailed."""
        trail = Trail()
        answer = await self._asked(name, RdataType.TXT, trail)
        values = tuple(
            b"".join(each.strings).decode("utf-8", "replace")
            for each in answer.rrset or ()
            if isinstance(each, TXTBase)
        )
        shown = "; ".join(map(repr, values)) or "there is no such record"
        trail.end(f"{shown} (says {answer.nameserver})")
        return Texts(values=values, tried=trail.tried)

    async def authorizations(self, name: str) -> tuple[CaaRecord, ...]:
        """Give the CAA records. Raises ProbeFailed."""
        try:
            answer = await self._asked(name, RdataType.CAA, Trail())
        except _NoSuchName:
            return ()
        return tuple(
            CaaRecord(
                critical=bool(each.flags & _CRITICAL),
                tag=each.tag.decode("ascii", "replace").lower(),
                value=each.value.decode("utf-8", "replace"),
            )
            for each in answer.rrset or ()
            if isinstance(each, CAA)
        )

    async def addresses(self, name: str) -> tuple[str, ...]:
        """Give the IPv6 and IPv4 addresses of a name. Raises ProbeFailed."""
        found: dict[RdataType, tuple[str, ...]] = {}
        failures: list[ProbeFailed] = []

        async def ask(kind: RdataType) -> None:
            try:
                answer = await self._asked(name, kind, Trail())
            except ProbeFailed as failure:
                failures.append(failure)
            else:
                found[kind] = tuple(each.to_text() for each in answer.rrset or ())

        async with trio.open_nursery() as both:
            both.start_soon(ask, RdataType.AAAA)
            both.start_soon(ask, RdataType.A)
        addresses = (*found.get(RdataType.AAAA, ()), *found.get(RdataType.A, ()))
        if failures and not addresses:
            raise failures[0]
        return addresses

    async def _asked(self, name: str, kind: RdataType, trail: Trail) -> dns.resolver.Answer:
        trail.begin(f"{kind.name} records of {name}")
        try:
            with trio.fail_after(self._timeout):
                return await self._followed(name, kind, trail)
        except dns.resolver.NXDOMAIN:
            problem = f"the name {name} does not exist{self._of_servers()}"
            raise _NoSuchName(
                problem, fault=Fault.DNS, tried=trail.failure(problem, Fault.DNS).tried
            ) from None
        except (trio.TooSlowError, dns.exception.Timeout):
            problem = f"no resolver answered within {self._timeout:g} s{self._of_servers()}"
            raise trail.failure(f"{kind.name} records of {name}: {problem}", Fault.DNS) from None
        except (dns.exception.DNSException, OSError, EOFError) as error:
            problem = _reason(error)
            raise trail.failure(f"{kind.name} records of {name}: {problem}", Fault.DNS) from error

    async def _followed(self, name: str, kind: RdataType, trail: Trail) -> dns.resolver.Answer:
        """Ask, and again where an alias leads out of the answer."""
        resolver, asked = self._resolver(), name
        for _ in range(_MOST_ALIASES):
            answer = await resolver.resolve(
                asked,
                kind,
                search=self._search and asked == name,
                raise_on_no_answer=False,
                lifetime=self._timeout,
            )
            end = answer.canonical_name
            if end != answer.qname:
                trail.end(f"{answer.qname.to_text()} is an alias of {end.to_text()}")
                trail.begin(f"{kind.name} records of {end.to_text()}")
            if answer.rrset is not None or end == answer.qname:
                return answer
            asked = end.to_text()
        raise dns.resolver.NoAnswer

    def _of_servers(self) -> str:
        """Name those that were asked."""
        try:
            servers = ", ".join(map(str, self._resolver().nameservers))
        except dns.exception.DNSException:
            return ""
        return f" (asked: {servers})"

    def _resolver(self) -> dns.asyncresolver.Resolver:
        """Make one of what holds now. Raises DNSException without any server to ask."""
        resolver = dns.asyncresolver.Resolver(configure=False)
        try:
            resolver.read_resolv_conf("/etc/resolv.conf")
        except (dns.exception.DNSException, OSError, ValueError):
            if self._server is None:
                raise
        if self._server is not None:
            resolver.nameservers = [self._server[0]]
            resolver.port = self._server[1]
        resolver.timeout = _PATIENCE
        return resolver


class _NoSuchName(ProbeFailed):
    """The resolver says that the name does not exist."""

    is_absence = True


def _reason(error: Exception) -> str:
    """Say in a line why there was no answer."""
    if isinstance(error, dns.resolver.NoNameservers):
        failed = [str(each[-2]) or type(each[-2]).__name__ for each in error.kwargs["errors"]]
        return f"no resolver gave an answer ({', '.join(dict.fromkeys(failed))})"
    if isinstance(error, dns.resolver.NoResolverConfiguration):
        return "/etc/resolv.conf names no resolver"
    return str(error) or type(error).__name__
