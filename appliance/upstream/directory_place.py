"""Backups in a directory: of a disk, a mounted stick or a share (ports.places.Place)."""

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import trio

from appliance.model.errors import Conflict, NotFound, Unavailable
from appliance.ports.places import Kept

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class DirectoryPlace:
    """A directory. With `mounted` it, or one above it, must be where a file system is mounted.

    So that a backup for a stick that is not plugged in is not written to the disk beneath.
    """

    directory: Path
    mounted: bool = False

    @property
    def description(self) -> str:
        """Where it is."""
        return str(self.directory)

    @property
    def workshop(self) -> Path | None:
        """The directory itself, made if need be: moving a file within it costs nothing."""
        self._make()
        return self.directory

    async def put(self, file: Path, name: str) -> None:
        """Give a file that is on disk already its name."""

        def put() -> None:
            self._make()
            target = self.directory / name
            if target.exists():
                raise Conflict(f"{target} is there already")
            if file.parent == self.directory:
                file.rename(target)
            else:
                _copy(file, target)
            _sync(self.directory)

        await self._run(put)

    async def get(self, name: str, file: Path) -> None:
        """Copy it."""

        def get() -> None:
            try:
                shutil.copyfile(self.directory / name, file)
            except FileNotFoundError as error:
                raise NotFound(f"there is no {name} in {self.directory}") from error

        await self._run(get)

    async def names(self) -> Sequence[Kept]:
        """List it; no directory is an empty one."""

        def names() -> list[Kept]:
            self._check_mounted()
            if not self.directory.is_dir():
                return []
            found = [each for each in os.scandir(self.directory) if each.is_file()]
            return sorted(
                (Kept(name=each.name, size=each.stat().st_size) for each in found),
                key=lambda each: each.name,
            )

        return await self._run(names)

    async def remove(self, name: str) -> None:
        """Remove it."""
        await self._run(lambda: (self.directory / name).unlink(missing_ok=True))

    def _make(self) -> None:
        self._check_mounted()
        try:
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise self._unavailable(error) from error

    def _check_mounted(self) -> None:
        if not self.mounted:
            return
        above = [self.directory, *self.directory.parents][:-1]  # the root is always mounted
        if not any(each.is_mount() for each in above):
            raise Unavailable(f"nothing is mounted at {self.directory}: is the stick plugged in?")

    async def _run(self, work: Callable[[], T]) -> T:
        try:
            return await trio.to_thread.run_sync(work)
        except OSError as error:
            raise self._unavailable(error) from error

    def _unavailable(self, error: OSError) -> Unavailable:
        return Unavailable(f"{self.directory} cannot be used: {error.strerror or error}")


def _copy(file: Path, target: Path) -> None:
    passing = target.with_name(f".{target.name}.partial")
    try:
        shutil.copyfile(file, passing)
        passing.chmod(0o600)
        _sync(passing)
        passing.rename(target)
    finally:
        passing.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    opened = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
