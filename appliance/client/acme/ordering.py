"""From an order to a certificate: prove every name, have a request signed, fetch what came of it.

A challenge is waited for at its own address: step-ca looks again whenever it is asked there, others
tell how far they are. Servers say with Retry-After how long to wait.
"""

from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeVar

import trio

from appliance.client.acme.account import AcmeAccount, decoded, retry_after
from appliance.client.acme.answering import Answering, Proof
from appliance.client.acme.messages import Authorization, Challenge, Order
from appliance.client.acme.transport import Answer
from appliance.formats import base64url, names, pem, timeorduration
from appliance.issuance import subjects
from appliance.issuance.acme import challenges
from appliance.issuance.parsed import parse
from appliance.model.acme import ChallengeType, Identifier, IdentifierType
from appliance.model.errors import (
    BadRequest,
    Broken,
    FormatError,
    HearthError,
    NotSupported,
    Unavailable,
)
from appliance.model.names import SanKind
from appliance.ports.clock import Clock

_PATIENCE: Final = 90.0  # seconds, for each thing that the server has to do
_WAITS: Final = (0.1, 0.3, 1.0, 2.0, 4.0)  # seconds between looks; the last one again and again
_LONGEST: Final = 30.0  # a Retry-After beyond that is looked into earlier
_MOST_CHAINS: Final = 8
_PEM: Final = "application/pem-certificate-chain"
_WAITING: Final = ("pending", "processing")
_KINDS: Final = {SanKind.DNS: IdentifierType.DNS, SanKind.IP: IdentifierType.IP}

T = TypeVar("T", Challenge, Order)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is to be ordered. `replaces` is the identifier of a certificate (RFC 9773 4.1)."""

    identifiers: tuple[Identifier, ...]
    not_before: datetime | None = None
    not_after: datetime | None = None
    replaces: str = ""
    profile: str = ""
    preferred_chain: str = ""

    def payload(self) -> dict[str, Any]:
        """Write the order as it is sent."""
        made: dict[str, Any] = {
            "identifiers": [{"type": each.type, "value": each.value} for each in self.identifiers]
        }
        for name, moment in (("notBefore", self.not_before), ("notAfter", self.not_after)):
            if moment is not None:
                made[name] = timeorduration.format_time(moment.replace(microsecond=0))
        texts = {"replaces": self.replaces, "profile": self.profile}
        return made | {name: text for name, text in texts.items() if text}


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How names are proved, what time it is, and who is told how far it is."""

    answering: Answering
    clock: Clock
    tell: Callable[[str], None]


def identifiers(subject: str, sans: Iterable[str]) -> tuple[Identifier, ...]:
    """Classify what is asked for; the subject is ordered too. Raises BadRequest."""
    found = [_identifier(text) for text in dict.fromkeys([*sans, subject]) if text]
    if not found:
        raise BadRequest("there is no name to order a certificate for")
    return tuple(dict.fromkeys(found))


def names_of(ordered: Iterable[Identifier]) -> tuple[str, ...]:
    """Give the names that a signing request for an order has."""
    return tuple(each.value for each in ordered)


async def obtain(account: AcmeAccount, wish: Wish, way: Way, request: bytes) -> tuple[bytes, ...]:
    """Order, prove, finalize with the signing request (DER), fetch: the chain, the leaf first.

    Raises AcmeRefusal, BadRequest for names that could not be proved, Unavailable, Broken.
    """
    answer = await account.post(account.directory.new_order, wish.payload())
    where, order = answer.headers.get("location", ""), decoded(answer, Order)
    if not where:
        raise Broken(f"{answer.where}: the ACME server does not say where the order is")
    if order.status == "pending":
        await _prove(account, order, way)
    poll = _Poll(account, way.clock)
    order = await poll.until_settled(where, Order, ("pending",), "the order to become ready")
    if order.status == "ready":
        way.tell("Finalizing Order")
        await account.post(order.finalize, {"csr": base64url.encode(request)})
        waiting = ("ready", "processing")
        order = await poll.until_settled(where, Order, waiting, "the certificate")
    if order.status != "valid" or not order.certificate:
        why = f": {order.error.text}" if order.error else ""
        raise BadRequest(f"the order is {order.status}{why}")
    return await _download(account, order.certificate, wish.preferred_chain)


class _Poll:
    """Looks, again and again, until something is settled."""

    def __init__(self, account: AcmeAccount, clock: Clock) -> None:
        self._account = account
        self._clock = clock

    async def until_settled(self, url: str, kind: type[T], waiting: Sequence[str], what: str) -> T:
        """Give the first state that is none of `waiting`. Raises Unavailable after a while."""
        seen: T | None = None
        with trio.move_on_after(_PATIENCE):
            for look in range(int(_PATIENCE / _WAITS[0])):
                answer = await self._account.post(url, None)
                seen = decoded(answer, kind)
                if seen.status not in waiting:
                    return seen
                await trio.sleep(self._pause(answer, look))
        why = f": {seen.error.text}" if seen is not None and seen.error else ""
        raise Unavailable(f"waited for {what} in vain for {_PATIENCE:g} s{why}")

    def _pause(self, answer: Answer, look: int) -> float:
        wanted = retry_after(answer, self._clock.now())
        usual = _WAITS[min(look, len(_WAITS) - 1)]
        return usual if wanted is None else min(max(wanted, _WAITS[0]), _LONGEST)


async def _prove(account: AcmeAccount, order: Order, way: Way) -> None:
    """Prove every name that is not proved yet; all proofs are shown at the same time."""
    open_ones = [
        authorization
        for url in order.authorizations
        if (authorization := await account.read(url, Authorization)).status == "pending"
    ]
    poll = _Poll(account, way.clock)
    chosen = [(each.name, _chosen(each, way.answering.challenge)) for each in open_ones]
    async with way.answering.ready():
        for name, challenge in chosen:
            way.tell(way.answering.describe(name))
            token = challenge.checked_token
            by_account = challenge.type == ChallengeType.DNS_ACCOUNT_01
            proof = Proof(
                name=name,
                token=token,
                authorization=f"{token}.{account.thumbprint}",
                label=challenges.account_label(account.url) if by_account else "",
            )
            async with _shown(way.answering, proof):
                await account.post(challenge.url, {})
                what = f"the validation of {name}"
                ended = await poll.until_settled(challenge.url, Challenge, _WAITING, what)
            if ended.status != "valid":
                why = ended.error.text if ended.error else f"the challenge is {ended.status}"
                raise BadRequest(f"unable to validate {name}: {why}")


@asynccontextmanager
async def _shown(answering: Answering, proof: Proof) -> AsyncGenerator[None, None]:
    """Show a proof while the block runs, and take it away whatever happens."""
    try:
        await answering.show(proof)
        yield
    except BaseException:
        with _shielded(), suppress(HearthError):  # what failed first is what is told
            await answering.withdraw(proof)
        raise
    with _shielded():
        await answering.withdraw(proof)


def _shielded() -> trio.CancelScope:
    return trio.CancelScope(shield=True, deadline=trio.current_time() + _LONGEST)


def _chosen(authorization: Authorization, kind: ChallengeType) -> Challenge:
    """Find the challenge that we answer; what proves by the DNS knows dns-account-01, too."""
    kinds = (kind, ChallengeType.DNS_ACCOUNT_01) if kind is ChallengeType.DNS_01 else (kind,)
    for each in kinds:
        for challenge in authorization.challenges:
            if challenge.type == each:
                return challenge
    offered = ", ".join(sorted(each.type for each in authorization.challenges)) or "none"
    raise NotSupported(
        f"unable to validate {authorization.name} by {kind}: the CA offers {offered}"
    )


async def _download(account: AcmeAccount, url: str, preferred: str) -> tuple[bytes, ...]:
    """Fetch the chain, or the alternate one that leads to the preferred issuer (7.4.2)."""
    answer = await account.post(url, None, accept=_PEM)
    chain = _certificates(answer)
    if not preferred or _leads_to(chain, preferred):
        return chain
    known = [_top(chain)]
    for other in answer.links("alternate")[:_MOST_CHAINS]:
        alternate = _certificates(await account.post(other, None, accept=_PEM))
        if _leads_to(alternate, preferred):
            return alternate
        known.append(_top(alternate))
    raise BadRequest(f"no chain of the CA leads to '{preferred}', they lead to: {', '.join(known)}")


def _certificates(answer: Answer) -> tuple[bytes, ...]:
    try:
        return tuple(pem.certificates(answer.body))
    except FormatError as error:
        raise Broken(f"{answer.where}: the ACME server sent no certificate in PEM") from error


def _top(chain: Sequence[bytes]) -> str:
    return _issuer_name(chain[-1])


def _leads_to(chain: Sequence[bytes], name: str) -> bool:
    return any(_issuer_name(der) == name for der in chain)


def _issuer_name(der: bytes) -> str:
    return subjects.common_name(parse(der).issuer)


def _identifier(text: str) -> Identifier:
    san = names.classify(text)
    kind = _KINDS.get(san.kind)
    if kind is None:
        raise BadRequest(
            f"'{text}': Email Address and URI SANs are not supported for ACME flow, only DNS names "
            "and IP addresses are"
        )
    return Identifier(type=kind, value=san.value)


def check_wildcards(ordered: Iterable[Identifier], challenge: ChallengeType) -> None:
    """Refuse wildcards where only the DNS can prove them (RFC 8555 section 8.4).

    Raises BadRequest.
    """
    if challenge is ChallengeType.DNS_01:
        return
    for each in ordered:
        if each.is_wildcard:
            raise BadRequest(
                f"wildcard DNS names ({each.value}) are validated by DNS alone: give a --dns-hook"
            )
