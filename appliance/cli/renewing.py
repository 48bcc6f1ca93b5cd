"""Renewing a certificate file: once, or again and again as a daemon, and what follows it."""

import os
import random
import shlex
import signal
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Protocol, TextIO

import trio

from appliance.cli.clock import SystemClock
from appliance.cli.files import NewFile, read_file, write_file, write_together
from appliance.cli.online import now, octets
from appliance.cli.reach import Reach
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
from appliance.model.errors import BadRequest, HearthError


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
        _run_once(self.renew, "error renewing certificate")

    async def renew(self) -> None:
        """Renew and write the file. Raises HearthError; the old certificate stays then."""
        moment = now()
        by_tls = self.mtls and moment < self.identity.leaf.validity.not_after
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
        write_file(self.out, _text(chain), 0o600, force=True)
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
        _run_once(self.renew, "error rekeying certificate")

    async def renew(self) -> None:
        """Get the certificate for a new key, and write both. Raises HearthError, as above."""
        if self.identity.leaf.validity.not_after < now():
            raise BadRequest("cannot rekey an expired certificate: get a new one")
        key = self.make_key()
        async with self.reach(self.identity) as ca:
            chain = await ca.rekey(signing_request(key, "", ()))
        rekeyed = identity(chain, key)
        files = [NewFile(path=self.out, data=_text(chain), mode=0o600)]
        if self.key_out:
            files.append(NewFile(path=self.key_out, data=self.key_text(key), mode=0o600))
        write_together(files)
        self.identity = rekeyed


def _run_once(renew: Callable[[], Awaitable[None]], failure: str) -> None:
    """Run it; say of a failure what failed, in step's words: scripts look for them."""
    try:
        trio.run(renew)
    except HearthError as error:
        raise BadRequest(f"{failure}: {error}") from error


def _text(chain: tuple[bytes, ...]) -> bytes:
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


def run_daemon(renewer: Holder, schedule: Schedule, after: After) -> None:
    """Renew until SIGINT or SIGTERM; SIGHUP renews at once."""
    trio.run(_daemon, renewer, schedule, after)


async def _daemon(renewer: Holder, schedule: Schedule, after: After) -> None:
    send, now_please = trio.open_memory_channel[None](1)
    first = wait_before(schedule, renewer.identity.leaf.validity, now(), chance())
    wanted = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)
    with trio.open_signal_receiver(*wanted) as signals:
        # Only now: whoever reads this line may send a signal at once.
        _log("INFO", f"first renewal in {_shown(first)}")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(
                partial(keep_renewed, clock=SystemClock(), now_please=now_please),
                first,
                partial(_renew_and_follow, renewer, schedule, after),
            )
            async for number in signals:
                if number != signal.SIGHUP:
                    nursery.cancel_scope.cancel()
                    return
                try:
                    send.send_nowait(None)
                except trio.WouldBlock:
                    continue  # one is waiting already


async def _renew_and_follow(renewer: Holder, schedule: Schedule, after: After) -> timedelta:
    """Renew, tell it, and give the wait before the next time."""
    try:
        await renewer.renew()
    except HearthError as error:
        _log("ERROR", f"error renewing certificate: {error}")
        return RETRY
    wait = wait_after(schedule, renewer.identity.leaf.validity, now(), chance())
    name = renewer.identity.leaf.common_name
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
