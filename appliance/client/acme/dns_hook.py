"""Answering dns-01 by a command of the person's that changes the DNS."""

import hashlib
import shlex
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import trio

from appliance.client.acme.answering import Proof
from appliance.formats import base64url
from appliance.model.acme import ChallengeType
from appliance.model.errors import BadRequest


@dataclass(frozen=True, slots=True)
class DnsHook:
    """dns-01 by `COMMAND add NAME VALUE` and `COMMAND remove NAME VALUE`.

    The command ends when the TXT record can be seen, or is gone; a status other than 0 means that
    this did not work. Several values can stand at one name, for `example.com` and `*.example.com`.
    """

    command: str

    def __post_init__(self) -> None:
        """See that the command can be taken apart. Raises BadRequest."""
        try:
            words = shlex.split(self.command)
        except ValueError as error:
            raise BadRequest(f"flag '--dns-hook' cannot be taken apart: {error}") from error
        if not words:
            raise BadRequest("flag '--dns-hook' needs a command")

    @property
    def challenge(self) -> ChallengeType:
        """See Answering."""
        return ChallengeType.DNS_01

    def describe(self, name: str) -> str:
        """See Answering."""
        return f"Using DNS challenge by {shlex.split(self.command)[0]} to validate {name}"

    @asynccontextmanager
    async def ready(self) -> AsyncGenerator[None, None]:
        """There is nothing to open."""
        await trio.lowlevel.checkpoint()
        yield

    async def show(self, proof: Proof) -> None:
        """Have the record added. Raises BadRequest."""
        await self._run("add", proof)

    async def withdraw(self, proof: Proof) -> None:
        """Have the record removed. Raises BadRequest."""
        await self._run("remove", proof)

    async def _run(self, verb: str, proof: Proof) -> None:
        record, value = record_of(proof)
        words = [*shlex.split(self.command), verb, record, value]
        try:
            done = await trio.run_process(words, stdin=None, check=False)
        except OSError as error:
            raise BadRequest(f"exec {words[0]} failed: {error.strerror}") from error
        if done.returncode:
            raise BadRequest(f"{words[0]} {verb} {record} failed: exit status {done.returncode}")


def record_of(proof: Proof) -> tuple[str, str]:
    """Give the name and the text of the TXT record (RFC 8555 section 8.4)."""
    digest = hashlib.sha256(proof.authorization.encode()).digest()
    below = f"{proof.label}." if proof.label else ""
    name = f"{below}_acme-challenge.{proof.name.removeprefix('*.')}"
    return name, base64url.encode(digest)
