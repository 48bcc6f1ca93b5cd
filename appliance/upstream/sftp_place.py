"""Backups on another machine, by the system's own `sftp` (ports.places.Place).

The program brings what a person has set up for SSH already: known hosts, keys, agent, jumps in
`~/.ssh/config`. It is run without a terminal, so it asks for nothing: who has no key there is told.
"""

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import trio

from appliance.model.errors import Conflict, NotFound, Unavailable
from appliance.ports.places import Kept

_TRANSFER: Final = 3600.0  # seconds
_TALK: Final = 60.0
_CONNECT: Final = 15
_COLUMNS: Final = 9  # of a line of `ls -ln`
_ABSENT: Final = re.compile(r"""(Can't ls:|File) ".*" not found\.?$""")
_REMARKS: Final = ("Connected to ", "Connection closed", "Warning: ")  # which give no reason


@dataclass(frozen=True, slots=True, kw_only=True)
class SftpPlace:
    """A directory ("" is where a login begins). `command` is run instead, without an address."""

    host: str
    user: str = ""
    port: int | None = None
    directory: str = ""
    identity: Path | None = None
    known_hosts: Path | None = None
    command: Sequence[str] = ()

    @property
    def description(self) -> str:
        """Where it is, as a URL."""
        user = f"{self.user}@" if self.user else ""
        port = f":{self.port}" if self.port else ""
        path = self.directory if self.directory.startswith("/") else f"/~/{self.directory}"
        return f"sftp://{user}{self.host}{port}{path}"

    @property
    def workshop(self) -> Path | None:
        """Any directory."""
        return None

    async def put(self, file: Path, name: str) -> None:
        """Send it under another name first, so that what has this name is whole."""
        if any(each.name == name for each in await self.names()):
            raise Conflict(f"{self.description} has {name} already")
        passing = self._at(f".{name}.partial")
        await self._run(
            [*self._making(), f"put {_quoted(str(file))} {passing}", f"chmod 600 {passing}",
             f"rename {passing} {self._at(name)}"], _TRANSFER,
        )  # fmt: skip

    async def get(self, name: str, file: Path) -> None:
        """Fetch it."""
        try:
            await self._run([f"get {self._at(name)} {_quoted(str(file))}"], _TRANSFER)
        except Unavailable as error:
            if _ABSENT.search(error.public):
                raise NotFound(f"there is no {name} in {self.description}") from error
            raise

    async def names(self) -> Sequence[Kept]:
        """List it; a directory that is not there is an empty one."""
        where = _quoted(self.directory) if self.directory else ""
        try:
            answer = await self._run([f"ls -ln {where}".rstrip()], _TALK)
        except Unavailable as error:
            if _ABSENT.search(error.public):
                return []
            raise
        found = []
        for line in answer.splitlines():
            columns = line.split(None, _COLUMNS - 1)
            if line.startswith("-") and len(columns) == _COLUMNS and columns[4].isdigit():
                name = columns[-1].rpartition("/")[2]
                found.append(Kept(name=name, size=int(columns[4])))
        return sorted(found, key=lambda each: each.name)

    async def remove(self, name: str) -> None:
        """Remove it."""
        await self._run([f"rm {self._at(name)}"], _TALK)

    def _at(self, name: str) -> str:
        return _quoted(f"{self.directory}/{name}" if self.directory else name)

    def _making(self) -> list[str]:
        """Make the directory and those above it; a dash in front lets it be there already."""
        parts = self.directory.split("/")
        above = ["/".join(parts[: count + 1]) for count in range(len(parts))]
        return [f"-mkdir {_quoted(each)}" for each in above if each]

    async def _run(self, batch: list[str], within: float) -> str:
        """Carry out the lines up to the first that fails. Raises Unavailable."""
        lines = "".join(f"{line}\n" for line in batch).encode()
        try:
            with trio.fail_after(within):
                done = await trio.run_process(
                    [*(self.command or self._command()), "-b", "-", *self._address()],
                    stdin=lines,
                    capture_stdout=True,
                    capture_stderr=True,
                    check=False,
                    env=_environment(),
                )
        except trio.TooSlowError:
            raise Unavailable(f"{self.description}: no end within {within:.0f} seconds") from None
        except OSError as error:
            raise Unavailable(
                f"{self.description}: the program sftp cannot be run: {error.strerror}; install "
                "openssh-client"
            ) from error
        return self._judged(done)

    def _judged(self, done: "subprocess.CompletedProcess[bytes]") -> str:
        if done.returncode == 0:
            return done.stdout.decode("utf-8", "replace")
        said = [line.strip() for line in done.stderr.decode("utf-8", "replace").splitlines()]
        telling = [line for line in said if line and not line.startswith(_REMARKS)]
        reason = telling[-1] if telling else f"exit code {done.returncode}"
        raise Unavailable(
            f"{self.description}: {reason[:200]}", detail=" | ".join(telling[:-1])[:1000]
        )

    def _command(self) -> list[str]:
        options = ["-oBatchMode=yes", f"-oConnectTimeout={_CONNECT}"]
        if self.port:
            options += ["-P", str(self.port)]
        if self.identity:
            options += ["-i", str(self.identity)]
        if self.known_hosts:
            options += [f"-oUserKnownHostsFile={self.known_hosts}"]
        return ["sftp", *options]

    def _address(self) -> list[str]:
        return [] if self.command else [f"{self.user}@{self.host}" if self.user else self.host]


def _quoted(name: str) -> str:
    """Write a name for sftp's command line."""
    escaped = "".join(f"\\{each}" if each in '\\"' else each for each in name)
    return f'"{escaped}"'


def _environment() -> dict[str, str]:
    """Undo what the one file has set for its own libraries."""
    kept = dict(os.environ)
    original = kept.pop("LD_LIBRARY_PATH_ORIG", None)
    if original is not None:
        kept["LD_LIBRARY_PATH"] = original
    elif getattr(sys, "frozen", False):
        kept.pop("LD_LIBRARY_PATH", None)
    return kept | {"LC_ALL": "C"}
