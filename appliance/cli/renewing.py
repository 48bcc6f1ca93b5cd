"""Renewing a certificate file: once, or again and again as a daemon, and what follows it."""

import os
import random
import shlex
import signal
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final, Protocol, TextIO

import trio

from appliance.cli.clock import SystemClock
from appliance.cli.files import NewFile, read_file, write_file, write_together
from appliance.cli.online import now, octets
from appliance.cli.reach import Reach
from appliance.cli.token_keys import is_on_token
from appliance.client.acme.renewal_info import Advice
from appliance.client.csr import signing_request
from appliance.client.identity import Identity, identity
from appliance.client.renewal import (
    RETRY,
    Schedule,
    keep_renewed,
    rounded,
    wait_after,
    wait_before,
)
from appliance.client.tokens import TOKEN_ID_OCTETS, audience, renewal_token
from appliance.formats import goduration, pem
from appliance.formats.keys import PrivateKey
from appliance.issuance.parsed import ParsedCertificate
from appliance.model.errors import BadRequest, HearthError

_LOOK_AGAIN: Final = timedelta(hours=1)  # after a CA did not say when to renew
_WORTH_TELLING: Final = timedelta(seconds=1)
_NOTHING: Final = timedelta()


class Holder(Protocol):
    """Whoever holds a certificate that is to stay fresh."""

    identity: Identity

    async def renew(self) -> None:
        """Renew and write the files. Raises HearthError; the old ones stay then."""


@dataclass(slots=True, kw_only=True)
class Renewer:
    """A certificate and where it is renewed; it holds the newest one."""

    identity: Identity
    reach: Reach
    url: str  # that tokens are made out to
    out: str
    mtls: bool

    def run(self) -> None:
        """Renew once, outside of Trio."""
        run_once(self.renew, "error renewing certificate")

    async def renew(self) -> None:
        """Renew and write the file. Raises HearthError; the old certificate stays then."""
        moment = now()
        in_file = not is_on_token(self.identity.key)  # TLS takes no other keys
        by_tls = self.mtls and in_file and moment < self.identity.leaf.validity.not_after
        async with self.reach(self.identity if by_tls else None) as ca:
            if by_tls:
                chain = await ca.renew()
            else:
                where = audience(self.url, "renew")
                token = renewal_token(
                    self.identity, audience=where, now=moment, token_id=octets(TOKEN_ID_OCTETS)
                )
                chain = await ca.renew_with_token(token)
        renewed = self.identity.renewed(chain)
        write_file(self.out, chain_text(chain), 0o600, force=True)
        self.identity = renewed


@dataclass(slots=True, kw_only=True)
class Rekeyer:
    """A certificate that gets a new key whenever it is renewed; it holds the newest pair.

    `make_key` gives the next key, `key_text` how it is written; `key_out` is "" where its file is
    there already.
    """

    identity: Identity
    reach: Reach
    out: str
    key_out: str
    make_key: Callable[[], PrivateKey]
    key_text: Callable[[PrivateKey], bytes]

    def run(self) -> None:
        """Rekey once, outside of Trio."""
        run_once(self.renew, "error rekeying certificate")

    async def renew(self) -> None:
        """Get the certificate for a new key, and write both. Raises HearthError, as above."""
        if self.identity.leaf.validity.not_after < now():
            raise BadRequest("cannot rekey an expired certificate: get a new one")
        key = self.make_key()
        async with self.reach(self.identity) as ca:
            chain = await ca.rekey(signing_request(key, "", ()))
        rekeyed = identity(chain, key)
        files = [NewFile(path=self.out, data=chain_text(chain), mode=0o600)]
        if self.key_out:
            files.append(NewFile(path=self.key_out, data=self.key_text(key), mode=0o600))
        write_together(files)
        self.identity = rekeyed


def run_once(renew: Callable[[], Awaitable[None]], failure: str) -> None:
    """Run it outside of Trio; a failure is told in step's words: scripts look for them."""
    try:
        trio.run(renew)
    except HearthError as error:
        raise BadRequest(f"{failure}: {error}") from error


def chain_text(chain: tuple[bytes, ...]) -> bytes:
    """Write a chain as PEM."""
    return "".join(pem.encode("CERTIFICATE", der) for der in chain).encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class After:
    """What is done after a renewal."""

    pid: int | None = None
    pid_file: str | None = None
    signal: int = signal.SIGHUP
    command: str | None = None

    def process(self) -> int | None:
        """Give the process to signal; its file is read anew, as services get new numbers.

        Raises BadRequest.
        """
        if not self.pid_file:
            return self.pid
        text = read_file(self.pid_file).strip()
        if not text.isdigit() or int(text) <= 0:
            raise BadRequest(f"{self.pid_file} does not hold a process id")
        return int(text)

    def words(self) -> list[str]:
        """Give the command in its words. Raises BadRequest."""
        try:
            return shlex.split(self.command or "")
        except ValueError as error:
            raise BadRequest(f"flag '--exec' cannot be taken apart: {error}") from error

    def run(self) -> None:
        """Signal and run, outside of Trio. Raises BadRequest."""
        trio.run(self.follow)

    async def follow(self) -> None:
        """Signal the process and run the command. Raises BadRequest when that fails."""
        process = self.process()
        if process is not None:
            try:
                os.kill(process, self.signal)
            except OSError as error:
                raise BadRequest(
                    f"kill {process} with signal {self.signal} failed: {error.strerror}"
                ) from error
        words = self.words()
        if not words:
            return
        try:
            done = await trio.run_process(words, stdin=None, check=False)
        except OSError as error:
            raise BadRequest(f"exec {words[0]} failed: {error.strerror}") from error
        if done.returncode:
            raise BadRequest(f"exec {words[0]} failed: exit status {done.returncode}")


def chance() -> float:
    """Give a number from [0, 1)."""
    return random.random()  # noqa: S311 - it spreads load, nothing secret


class Advising(Protocol):
    """Whoever knows when a CA wishes a certificate to be renewed."""

    async def ask(self, certificate: ParsedCertificate) -> Advice | None:
        """Give the advice, if there is any. Raises HearthError."""


def run_daemon(
    renewer: Holder, schedule: Schedule, after: After, adviser: Advising | None = None
) -> None:
    """Renew until SIGINT or SIGTERM; SIGHUP renews at once."""
    trio.run(_daemon, renewer, schedule, after, adviser)


async def _daemon(
    renewer: Holder, schedule: Schedule, after: After, adviser: Advising | None
) -> None:
    send, now_please = trio.open_memory_channel[None](1)
    first = wait_before(schedule, renewer.identity.leaf.validity, now(), chance())
    turns = _Turns(renewer, schedule, after, adviser, now() + first)
    wanted = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)
    with trio.open_signal_receiver(*wanted) as signals:
        # Only now: whoever reads this line may send a signal at once.
        _log("INFO", f"first renewal in {_shown(first)}")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(
                partial(keep_renewed, clock=SystemClock(), now_please=now_please),
                timedelta() if adviser else first,  # who advises is asked at once
                turns.turn,
            )
            async for number in signals:
                if number != signal.SIGHUP:
                    nursery.cancel_scope.cancel()
                    return
                turns.is_wanted = True
                try:
                    send.send_nowait(None)
                except trio.WouldBlock:
                    continue  # one is waiting already


@dataclass(slots=True)
class _Turns:
    """What happens each time that a daemon wakes: it is due, or the CA is asked when it is."""

    renewer: Holder
    schedule: Schedule
    after: After
    adviser: Advising | None
    due: datetime
    is_wanted: bool = False  # by a person, whenever it is due

    async def turn(self) -> timedelta:
        """Renew, or ask; give the wait before the next time."""
        if not self.is_wanted and now() < self.due:
            wait = await self._asked()
            if now() < self.due:
                return wait
        self.is_wanted = False
        wait = await _renew_and_follow(self.renewer, self.schedule, self.after)
        self.due = now() + wait
        return max(await self._asked(), min(wait, RETRY))  # whatever the CA says

    async def _asked(self) -> timedelta:
        """Let the CA move the moment, and say when to look again.

        What a person asked for, it can only bring forward. It cannot put it off beyond the end.
        """
        if self.adviser is None:
            return self.due - now()
        leaf = self.renewer.identity.leaf
        try:
            given = await self.adviser.ask(leaf)
        except HearthError as error:
            _log("ERROR", f"the CA does not say when to renew: {error}")
            return min(self.due - now(), _LOOK_AGAIN)
        if given is None:
            return self.due - now()
        by_person = bool(self.schedule.expires_in or self.schedule.period)
        later = by_person or given.due >= leaf.validity.not_after
        moved = min(self.due, given.due) if later else given.due
        if abs(moved - self.due) > _WORTH_TELLING:
            _log("INFO", f"the CA asks for the renewal in {_shown(max(moved - now(), _NOTHING))}")
        self.due = moved
        return min(max(self.due - now(), _NOTHING), given.holds)


async def _renew_and_follow(renewer: Holder, schedule: Schedule, after: After) -> timedelta:
    """Renew, tell it, and give the wait before the next time."""
    try:
        await renewer.renew()
    except HearthError as error:
        _log("ERROR", f"error renewing certificate: {error}")
        return RETRY
    wait = wait_after(schedule, renewer.identity.leaf.validity, now(), chance())
    leaf = renewer.identity.leaf
    name = leaf.common_name or next((san.value for san in leaf.sans), "")
    _log("INFO", f"{name} certificate renewed, next in {_shown(wait)}")
    try:
        await after.follow()
    except HearthError as error:
        _log("ERROR", str(error))
    return wait


def _shown(duration: timedelta) -> str:
    return goduration.format_duration(rounded(duration))


def _log(level: str, text: str) -> None:
    """Write a line as step does, local time after the level."""
    stream: TextIO = sys.stdout if level == "INFO" else sys.stderr
    stamp = now().astimezone().strftime("%Y/%m/%d %H:%M:%S")
    print(f"{level}: {stamp} {' '.join(text.split())}", file=stream, flush=True)
