"""Where an import comes to stand: begun beside, and put in place when it is whole.

A database of ours that is there already, of a CA that was served before its import, is copied to
begin with, and kept under another name in the end.
"""

import os
import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from appliance.config import placing
from appliance.config.placing import NewFile
from appliance.model.errors import Broken, Conflict
from appliance.server.moving import DATABASE
from appliance.stores.directory import LOCK_FILE, Claim, StoreAbsent


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A directory to be. `whole`: a step directory, with a database in it; else a database.

    `joins`: there is a database of ours, whose rows stay.
    """

    place: Path
    whole: bool
    joins: bool

    @property
    def beside(self) -> Path:
        """Where it is begun."""
        return self.place.with_name(f"{self.place.name}.importing")

    @property
    def database(self) -> Path:
        """Where its database is begun."""
        return self.beside / DATABASE if self.whole else self.beside

    @property
    def kept(self) -> Path:
        """Where a database that was there is afterwards."""
        return self.place.with_name(f"{self.place.name}.before-import")

    def begin(self) -> None:
        """Make place for the new database. Raises Broken, and Unavailable for one in use."""
        self.clear()
        try:
            if self.whole:
                self.beside.mkdir(mode=0o700, parents=True)
            elif self.joins:
                claim = Claim(self.place, create=False)
                try:
                    shutil.copytree(self.place, self.beside, ignore=_but_files)
                finally:
                    claim.release()
        except (OSError, shutil.Error) as error:
            raise Broken(f"{self.beside} cannot be made", detail=str(error)) from error

    def finish(self, files: Sequence[NewFile], owner: os.stat_result) -> None:
        """Put files to the finished database; all of it gets its name and owner. Raises Broken.

        The files are named within the target.
        """
        if files:
            placing.place(files)
        try:
            if os.geteuid() == 0:
                for each in (self.beside, *self.beside.rglob("*")):
                    os.chown(each, owner.st_uid, owner.st_gid)
            if self.joins:
                self.place.rename(self.kept)
            elif self.place.exists():
                self.place.rmdir()  # it was empty
            self.beside.rename(self.place)
            _sync(self.place.parent)
        except OSError as error:
            if self.joins and not self.place.exists():
                self.kept.rename(self.place)
            raise Broken(f"{self.place} cannot be made: {error.strerror}") from error

    def clear(self) -> None:
        """Remove what is begun. Raises Unavailable where that is another import under way."""
        if not self.beside.exists():
            return
        with suppress(StoreAbsent):
            Claim(self.database, create=False).release()
        try:
            shutil.rmtree(self.beside)
        except OSError as error:
            raise Broken(f"{self.beside} cannot be removed: {error.strerror}") from error


def choose(place: Path, *, whole: bool) -> Target:
    """See that nothing would be replaced. Raises Conflict, Unavailable, Broken."""
    target = Target(place=place, whole=whole, joins=False)
    try:
        if not place.exists() or (place.is_dir() and not any(place.iterdir())):
            return target
        if not whole:
            Claim(place, create=False).release()
            target = Target(place=place, whole=False, joins=True)
    except StoreAbsent:
        pass
    except OSError as error:
        raise Broken(f"{place} cannot be looked at: {error.strerror}") from error
    if not target.joins or target.kept.exists():
        there = target.kept if target.joins else place
        raise Conflict(
            f"{there} is there already, and an import replaces nothing: move it away, or name "
            "another place"
        )
    return target


def _but_files(folder: str, names: list[str]) -> list[str]:
    """Leave out locks and sockets."""
    return [each for each in names if each == LOCK_FILE or not Path(folder, each).is_file()]


def _sync(directory: Path) -> None:
    """Have the names in a directory written to disk."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
